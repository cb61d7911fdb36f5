//! Lists of `drill.toml` that have files of their own: `include`.

use std::path::Path;

use super::{Config, accept};
use crate::error::{Error, Result};

/// What such a file may hold: lists, which add up, and the browser's steps.
const HOLDS: [&str; 7] = ["accept", "browser", "invariant", "method", "probe", "route", "volume"];

/// Adds what the files that it names hold, in their order.
pub(super) fn resolve(config: &mut Config, dir: &Path) -> Result<()> {
    for name in &config.include.clone() {
        if name.components().all(is_below) {
            add(config, dir, name)?;
            continue;
        }
        let name = name.display();
        return Err(Error::usage(format!(
            "drill.toml includes {name}, outside of the stack's folder"
        ))
        .hint("include files below that folder"));
    }
    Ok(())
}

fn is_below(part: std::path::Component<'_>) -> bool {
    matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir)
}

fn add(config: &mut Config, dir: &Path, name: &Path) -> Result<()> {
    let file = &dir.join(name);
    let Some(text) = super::read(file)? else {
        return Err(Error::usage(format!("{} does not exist", file.display()))
            .hint("drill.toml names it under include"));
    };
    let mut part = Config::parse(&text, file)?;
    accept::locate(&mut part.accepts, &text, &name.display().to_string());
    let keys = text.parse::<toml::Table>().unwrap_or_default();
    if let Some(key) = keys.keys().find(|key| !HOLDS.contains(&key.as_str())) {
        return Err(Error::usage(format!(
            "{}: {key} belongs into drill.toml itself",
            file.display()
        ))
        .hint(format!("an included file may hold: {}", HOLDS.join(", "))));
    }
    if part.browser.is_some() && config.browser.is_some() {
        return Err(Error::usage(format!("{}: there is a [browser] already", file.display()))
            .hint("keep one of them"));
    }
    config.browser = config.browser.take().or(part.browser);
    config.accepts.extend(part.accepts);
    config.invariants.extend(part.invariants);
    config.methods.extend(part.methods);
    config.probes.extend(part.probes);
    config.routes.extend(part.routes);
    config.volumes.extend(part.volumes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What loading says of a `drill.toml` that includes `part.toml`, which holds a text.
    fn load(drill: &str, part: Option<&str>) -> Result<Config> {
        let stack = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| fs::write(stack.path().join(name), text);
        write("compose.yaml", "services: {}\n").expect("written");
        write("drill.toml", drill).expect("written");
        if let Some(part) = part {
            write("part.toml", part).expect("written");
        }
        Config::load(stack.path())
    }

    const DRILL: &str = "include = [\"part.toml\"]\n[[volume]]\nname = \"one\"\nclass = \"cache\"\nloss = \"none\"\n";
    const PART: &str = "[[volume]]\nname = \"two\"\nclass = \"cache\"\nloss = \"none\"\n";

    #[test]
    fn lists_add_up_in_their_order() {
        let config = load(DRILL, Some(PART)).expect("it is valid");
        let names = config.volumes.iter().map(|volume| volume.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn an_acceptance_knows_the_file_that_it_is_written_in() {
        let accept = "[[accept]]\nid = \"a.b\"\nreason = \"so\"\n";
        let drill = format!("{DRILL}{accept}");
        let config = load(&drill, Some(&format!("{PART}\n{accept}"))).expect("it is valid");
        let places = config.accepts.iter().filter_map(|it| it.place.clone());
        let places = places.map(|place| (place.file, place.line)).collect::<Vec<_>>();
        let at = |file: &str, line| (file.to_owned(), Some(line));
        assert_eq!(places, [at("drill.toml", 7), at("part.toml", 7)]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        let twice = format!("{PART}[browser]\n");
        let wrong = [
            (DRILL, None, "part.toml does not exist"),
            (
                DRILL,
                Some("[database]\nname = \"x\"\n"),
                "part.toml: database belongs into drill.toml",
            ),
            (
                DRILL,
                Some("include = [\"other.toml\"]\n"),
                "part.toml: include belongs into drill.toml",
            ),
            (DRILL, Some("[[volume]]\nnam = \"x\"\n"), "part.toml"),
            (DRILL, Some(&PART.replace("two", "one")), "is there twice"),
            (
                "include = [\"part.toml\"]\n[browser]\n",
                Some(&*twice),
                "there is a [browser] already",
            ),
            ("include = [\"../part.toml\"]\n", Some(PART), "outside of the stack's folder"),
            ("include = [\"/etc/passwd\"]\n", None, "outside of the stack's folder"),
        ];
        for (drill, part, message) in wrong {
            let error = load(drill, part).expect_err(message);
            assert!(error.to_string().contains(message), "{error} instead of {message:?}");
        }
    }
}
