//! Volumes without a name: those that a service or its image declares and nobody mounts anything at.
//! The copy gives each a name, or nobody could back up, destroy and compare what is in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What the names begin with.
const PREFIX: &str = "unnamed";

/// Name that the copy gives to the volume without a name of a service at a path.
#[must_use]
pub fn unnamed(service: &str, path: &str) -> String {
    let slug = path.trim_matches('/').replace(|it: char| !it.is_ascii_alphanumeric(), "-");
    format!("{}{slug}", unnamed_of(service))
}

/// What the names of all such volumes of a service begin with.
#[must_use]
pub fn unnamed_of(service: &str) -> String {
    format!("{PREFIX}-{service}-")
}

/// Names the volumes of a service, `declared` being those of its image, by their paths. Those of a
/// service that runs more than once stay as they are: each container has its own.
pub(super) fn name(
    service: &str,
    definition: &mut Value,
    declared: &[String],
) -> BTreeMap<String, String> {
    let count = [&definition["scale"], &definition["deploy"]["replicas"]];
    if count.into_iter().filter_map(Value::as_u64).any(|count| count > 1) {
        return BTreeMap::new();
    }
    let mut named = BTreeMap::new();
    let mut taken = Vec::new();
    let mounts = definition.get_mut("volumes").and_then(Value::as_array_mut);
    for mount in mounts.into_iter().flatten() {
        let (target, has_source) = target(mount);
        let is_volume = mount.is_string() || mount["type"] == "volume";
        if is_volume && !has_source {
            let name = unnamed(service, &target);
            *mount = json!({ "type": "volume", "source": name, "target": target });
            named.insert(target.clone(), name);
        }
        taken.push(target);
    }
    taken.extend(of_memory(&definition["tmpfs"]));
    let fresh = declared.iter().map(|path| path.trim_end_matches('/'));
    for path in fresh.filter(|path| !taken.iter().any(|target| target == path)) {
        let name = unnamed(service, path);
        let mount = json!({ "type": "volume", "source": name, "target": path });
        match definition.get_mut("volumes").and_then(Value::as_array_mut) {
            Some(mounts) => mounts.push(mount),
            None => definition["volumes"] = json!([mount]),
        }
        named.insert(path.to_owned(), name);
    }
    named
}

/// Where something is mounted, and whether it has a source.
fn target(mount: &Value) -> (String, bool) {
    let trimmed = |path: &str| path.trim_end_matches('/').to_owned();
    match mount.as_str() {
        Some(short) => match short.split_once(':') {
            Some((_, rest)) => (trimmed(rest.split(':').next().unwrap_or_default()), true),
            None => (trimmed(short), false),
        },
        None => {
            let source = mount["source"].as_str().unwrap_or_default();
            (trimmed(mount["target"].as_str().unwrap_or_default()), !source.is_empty())
        }
    }
}

fn of_memory(tmpfs: &Value) -> Vec<String> {
    let entries = match tmpfs {
        Value::Array(entries) => entries.as_slice(),
        single => std::slice::from_ref(single),
    };
    let paths = entries.iter().filter_map(|entry| entry.as_str()?.split(':').next());
    paths.map(|path| path.trim_end_matches('/').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(mut definition: Value, declared: &[&str]) -> (Value, Vec<String>) {
        let declared = declared.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let names = name("db", &mut definition, &declared);
        (definition["volumes"].clone(), names.into_values().collect())
    }

    #[test]
    fn what_an_image_or_a_service_declares_without_a_name_gets_one() {
        let (mounts, names) = named(json!({ "volumes": ["/a b/", "x:/c"] }), &["/data", "/c/"]);
        assert_eq!(names, ["unnamed-db-a-b", "unnamed-db-data"]);
        let volume =
            |name: &str, path: &str| json!({ "type": "volume", "source": name, "target": path });
        let expected =
            json!([volume("unnamed-db-a-b", "/a b"), "x:/c", volume("unnamed-db-data", "/data")]);
        assert_eq!(mounts, expected);
    }

    #[test]
    fn what_is_mounted_or_in_memory_or_runs_twice_is_left_alone() {
        let long = json!({ "volumes": [{ "type": "bind", "source": "/h", "target": "/data" }] });
        assert_eq!(named(long, &["/data"]).1, Vec::<String>::new());
        assert_eq!(named(json!({ "tmpfs": "/data:size=1m" }), &["/data"]).1, Vec::<String>::new());
        let twice = json!({ "deploy": { "replicas": 2 } });
        assert_eq!(named(twice, &["/data"]).1, Vec::<String>::new());
    }
}
