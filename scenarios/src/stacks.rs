//! Compose projects of common public shapes, without a drill.toml: what a stranger's folder looks
//! like. `scenarios/stacks/README.md` says which shape each is of.
//!
//! Their images stand in for public ones and carry the same configuration. They are built once;
//! what a file names is a tag of the image with that content.

use std::path::{Path, PathBuf};

use harness::backup::Method;
use harness::detect::read::{self, Subject};
use harness::drill::Drill;
use harness::model::event::Events;
use harness::plan::Request;
use harness::process::Runner;
use harness::stack::engine::Engine;
use harness::stack::images::{Images, SUITE};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Each image's folder, and what the compose files call it.
const IMAGES: [(&str, &str); 3] = [
    ("app", "dr-drill-test/app:1"),
    ("postgres", "dr-drill-test/postgres:15"),
    ("redis", "dr-drill-test/redis:7"),
];

/// A copy of a project, as somebody would have cloned it. Its folder is called as the project is.
#[derive(Debug)]
pub struct Project {
    /// The folder with its compose files.
    pub folder: PathBuf,
    _copy: TempDir,
}

/// Copies a project, which then may be run, and makes its images where they are missing.
///
/// # Panics
/// When there is no such project, or an image cannot be built.
#[must_use]
pub fn project(name: &str) -> Project {
    images();
    let copy = tempfile::tempdir().expect("a folder");
    let folder = copy.path().join(name);
    std::fs::create_dir(&folder).expect("a folder");
    crate::standing::copy(&sources().join(name), &folder);
    Project { folder, _copy: copy }
}

/// A drill of a project as it is, with nothing written down about it.
///
/// # Panics
/// When it cannot be read or planned.
pub async fn drill(project: &Project, base: &Path) -> Drill {
    let subject = Subject { dir: project.folder.clone(), ..Subject::default() };
    let found = read::detect(&Runner::new(CancellationToken::new()), &subject).await;
    let found = found.expect("it can be read");
    let config = found.config().expect("everything is known");
    let request = Request {
        method: Method::of_itself(&config),
        not_proved: found.not_proved(),
        report_base: base.to_owned(),
        ..Request::of(&project.folder)
    };
    Drill::new(request, config).expect("it can be planned")
}

/// The names of all projects, sorted.
///
/// # Panics
/// When their folder cannot be read.
#[must_use]
pub fn names() -> Vec<String> {
    let entries = std::fs::read_dir(sources()).expect("the projects");
    let names = entries.map(|entry| entry.expect("a project").file_name());
    let names = names.map(|name| name.into_string().expect("a name"));
    let mut names: Vec<_> =
        names.filter(|name| name != "images" && sources().join(name).is_dir()).collect();
    names.sort();
    names
}

/// Builds what is missing of the images, and gives them the names that compose files use.
///
/// # Panics
/// When one cannot be built.
pub fn images() {
    let own = IMAGES.map(|(folder, name)| (sources().join("images").join(folder), name));
    built(own.to_vec());
}

/// Builds the images of folders on the base of a drill where they are missing, and gives them names.
///
/// # Panics
/// When one cannot be built.
pub fn built(folders: Vec<(PathBuf, &'static str)>) {
    // A test may run inside a runtime, which cannot wait for another.
    std::thread::spawn(|| provide(folders)).join().expect("the images are there or built");
}

fn provide(folders: Vec<(PathBuf, &'static str)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let built = runtime.expect("a runtime starts").block_on(async {
        let engine = Engine::find(&Runner::new(CancellationToken::new())).await?;
        let images = Images::new(&engine, &Events::ignored());
        let debian = images.base(SUITE).await?;
        let called =
            |context: &Path| context.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let services = folders.iter().map(|(context, _)| {
            let build = json!({"context": context, "args": {"BASE_IMAGE": debian}});
            (called(context), json!({ "build": build }))
        });
        let services = Value::Object(services.collect::<Map<_, _>>());
        let built = images.build_all(&json!({ "services": services }), None, &debian).await?;
        for (context, name) in folders {
            let tag = engine.docker(["tag", &built[&called(&context)], name]).run().await?;
            tag.require(|| format!("cannot call the image {name}"))?;
        }
        Ok::<(), harness::Error>(())
    });
    built.expect("the images are there or built");
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks")
}
