//! What an image is made of: a build section of compose, read, and identified by a digest of
//! its context, Dockerfile, arguments and parent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use walkdir::WalkDir;

use super::super::isolation::may_build_with;
use super::ignore::Ignore;
use crate::error::{Attempt, Error, Result};

/// Changes when the meaning of the digest does, so that no older image is taken for a new one.
const SCHEME: &str = "dr-drill image 1";

/// How one image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// Name of the image, apart from its digest.
    pub(super) name: String,
    /// Services that use it.
    pub(super) services: Vec<String>,
    /// Where it was read from, for messages.
    pub(super) source: PathBuf,
    /// Absolute path of the build context.
    pub(super) context: PathBuf,
    /// Absolute path of the Dockerfile.
    pub(super) dockerfile: PathBuf,
    /// Image that one of its arguments names as the one to build on.
    pub(super) parent: Option<String>,
    /// Arguments given by the stack or its base.
    pub(super) args: BTreeMap<String, String>,
    /// Arguments taken from the host's environment.
    pub(super) inherited: BTreeMap<String, String>,
    /// Stage to build.
    pub(super) target: Option<String>,
}

/// One recipe for each build of a configuration that `compose config` resolved, in the order
/// of the first service that uses it.
pub(super) fn of_services(config: &Value) -> Result<Vec<Recipe>> {
    let mut recipes = Vec::<Recipe>::new();
    for (service, definition) in config["services"].as_object().into_iter().flatten() {
        let build = &definition["build"];
        if build.is_null() {
            continue;
        }
        let recipe = read(service, build)?;
        match recipes.iter_mut().find(|known| known.makes_the_same(&recipe)) {
            Some(known) => known.services.push(service.clone()),
            None => recipes.push(recipe),
        }
    }
    Ok(recipes)
}

fn read(service: &str, build: &Value) -> Result<Recipe> {
    let wrong = |what: String| {
        Error::usage(format!("service {service:?} cannot be built: {what}")).hint(
            "build it by hand, and give the service its `image` in an override file (drill.toml, [stack] files)",
        )
    };
    let section = match build {
        Value::String(context) => &serde_json::json!({ "context": context }),
        section => section,
    };
    let keys =
        section.as_object().ok_or_else(|| wrong("its build section is no mapping".into()))?;
    for (key, value) in keys {
        let empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(values) => values.is_empty(),
            Value::Object(values) => values.is_empty(),
            _ => false,
        };
        if !empty && !may_build_with(key) {
            return Err(wrong(format!("build.{key} is not supported")));
        }
    }
    let context = PathBuf::from(section["context"].as_str().unwrap_or("."));
    if !context.is_absolute() {
        return Err(wrong(format!(
            "its context {:?} is not a folder of this host",
            context.display()
        )));
    }
    let dockerfile = section["dockerfile"].as_str().unwrap_or("Dockerfile");
    Ok(Recipe {
        name: image_name(service),
        services: vec![service.to_owned()],
        source: context.clone(),
        dockerfile: context.join(dockerfile),
        parent: None,
        args: arguments(&section["args"]),
        inherited: BTreeMap::new(),
        target: section["target"].as_str().map(str::to_owned),
        context,
    })
}

/// A mapping, or a list of `NAME=value`. A name without a value has none in the environment
/// either, or compose would have resolved it.
fn arguments(args: &Value) -> BTreeMap<String, String> {
    let listed = args.as_array().into_iter().flatten().filter_map(|arg| {
        let (name, value) = arg.as_str()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let mapped = args.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let value = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            // Version 1 leaves numbers and booleans as they are written.
            other => other.to_string(),
        };
        Some((name.clone(), value))
    });
    listed.chain(mapped).collect()
}

/// A service or folder name as a repository name, which knows fewer characters.
fn image_name(name: &str) -> String {
    let name = name.to_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    if name.is_empty() { "image".to_owned() } else { name }
}

impl Recipe {
    /// The recipe of a folder with a Dockerfile, read from a copy of it.
    pub(super) fn of_folder(source: &Path, copy: &Path) -> Self {
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        Self {
            name: image_name(&name),
            services: Vec::new(),
            source: source.to_owned(),
            context: copy.to_owned(),
            dockerfile: copy.join("Dockerfile"),
            parent: None,
            args: BTreeMap::new(),
            inherited: BTreeMap::new(),
            target: None,
        }
    }

    fn makes_the_same(&self, other: &Self) -> bool {
        let parts = |recipe: &Self| {
            (
                recipe.context.clone(),
                recipe.dockerfile.clone(),
                recipe.args.clone(),
                recipe.target.clone(),
            )
        };
        parts(self) == parts(other)
    }

    /// Names of the arguments that the Dockerfile declares.
    pub(super) fn declared_arguments(&self) -> Result<BTreeSet<String>> {
        let text = fs::read_to_string(&self.dockerfile).map_err(|cause| {
            Error::usage(format!("cannot read {}", self.dockerfile.display()))
                .because(cause)
                .hint("correct `build` in the compose file")
        })?;
        Ok(declared(&text))
    }

    /// Name and tag of the image: a digest of all that it is made of.
    pub(super) fn image(&self, parent_id: Option<&str>) -> Result<String> {
        let mut digest = Digest::new();
        let dockerfile = fs::read(&self.dockerfile)
            .attempt(|| format!("cannot read {}", self.dockerfile.display()))?;
        digest.field(b"dockerfile", &dockerfile);
        digest.field(b"target", self.target.as_deref().unwrap_or_default().as_bytes());
        digest.field(b"parent", parent_id.unwrap_or_default().as_bytes());
        for (name, value) in self.args.iter().chain(&self.inherited) {
            digest.field(b"argument", name.as_bytes());
            digest.field(b"value", value.as_bytes());
        }
        self.digest_context(&mut digest)?;
        Ok(format!("dr-drill/{}:{}", self.name, digest.finish()))
    }

    fn digest_context(&self, digest: &mut Digest) -> Result<()> {
        let dockerfile = self.dockerfile.strip_prefix(&self.context).unwrap_or(&self.dockerfile);
        let ignore = Ignore::of(&self.context, dockerfile)?;
        for entry in WalkDir::new(&self.context).min_depth(1).sort_by_file_name() {
            let entry = entry.attempt(|| format!("cannot read {}", self.context.display()))?;
            let path = entry.path();
            let relative = path.strip_prefix(&self.context).unwrap_or(path);
            if ignore.leaves_out(relative) {
                continue;
            }
            let unreadable = || format!("cannot read {}", path.display());
            let metadata = entry.metadata().attempt(unreadable)?;
            digest.field(b"path", relative.as_os_str().as_bytes());
            // Owner and time do not reach the image; permissions do.
            digest.field(b"mode", &metadata.permissions().mode().to_le_bytes());
            if metadata.is_symlink() {
                let target = fs::read_link(path).attempt(unreadable)?;
                digest.field(b"link", target.as_os_str().as_bytes());
            } else if metadata.is_file() {
                let content = hash_file(path).attempt(unreadable)?;
                digest.field(b"content", content.as_bytes());
            }
        }
        Ok(())
    }
}

fn hash_file(path: &Path) -> std::io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// Fields with their lengths, so that no two different sequences read the same.
struct Digest(blake3::Hasher);

impl Digest {
    fn new() -> Self {
        let mut digest = Self(blake3::Hasher::new());
        digest.field(b"scheme", SCHEME.as_bytes());
        digest
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, value] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    fn finish(self) -> String {
        self.0.finalize().to_hex()[..16].to_owned()
    }
}

/// Arguments declared by `ARG` lines: several on one are possible, with or without a default.
fn declared(dockerfile: &str) -> BTreeSet<String> {
    let joined = dockerfile.replace("\\\n", " ");
    let lines = joined.lines().map(str::split_whitespace);
    let arguments = lines.filter_map(|mut words| {
        words.next().filter(|word| word.eq_ignore_ascii_case("ARG"))?;
        Some(words.map(|word| word.split('=').next().unwrap_or_default().to_owned()))
    });
    arguments.flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    fn context() -> TempDir {
        let dir = TempDir::new().expect("temporary folder");
        fs::write(dir.path().join("Dockerfile"), "ARG BASE_IMAGE\nFROM $BASE_IMAGE\n")
            .expect("written");
        fs::create_dir(dir.path().join("conf")).expect("created");
        fs::write(dir.path().join("conf/a.conf"), "a").expect("written");
        dir
    }

    fn recipe(dir: &TempDir) -> Recipe {
        Recipe::of_folder(Path::new("/stack/base"), dir.path())
    }

    fn image(recipe: &Recipe) -> String {
        recipe.image(Some("sha256:1")).expect("digested")
    }

    #[test]
    fn the_tag_is_the_same_wherever_the_same_files_are() {
        let (one, two) = (context(), context());
        assert_eq!(image(&recipe(&one)), image(&recipe(&two)));
        assert!(image(&recipe(&one)).starts_with("dr-drill/base:"));
    }

    #[test]
    fn the_tag_changes_with_whatever_goes_into_the_image() {
        let dir = context();
        let path = dir.path();
        let mut seen = BTreeSet::from([image(&recipe(&dir))]);
        let mut changed = |what: &str, recipe: &Recipe, parent: &str| {
            let image = recipe.image(Some(parent)).expect("digested");
            assert!(seen.insert(image), "the tag does not depend on {what}");
        };
        changed("the parent", &recipe(&dir), "sha256:2");
        let mut other = recipe(&dir);
        other.args.insert("A".into(), "1".into());
        changed("an argument", &other, "sha256:1");
        other.args.insert("A".into(), "2".into());
        changed("the value of an argument", &other, "sha256:1");
        other.target = Some("final".into());
        changed("the target", &other, "sha256:1");
        fs::write(path.join("conf/a.conf"), "b").expect("written");
        changed("content", &recipe(&dir), "sha256:1");
        fs::set_permissions(path.join("conf/a.conf"), PermissionsExt::from_mode(0o755))
            .expect("set");
        changed("permissions", &recipe(&dir), "sha256:1");
        fs::rename(path.join("conf/a.conf"), path.join("conf/b.conf")).expect("renamed");
        changed("a name", &recipe(&dir), "sha256:1");
        std::os::unix::fs::symlink("b.conf", path.join("conf/c.conf")).expect("linked");
        changed("a link", &recipe(&dir), "sha256:1");
        fs::create_dir(path.join("empty")).expect("created");
        changed("an empty folder", &recipe(&dir), "sha256:1");
        fs::write(path.join("Dockerfile"), "FROM scratch\n").expect("written");
        changed("the Dockerfile", &recipe(&dir), "sha256:1");
    }

    #[test]
    fn ignored_files_do_not_change_the_tag_but_the_rules_do() {
        let dir = context();
        fs::write(dir.path().join(".dockerignore"), "*.log\n").expect("written");
        let before = image(&recipe(&dir));
        fs::write(dir.path().join("x.log"), "noise").expect("written");
        assert_eq!(image(&recipe(&dir)), before);
        fs::write(dir.path().join(".dockerignore"), "*.txt\n").expect("written");
        assert_ne!(image(&recipe(&dir)), before);
    }

    #[test]
    fn services_with_the_same_build_share_one_recipe() {
        let build = json!({ "context": "/s/backend", "args": { "A": 1, "B": null, "C": true } });
        let config = json!({ "services": {
            "backend": { "build": build }, "celery": { "build": build },
            "proxy": { "build": { "context": "/s", "dockerfile": "proxy/Dockerfile", "args": ["A=x=y"] } },
            "plain": { "build": "/s/plain" },
            "cache": { "image": "redis:7" },
        }});
        let recipes = of_services(&config).expect("read");
        let users = recipes.iter().map(|recipe| recipe.services.join(" ")).collect::<Vec<_>>();
        assert_eq!(users, ["backend celery", "proxy", "plain"]);
        assert_eq!(
            recipes[0].args,
            BTreeMap::from([("A".into(), "1".into()), ("C".into(), "true".into())])
        );
        assert_eq!(recipes[1].dockerfile, Path::new("/s/proxy/Dockerfile"));
        assert_eq!(recipes[1].args["A"], "x=y");
        assert_eq!(recipes[2].dockerfile, Path::new("/s/plain/Dockerfile"));
    }

    #[test]
    fn a_build_that_cannot_be_identified_is_refused_by_name() {
        for (key, value) in [
            ("secrets", json!(["token"])),
            ("ssh", json!(["default"])),
            ("additional_contexts", json!({ "a": "/b" })),
            ("dockerfile_inline", json!("FROM scratch")),
        ] {
            let config =
                json!({ "services": { "a": { "build": { "context": "/s", key: value } } } });
            let error = of_services(&config).expect_err("refused");
            assert!(error.to_string().contains(key), "{error}");
            assert!(error.next_step().is_some());
        }
        let remote = json!({ "services": { "a": { "build": "https://example.org/x.git" } } });
        assert!(of_services(&remote).is_err());
        let harmless = json!({ "services": { "a": { "build": { "context": "/s", "secrets": [], "pull": true } } } });
        assert!(of_services(&harmless).is_ok());
    }

    #[test]
    fn declared_arguments_are_read_with_defaults_and_continuations() {
        let found = declared("arg A=1 B\nFROM x\nARG C \\\n  D=\"2\"\nRUN echo ARG E\n# ARG F\n");
        assert_eq!(found, ["A", "B", "C", "D"].map(str::to_owned).into());
    }

    #[test]
    fn service_names_become_repository_names() {
        assert_eq!(image_name("celery-beat"), "celery-beat");
        assert_eq!(image_name("My_Service.1"), "my-service-1");
        assert_eq!(image_name("__"), "image");
    }
}
