//! Which project runs from a stack's folder.

use std::collections::BTreeSet;
use std::path::Path;

use super::Running;
use crate::error::{Error, Result};
use crate::process::Runner;
use crate::stack::LABEL_RUN;
use crate::stack::engine::{Container, Engine};

/// Labels by which compose, in all its versions, names the project of a container and its folder.
const LABEL_PROJECT: &str = "com.docker.compose.project";
const LABEL_FOLDER: &str = "com.docker.compose.project.working_dir";

/// Which project is meant.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The stack's folder.
    pub dir: &'a Path,
    /// The project's name, where one is given; else the one that runs from the folder is meant.
    pub project: Option<&'a str>,
}

/// Whether a project runs that a copy could be filled from.
///
/// # Errors
/// Undecided when the engine does not answer, usage when several projects run from the folder.
pub async fn is_running(runner: &Runner, asked: Asked<'_>) -> Result<bool> {
    let engine = Engine::find(runner).await?;
    Ok(Running::look(&engine, asked).await?.is_some())
}

impl Running {
    /// Finds the project that is meant.
    ///
    /// # Errors
    /// Usage when it does not run, or several run from the folder.
    pub(crate) async fn find(engine: &Engine, asked: Asked<'_>) -> Result<Self> {
        let found = Self::look(engine, asked).await?;
        found.ok_or_else(|| not_running(asked))
    }

    /// The same, and nothing where none runs.
    async fn look(engine: &Engine, asked: Asked<'_>) -> Result<Option<Self>> {
        let all = engine.containers(LABEL_PROJECT).await?;
        // A sandbox that was left standing is no source: what is in it, a drill has put there.
        let all = all.into_iter().filter(|it| !it.labels.contains_key(LABEL_RUN));
        let mut containers =
            all.filter(|it| !it.is_one_off() && is_meant(it, asked)).collect::<Vec<_>>();
        let projects = containers.iter().filter_map(project).collect::<BTreeSet<_>>();
        if projects.len() > 1 {
            let names = projects.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!(
                "several projects run from {}: {names}",
                asked.dir.display()
            ))
            .hint("say which one is meant: --project-name NAME"));
        }
        let Some(project) = projects.first().map(|name| (*name).to_owned()) else {
            return Ok(None);
        };
        if containers.iter().all(|it| it.status != "running") {
            return Ok(None);
        }
        containers.sort_by_key(|it| it.status != "running");
        Ok(Some(Self { engine: engine.clone(), project, containers }))
    }
}

/// What to do about a project that does not run.
#[must_use]
pub fn not_running(asked: Asked<'_>) -> Error {
    let which = match asked.project {
        Some(name) => format!("project {name:?} does not run"),
        None => format!("no project runs from {}", asked.dir.display()),
    };
    Error::usage(format!("{which}: there is no data to rehearse with")).hint(
        "start it, say which one is meant with --project-name, or try things out on what the \
         images make of empty volumes: --data empty",
    )
}

fn project(container: &Container) -> Option<&str> {
    container.labels.get(LABEL_PROJECT).map(String::as_str)
}

fn is_meant(container: &Container, asked: Asked<'_>) -> bool {
    if let Some(name) = asked.project {
        return project(container) == Some(name);
    }
    let folder = container.labels.get(LABEL_FOLDER).map(Path::new);
    folder.is_some_and(|folder| {
        folder == asked.dir || folder.canonicalize().is_ok_and(|it| it == asked.dir)
    })
}
