//! `dr-drill`: the rehearsal, of one method or of all; and its second half, for an artefact that was
//! taken earlier.

use std::path::{Path, PathBuf};

use harness::backup::Method;
use harness::config::Generator;
use harness::disaster::Disaster;
use harness::drill::{Drill, Finished};
use harness::model::origin::Origin;
use harness::model::profile::Profile;
use harness::plan::Request;
use harness::process::Runner;
use harness::report::{junit, terminal};
use harness::running::{self, Asked};
use harness::{Error, ErrorKind, Result};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::interrupt;
use super::settings::{self, Settings};
use crate::display::{self, summary};
use crate::ending::Ending;
use crate::flags::{ALL_METHODS, DrillOptions, Format, RunOptions};

/// Runs a drill of each method that is asked for.
pub(crate) async fn run(options: DrillOptions, format: Format) -> Result<Ending> {
    let cancelled = interrupt::token(format);
    let drills = planned(&options, format, &cancelled).await;
    all(drills, &options.run, format, cancelled).await
}

/// Restores an artefact that a drill kept.
pub(crate) async fn judge(
    artefact: &Path,
    stack: Request,
    run: &RunOptions,
    format: Format,
) -> Result<Ending> {
    let cancelled = interrupt::token(format);
    let drills = of_artefact(stack, artefact, run, format, &cancelled).await;
    all(drills, run, format, cancelled).await
}

/// Runs drills once all could be planned, or prints their plans.
async fn all(
    drills: Result<Vec<Drill>>,
    options: &RunOptions,
    format: Format,
    cancelled: CancellationToken,
) -> Result<Ending> {
    if options.dry_run {
        for drill in &drills? {
            let sealing = drill.sealing(cancelled.clone()).await?;
            display::plan(drill.plan(), &sealing, format);
        }
        return Ok(Ending::done().with("dry_run", true));
    }
    // A run that is killed leaves this, and not what an earlier one wrote.
    write_junit(options, || junit::without_record("the drill has yet to end, or was killed"))?;
    let ended = match drills {
        Ok(drills) => Box::pin(rehearse(&drills, format, cancelled)).await,
        Err(error) => Err(error),
    };
    let records = |ended: &[Finished]| junit::drills(ended.iter().map(|it| &it.record));
    write_junit(options, || match &ended {
        Ok(ended) => records(ended),
        Err(error) => junit::without_record(&error.chain()),
    })?;
    ended.and_then(|ended| ending(&ended, format))
}

/// What several drills came to: the worst of them.
fn ending(ended: &[Finished], format: Format) -> Result<Ending> {
    let records = ended.iter().map(|finished| &finished.record).collect::<Vec<_>>();
    if let ([_, _, ..], Format::Human) = (&records[..], format) {
        display::text(&terminal::methods(&records));
    }
    let worst = ended.iter().rev().max_by_key(|finished| weight(finished.exit_code));
    let Some(worst) = worst else { return Err(Error::undecided("no drill was run")) };
    let reports = ended.iter().map(|finished| &finished.report).collect::<Vec<_>>();
    Ok(Ending::of(worst.record.verdict)
        .exit_code(worst.exit_code)
        .report(worst.report.clone())
        .reasons(worst.record.reasons.clone())
        .because(worst.stopped.as_ref())
        .with("origin", worst.record.origin.name())
        .with("not_proved", json!(worst.record.not_proved))
        .with("reports", json!(reports)))
}

/// Plans all, so that nothing starts unless all could.
async fn planned(
    options: &DrillOptions,
    format: Format,
    cancelled: &CancellationToken,
) -> Result<Vec<Drill>> {
    if let Some(artefact) = &options.from {
        let asked = options.stack.request();
        return of_artefact(asked, artefact, &options.run, format, cancelled).await;
    }
    let (stack, selection) = (&options.stack, options.stack.selection());
    let compose = stack.whole.compose.as_ref();
    let settings = settings::of(stack.dir(), &selection, compose, format, cancelled).await?;
    let config = &settings.config;
    let data = options.data.data.unwrap_or(match config.dataset.generator {
        Generator::None => Origin::Live,
        Generator::Korrigo => Origin::Sample,
    });
    let names = match options.method.as_deref() {
        Some(ALL_METHODS) => Method::names(config).into_iter().map(str::to_owned).collect(),
        Some(name) => vec![name.to_owned()],
        None => vec![Method::of_itself(config).name().to_owned()],
    };
    let profiles = &options.run.profile;
    if let Some(dir) = options.artefact.as_ref().filter(|_| names.len() * profiles.len() > 1) {
        let dir = dir.display();
        return Err(Error::usage(format!("{dir} cannot keep the artefacts of several drills"))
            .hint("name one --method and one --profile"));
    }
    let pairs = names.iter().flat_map(|name| profiles.iter().map(move |it| (name, *it)));
    let drills = pairs.map(|(name, profile)| copy(options, &settings, data, name, profile));
    let drills = drills.collect::<Result<Vec<_>>>()?;
    // A plan looks at nothing that runs.
    if data == Origin::Live && !options.run.dry_run {
        require_running(options, cancelled).await?;
    }
    Ok(drills)
}

/// Runs one after the other.
async fn rehearse(
    drills: &[Drill],
    format: Format,
    cancelled: CancellationToken,
) -> Result<Vec<Finished>> {
    let mut ended = Vec::new();
    for drill in drills {
        let finished = one(drill, format, cancelled.clone()).await?;
        let interrupted = cancelled.is_cancelled();
        ended.push(finished);
        if interrupted {
            break;
        }
    }
    Ok(ended)
}

/// Demands that the project runs whose data is wanted: nothing else is taken for it without being
/// asked for.
async fn require_running(options: &DrillOptions, cancelled: &CancellationToken) -> Result<()> {
    let dir = options.stack.dir();
    let dir = dir.canonicalize().map_err(|cause| {
        Error::usage(format!("there is no folder {}", dir.display())).because(cause)
    })?;
    let project = options.stack.selection.project_name.as_deref();
    let asked = Asked { dir: &dir, project };
    if running::is_running(&Runner::new(cancelled.clone()), asked).await? {
        return Ok(());
    }
    Err(running::not_running(asked))
}

/// A drill of a copy.
fn copy(
    options: &DrillOptions,
    settings: &Settings,
    data: Origin,
    method: &str,
    profile: Profile,
) -> Result<Drill> {
    let Settings { config, not_proved } = settings;
    let request = Request {
        method: Method::of(method, config)?,
        disaster: Disaster::of(&options.disaster)?,
        strength: options.strength,
        show_values: options.show_values,
        not_proved: not_proved.clone(),
        artefact: options.artefact.as_deref().map(new_folder).transpose()?,
        ..options.run.request(profile, options.data.of(data, options.stack.request()))
    };
    Drill::new(request, config.clone())
}

/// Drills of an artefact that was taken earlier, one for each profile.
async fn of_artefact(
    asked: Request,
    artefact: &Path,
    options: &RunOptions,
    format: Format,
    cancelled: &CancellationToken,
) -> Result<Vec<Drill>> {
    let Request { stack_dir, selection, compose, .. } = &asked;
    let settings = settings::of(stack_dir, selection, compose.as_ref(), format, cancelled).await?;
    let Settings { config, not_proved } = settings;
    let drills = options.profile.iter().map(|profile| {
        let request = Request { not_proved: not_proved.clone(), ..asked.clone() };
        Drill::of_artefact(options.request(*profile, request), config.clone(), artefact)
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
    let finished =
        display::shown(format, async |events| Box::pin(drill.run(events, cancelled)).await).await?;
    if format == Format::Human {
        summary::print(&finished);
    }
    let stopped = finished.stopped.as_ref();
    if let Some(stopped) = stopped.filter(|error| error.kind() != ErrorKind::Interrupted) {
        display::error(stopped);
    }
    Ok(finished)
}

pub(super) fn write_junit(
    options: &RunOptions,
    text: impl FnOnce() -> Result<String>,
) -> Result<()> {
    let Some(file) = &options.junit else { return Ok(()) };
    std::fs::write(file, text()?).map_err(|cause| {
        let error = Error::usage(format!("cannot write {}", file.display())).because(cause);
        error.hint("--junit names a file in a folder that is there")
    })
}

/// How much a code says: interrupted, failed, undecided, passed.
fn weight(exit_code: u8) -> u8 {
    match exit_code {
        130 => 3,
        1 => 2,
        0 => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn an_interruption_outweighs_a_failure_and_a_failure_what_is_undecided() {
        let mut codes = [0, 130, 3, 1];
        codes.sort_by_key(|code| weight(*code));
        assert_eq!(codes, [0, 3, 1, 130]);
    }
}
