//! `dr-drill`: the rehearsal, of one method or of all. `verify`: its second half, for an
//! artefact that was taken earlier.

use std::path::{Path, PathBuf};

use harness::backup::Method;
use harness::config::Config;
use harness::disaster::Disaster;
use harness::drill::{Drill, Finished};
use harness::model::event::Events;
use harness::model::profile::Profile;
use harness::plan::Request;
use harness::{Error, ErrorKind, Result};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::interrupt;
use crate::display::{self, methods, summary};
use crate::flags::{ALL_METHODS, DrillOptions, Format, RunOptions, StackOptions, VerifyOptions};

/// Runs a drill of each method that is asked for; gives back the exit code.
pub(crate) async fn run(options: DrillOptions) -> Result<u8> {
    let drills = planned(&options);
    all(drills, &options.run).await
}

/// Restores an artefact that was taken earlier; gives back the exit code.
pub(crate) async fn verify(options: VerifyOptions) -> Result<u8> {
    let VerifyOptions { artefact, stack, compose, run } = options;
    let drills = of_artefact(&stack, &artefact, compose.as_ref(), &run);
    all(drills, &run).await
}

/// Runs drills, once all could be planned.
async fn all(drills: Result<Vec<Drill>>, options: &RunOptions) -> Result<u8> {
    let format = options.format;
    let ended = match drills {
        Ok(drills) => Box::pin(rehearse(&drills, options)).await,
        Err(error) => Err(error),
    };
    let ended = ended.inspect_err(|error| {
        if format == Format::Json {
            display::undecided(error);
        }
    })?;
    let exit_code = worst(ended.iter().map(|finished| finished.exit_code));
    if let ([_, _, ..], Format::Human) = (ended.as_slice(), format) {
        methods::print(&ended);
    }
    if let (Some(last), Format::Json) = (ended.last(), format) {
        let named = ended.iter().find(|finished| finished.exit_code == exit_code).unwrap_or(last);
        verdict(&json!({
            "verdict": named.record.verdict,
            "exit_code": exit_code,
            "report": named.report,
            "reports": ended.iter().map(|finished| &finished.report).collect::<Vec<_>>(),
        }));
    }
    Ok(exit_code)
}

/// Plans all, so that nothing starts unless all could.
fn planned(options: &DrillOptions) -> Result<Vec<Drill>> {
    let StackOptions { stack, compose, .. } = &options.stack;
    if let Some(artefact) = &options.from {
        return of_artefact(stack, artefact, compose.as_ref(), &options.run);
    }
    let config = Config::load(stack)?;
    let names = match options.method.as_str() {
        ALL_METHODS => Method::names(&config).into_iter().map(str::to_owned).collect(),
        name => vec![name.to_owned()],
    };
    let profiles = &options.run.profile;
    if let Some(dir) = options.artefact.as_ref().filter(|_| names.len() * profiles.len() > 1) {
        let dir = dir.display();
        return Err(Error::usage(format!("{dir} cannot keep the artefacts of several drills"))
            .hint("name one --method and one --profile"));
    }
    let pairs = names.iter().flat_map(|name| profiles.iter().map(move |it| (name, *it)));
    pairs.map(|(name, profile)| copy(options, &config, name, profile)).collect()
}

/// Runs one after the other. Nothing comes back from a dry run.
async fn rehearse(drills: &[Drill], options: &RunOptions) -> Result<Vec<Finished>> {
    let mut ended = Vec::new();
    let cancelled = interrupt::token();
    for drill in drills {
        if options.dry_run {
            display::plan(drill.plan(), options.format);
            continue;
        }
        let finished = one(drill, options.format, cancelled.clone()).await?;
        let interrupted = cancelled.is_cancelled();
        ended.push(finished);
        if interrupted {
            break;
        }
    }
    Ok(ended)
}

/// A drill of a seeded copy.
fn copy(options: &DrillOptions, config: &Config, method: &str, profile: Profile) -> Result<Drill> {
    let request = Request {
        method: Method::of(method, config)?,
        disaster: Disaster::of(&options.disaster)?,
        strength: options.strength,
        show_values: options.show_values,
        artefact: options.artefact.as_deref().map(new_folder).transpose()?,
        ..options.run.request(profile, options.stack.request())
    };
    Drill::new(request, config.clone())
}

/// Drills of an artefact that was taken earlier, one for each profile.
fn of_artefact(
    stack: &Path,
    artefact: &Path,
    compose: Option<&String>,
    options: &RunOptions,
) -> Result<Vec<Drill>> {
    let drills = options.profile.iter().map(|profile| {
        let request = Request { compose: compose.cloned(), ..Request::of(stack) };
        Drill::of_artefact(options.request(*profile, request), Config::load(stack)?, artefact)
    });
    drills.collect()
}

/// A folder that is not there yet, or empty.
fn new_folder(dir: &Path) -> Result<PathBuf> {
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::usage(format!("{} is not empty", dir.display()))
            .hint("an artefact takes a folder of its own"));
    }
    std::path::absolute(dir)
        .map_err(|cause| Error::usage(format!("cannot find {}", dir.display())).because(cause))
}

/// Runs one drill and shows how it went.
async fn one(drill: &Drill, format: Format, cancelled: CancellationToken) -> Result<Finished> {
    let (events, received) = Events::channel();
    let shown = tokio::spawn(display::follow(received, format));
    let finished = Box::pin(drill.run(&events, cancelled)).await;
    // The display ends with the last sender.
    drop(events);
    let _ = shown.await;
    let finished = finished?;
    if format == Format::Human {
        summary::print(&finished);
    }
    let stopped = finished.stopped.as_ref();
    if let Some(stopped) = stopped.filter(|error| error.kind() != ErrorKind::Interrupted) {
        display::error(stopped);
    }
    Ok(finished)
}

/// The code that says most: interrupted, failed, undecided, passed.
fn worst(codes: impl Iterator<Item = u8>) -> u8 {
    let weight = |code: &u8| match code {
        130 => 3,
        1 => 2,
        0 => 0,
        _ => 1,
    };
    codes.max_by_key(weight).unwrap_or(0)
}

fn verdict(fields: &serde_json::Value) {
    let mut line = json!({ "event": "verdict" });
    if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
        line.extend(fields.clone());
    }
    display::json_line(&line);
}

#[cfg(test)]
mod tests {
    use super::worst;

    #[test]
    fn the_code_of_several_drills_is_that_of_the_worst() {
        let cases: [(&[u8], u8); 5] =
            [(&[], 0), (&[0, 0], 0), (&[0, 3], 3), (&[3, 1, 0], 1), (&[1, 130], 130)];
        for (codes, expected) in cases {
            assert_eq!(worst(codes.iter().copied()), expected, "{codes:?}");
        }
    }
}
