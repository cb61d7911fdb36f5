//! Mounts of a service, in either notation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::binds::Bind;
use super::super::host;
use super::super::judgement::{Judgement, Stack};
use super::{every, shown};

/// Options of the short notation that mean the same in the copy.
const OPTIONS: [&str; 3] = ["ro", "rw", "nocopy"];

/// Why mounts are not as they were.
const FILLED: &str =
    "the copy has a volume for each folder that the stack writes to, filled from it";
const OWN_FILE: &str = "the copy writes to a file of its own, with what is in the original's";
const OPTIONS_LOST: &str = "no option that relabels the original's files, or has mounts travel";

/// Mounts of which every one is allowed; the short notation loses options that are not known.
pub(in super::super) fn mounts(value: &Value, stack: &Stack<'_>) -> Judgement {
    let Some(mounts) = value.as_array() else {
        return Judgement::Refuse(shown(value), "it is no list of mounts");
    };
    let mut sealed = Vec::with_capacity(mounts.len());
    let mut reasons = BTreeSet::new();
    for mount in mounts {
        let read = match (Bind::read(mount), mount) {
            (Some(bind), _) => of_host(mount, &bind, stack, &mut reasons),
            (None, Value::String(short)) => of_short(short, stack, &mut reasons),
            (None, long) => of_long(long, stack).map(|()| long.clone()),
        };
        match read {
            Ok(mount) => sealed.push(mount),
            Err((source, why)) => return Judgement::Refuse(source, why),
        }
    }
    sealed.extend(within(mounts, stack));
    let sealed = Value::Array(sealed);
    if &sealed == value {
        Judgement::Keep
    } else {
        Judgement::Change(sealed, reasons.into_iter().collect())
    }
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

/// A file or folder of the host: a volume in its place where the stack writes to the folder, the
/// real path of a file, which is copied when the stack is sealed, or as it was.
fn of_host(
    mount: &Value,
    bind: &Bind<'_>,
    stack: &Stack<'_>,
    reasons: &mut BTreeSet<&'static str>,
) -> Result<Value, Refused> {
    let path = stack.dir.join(bind.source);
    let real = host::real(&path);
    let refused = |why| {
        let leads = real.as_ref().filter(|real| *real != &path);
        let leads = leads.map_or_else(String::new, |real| format!(" -> {}", real.display()));
        (format!("{}{leads}", bind.source), why)
    };
    if let Some(volume) = real.as_deref().and_then(|real| stack.binds.volume(real)) {
        if let Some(why) = host::forbids_copying(&path) {
            return Err(refused(why));
        }
        reasons.insert(FILLED);
        return Ok(replaced(mount, bind, volume));
    }
    if let Some(why) = host::forbids(&path) {
        return Err(refused(why));
    }
    let sealed = without_options(mount, reasons);
    let Some(file) = real.filter(|real| real.is_file()) else { return Ok(sealed) };
    if !bind.read_only {
        reasons.insert(OWN_FILE);
    }
    Ok(bind.with_source(&sealed, &file))
}

/// Volumes within folders that are mounted: there, too, the copy has its own.
fn within(mounts: &[Value], stack: &Stack<'_>) -> Vec<Value> {
    let target = |mount: &Value| {
        let short = mount.as_str().map(|short| short.split(':').nth(1).unwrap_or(short));
        short.or_else(|| mount["target"].as_str()).map(PathBuf::from)
    };
    let mut targets = mounts.iter().filter_map(target).collect::<BTreeSet<_>>();
    let mut added = Vec::new();
    for bind in mounts.iter().filter_map(Bind::read) {
        let Some(real) = host::real(&stack.dir.join(bind.source)) else { continue };
        for (below, volume) in stack.binds.within(&real, bind.read_only) {
            let target = Path::new(bind.target).join(below);
            if targets.insert(target.clone()) {
                added.push(volume_at(volume, &target.to_string_lossy(), bind.read_only));
            }
        }
    }
    added
}

/// The mount with a volume in the folder's place. The engine would put what the image has at the
/// target into an empty volume, which a folder of the host hides.
fn replaced(mount: &Value, bind: &Bind<'_>, volume: &str) -> Value {
    if mount.is_string() {
        let access = if bind.read_only { "ro,nocopy" } else { "nocopy" };
        return json!(format!("{volume}:{}:{access}", bind.target));
    }
    volume_at(volume, bind.target, bind.read_only)
}

fn volume_at(volume: &str, target: &str, read_only: bool) -> Value {
    let mut mount = json!({ "type": "volume", "source": volume, "target": target });
    if read_only {
        mount["read_only"] = json!(true);
    }
    mount["volume"] = json!({ "nocopy": true });
    mount
}

/// `SOURCE:TARGET:OPTIONS`, `SOURCE:TARGET` or, for a volume without a name, `TARGET`.
fn of_short(
    mount: &str,
    stack: &Stack<'_>,
    reasons: &mut BTreeSet<&'static str>,
) -> Result<Value, Refused> {
    let Some((source, _)) = mount.split_once(':') else { return Ok(json!(mount)) };
    if source.starts_with('~') {
        return Err((source.to_owned(), "whose home folder is meant is not known"));
    }
    volume(source, stack)?;
    Ok(without_options(&json!(mount), reasons))
}

/// The short notation without options that would travel or relabel.
fn without_options(mount: &Value, reasons: &mut BTreeSet<&'static str>) -> Value {
    let Some(mut parts) = mount.as_str().map(|short| short.split(':')) else {
        return mount.clone();
    };
    let (source, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let asked = parts.flat_map(|options| options.split(',')).collect::<Vec<_>>();
    if asked.iter().all(|option| OPTIONS.contains(option)) {
        return mount.clone();
    }
    reasons.insert(OPTIONS_LOST);
    let kept = asked.into_iter().filter(|option| OPTIONS.contains(option)).collect::<Vec<_>>();
    json!(match kept.as_slice() {
        [] => format!("{source}:{target}"),
        kept => format!("{source}:{target}:{}", kept.join(",")),
    })
}

fn of_long(mount: &Value, stack: &Stack<'_>) -> Result<(), Refused> {
    let source = mount["source"].as_str().unwrap_or_default();
    match mount["type"].as_str() {
        Some("tmpfs") => Ok(()),
        Some("volume") if source.is_empty() => Ok(()),
        Some("volume") => volume(source, stack),
        _ => Err((shown(mount), "its type is not one that can be sealed")),
    }
}

fn volume(name: &str, stack: &Stack<'_>) -> Result<(), Refused> {
    if stack.volumes.contains(name) {
        return Ok(());
    }
    Err((name.to_owned(), "it is no volume of the stack"))
}
