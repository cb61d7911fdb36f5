//! Mounts of a service, in either notation.

use serde_json::{Value, json};

use super::super::host;
use super::super::judgement::{Judgement, Stack};
use super::{every, shown};

/// Options of the short notation that mean the same in the copy.
const OPTIONS: [&str; 3] = ["ro", "rw", "nocopy"];

/// Mounts of which every one is allowed; the short notation loses options that are not known.
pub(in super::super) fn mounts(value: &Value, stack: &Stack<'_>) -> Judgement {
    let Some(mounts) = value.as_array() else {
        return Judgement::Refuse(shown(value), "it is no list of mounts");
    };
    let mut sealed = Vec::with_capacity(mounts.len());
    for mount in mounts {
        let read = match mount {
            Value::String(short) => of_short(short, stack),
            long => of_long(long, stack).map(|()| long.clone()),
        };
        match read {
            Ok(mount) => sealed.push(mount),
            Err((source, why)) => return Judgement::Refuse(source, why),
        }
    }
    let sealed = Value::Array(sealed);
    if &sealed == value { Judgement::Keep } else { Judgement::Change(sealed) }
}

/// Services whose volumes another has as well.
pub(in super::super) fn from(value: &Value, stack: &Stack<'_>) -> Judgement {
    every(value, "it would use volumes of another container", |from| {
        // Version 1 says `service:NAME:MODE`, version 2 `NAME:MODE`; both `container:NAME`.
        let name = from.strip_prefix("service:").unwrap_or(from);
        stack.services.contains(name.split(':').next().unwrap_or(name))
    })
}

type Refused = (String, &'static str);

/// `SOURCE:TARGET:OPTIONS`, `SOURCE:TARGET` or, for a volume without a name, `TARGET`.
fn of_short(mount: &str, stack: &Stack<'_>) -> Result<Value, Refused> {
    let mut parts = mount.split(':');
    let (source, target) = (parts.next().unwrap_or_default(), parts.next());
    let Some(target) = target else { return Ok(json!(mount)) };
    let asked = parts.flat_map(|options| options.split(',')).collect::<Vec<_>>();
    if source.starts_with(['/', '.', '~']) {
        bind(source, asked.contains(&"ro"), stack)?;
    } else {
        volume(source, stack)?;
    }
    if asked.iter().all(|option| OPTIONS.contains(option)) {
        return Ok(json!(mount));
    }
    let kept = asked.into_iter().filter(|option| OPTIONS.contains(option)).collect::<Vec<_>>();
    Ok(json!(match kept.as_slice() {
        [] => format!("{source}:{target}"),
        kept => format!("{source}:{target}:{}", kept.join(",")),
    }))
}

fn of_long(mount: &Value, stack: &Stack<'_>) -> Result<(), Refused> {
    let source = mount["source"].as_str().unwrap_or_default();
    match mount["type"].as_str() {
        Some("tmpfs") => Ok(()),
        Some("volume") if source.is_empty() => Ok(()),
        Some("volume") => volume(source, stack),
        Some("bind") => bind(source, mount["read_only"] == Value::Bool(true), stack),
        _ => Err((shown(mount), "its type is not one that can be sealed")),
    }
}

fn volume(name: &str, stack: &Stack<'_>) -> Result<(), Refused> {
    if stack.volumes.contains(name) {
        return Ok(());
    }
    Err((name.to_owned(), "it is no volume of the stack"))
}

fn bind(source: &str, is_read_only: bool, stack: &Stack<'_>) -> Result<(), Refused> {
    const WRITES: &str =
        "the copy could write to the original's files; mark it read_only, or use a named volume";
    let path = stack.dir.join(source);
    let Some(why) = host::forbids(&path).or((!is_read_only).then_some(WRITES)) else {
        return Ok(());
    };
    let leads = path.canonicalize().ok().filter(|real| real != &path);
    let leads = leads.map_or_else(String::new, |real| format!(" -> {}", real.display()));
    Err((format!("{source}{leads}"), why))
}
