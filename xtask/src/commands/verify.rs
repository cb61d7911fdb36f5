//! `verify`: judges a backup that exists. An artefact of this tool's own is restored into its stack;
//! anything else into a sealed server of its own.

use std::time::{Duration, Instant};

use harness::config::Selection;
use harness::model::existing::Piece;
use harness::model::profile::Profile;
use harness::plan;
use harness::process::Runner;
use harness::report::{junit, terminal};
use harness::stack::isolation::Limits;
use harness::verify::{self, Application, Expected, Finished, Request, TIME_LIMIT};
use harness::{Error, ErrorKind, Result, certificate};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::dr_drill::{self, write_junit};
use super::interrupt;
use super::settings;
use crate::called;
use crate::display::{self, summary};
use crate::ending::Ending;
use crate::existing::VerifyOptions;
use crate::flags::Format;

/// Bringing a backup takes as long as it must.
const FETCH_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Judges what was named.
pub(crate) async fn run(options: VerifyOptions, format: Format) -> Result<Ending> {
    let cancelled = interrupt::token(format);
    let fetched_s = match &options.fetch {
        Some(command) => Some(fetch(command, cancelled.clone()).await?),
        None => None,
    };
    let identity = options.identity.clone();
    let mut others = Vec::new();
    let mut paths = options.paths.clone();
    if let (true, [folder]) = (options.all, paths.as_slice()) {
        let mut sets =
            verify::found_in(folder.clone(), identity.clone(), cancelled.clone()).await?;
        if options.list || options.run.dry_run {
            return Ok(list(
                &sets.into_iter().flat_map(|it| it.pieces).collect::<Vec<_>>(),
                format,
            ));
        }
        let newest = sets.remove(verify::newest(&sets));
        paths = newest.pieces.iter().map(|piece| piece.path.clone()).collect();
        others = sets;
    }
    if options.list || options.run.dry_run {
        let pieces = verify::pieces(paths, identity, cancelled).await?;
        return Ok(list(&pieces, format));
    }
    if let [only] = paths.as_slice()
        && only.is_dir()
        && verify::is_artefact(&verify::pieces(vec![only.clone()], None, cancelled.clone()).await?)
    {
        let stack = options.stack.unwrap_or_else(|| called::reference().into());
        let stack = plan::Request { compose: options.compose, ..plan::Request::of(stack) };
        return dr_drill::judge(only, stack, &options.run, format).await;
    }
    let application = application(&options, format, &cancelled).await?;
    let request = Request { application, others, paths, ..request(&options, fetched_s)? };
    write_junit(&options.run, || {
        junit::without_record("the verification has yet to end, or was killed")
    })?;
    let finished = display::shown(format, async |events| {
        Box::pin(verify::run(&request, identity, events, cancelled)).await
    });
    let finished = finished.await?;
    write_junit(&options.run, || junit::drills([&finished.record]))?;
    Ok(ending(&finished, format))
}

fn request(options: &VerifyOptions, fetched_s: Option<f64>) -> Result<Request> {
    let limits =
        Limits { memory: options.memory.clone(), cpus: options.cpus.map(|it| it.to_string()) };
    Ok(Request {
        image: options.image.clone(),
        max_age: options.max_age,
        expected: options.expect.as_deref().map(Expected::read).transpose()?.unwrap_or_default(),
        certificate: options.certificate.as_deref().map(certificate::load).transpose()?,
        references: options.references.clone(),
        password_command: options.password_command.clone(),
        trust: options.trust,
        limits,
        time_limit: options.time_limit.unwrap_or(TIME_LIMIT),
        fetched_s,
        keep: options.run.keep,
        ..Request::of(options.paths.clone(), options.run.report.clone())
    })
}

/// The stack that is to boot on what is restored.
async fn application(
    options: &VerifyOptions,
    format: Format,
    cancelled: &CancellationToken,
) -> Result<Option<Application>> {
    let Some(dir) = &options.stack else { return Ok(None) };
    let selection = Selection::default();
    let settings =
        settings::of(dir, &selection, options.compose.as_ref(), format, cancelled).await?;
    let request = plan::Request {
        compose: options.compose.clone(),
        not_proved: settings.not_proved,
        ..options.run.request(Profile::default(), plan::Request::of(dir))
    };
    Ok(Some(Application { request, config: settings.config }))
}

/// Brings the backup, and says how long that took.
async fn fetch(command: &str, cancelled: CancellationToken) -> Result<f64> {
    let begun = Instant::now();
    let runner = Runner::new(cancelled);
    let fetched = runner.command("sh").args(["-c", command]).timeout(FETCH_LIMIT).run().await?;
    if !fetched.succeeded() {
        return Err(Error::undecided("the backup could not be brought")
            .because(fetched.complaint())
            .hint("run the command of --fetch by hand: it has to leave the backup at PATH"));
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// Says what each piece is.
fn list(pieces: &[Piece], format: Format) -> Ending {
    match format {
        Format::Human => display::text(&terminal::pieces(pieces)),
        Format::Json => {
            for piece in pieces {
                display::json_line(&json!({ "event": "piece", "piece": piece }));
            }
        }
    }
    let damage = pieces.iter().flat_map(|piece| {
        piece.damage.iter().map(|why| format!("{}: {why}", piece.path.display()))
    });
    let damage = damage.collect::<Vec<_>>();
    let verdict = if damage.is_empty() {
        harness::model::record::Verdict::Passed
    } else {
        harness::model::record::Verdict::Failed
    };
    Ending::of(verdict).reasons(damage)
}

fn ending(finished: &Finished, format: Format) -> Ending {
    if format == Format::Human {
        display::text(&terminal::summary(&finished.record));
        summary::place(&finished.report);
    }
    let stopped = finished.stopped.as_ref();
    if let Some(stopped) = stopped.filter(|error| error.kind() != ErrorKind::Interrupted) {
        display::error(stopped);
    }
    Ending::of(finished.record.verdict)
        .exit_code(finished.exit_code)
        .report(finished.report.clone())
        .reasons(finished.record.reasons.clone())
        .because(stopped)
        .with("origin", finished.record.origin.name())
        .with("not_proved", json!(finished.record.not_proved))
}
