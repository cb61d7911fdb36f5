//! `volumes`: what the stack's volumes weigh at several scales, as `[[volume]] measured` of
//! drill.toml has it.

use std::collections::BTreeMap;

use harness::config::{Config, Measured, growth};
use harness::dataset::Scale;
use harness::drill::{Drill, Standing};
use harness::plan::Request;
use harness::stack::OwnedVolume;
use harness::{Error, Result};
use serde_json::json;

use super::interrupt;
use crate::called;
use crate::display;
use crate::ending::Ending;
use crate::flags::{Format, VolumesOptions};

/// Measures at each scale, and prints the points and their slope.
pub(crate) async fn run(options: VolumesOptions, format: Format) -> Result<Ending> {
    let config = Config::load(&options.stack)?;
    let mut points = BTreeMap::<String, Vec<Measured>>::new();
    for scale in &options.scale {
        for (name, measured) in at_scale(&options, format, &config, *scale).await? {
            points.entry(name).or_default().push(measured);
        }
    }
    for (name, points) in &points {
        let slope = growth(points);
        if format == Format::Json {
            display::json_line(&json!({
                "event": "volume", "name": name, "measured": points, "bytes_a_copy": slope,
            }));
            continue;
        }
        let shown = points
            .iter()
            .map(|Measured { copies, bytes }| format!("{{ copies = {copies}, bytes = {bytes} }}"));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let slope = slope.map_or_else(|| "unknown".to_owned(), |slope| format!("{slope:.0} bytes"));
        println!("{name}: {slope} a copy\n  measured = [{shown}]");
    }
    Ok(Ending::done())
}

/// Brings a copy up, measures its volumes, and removes it whatever happened.
async fn at_scale(
    options: &VolumesOptions,
    format: Format,
    config: &Config,
    scale: Scale,
) -> Result<Vec<(String, Measured)>> {
    let request = Request {
        scale,
        seed: options.seed,
        compose: options.compose.clone(),
        report_base: called::runs().into(),
        ..Request::of(&options.stack)
    };
    let drill = Drill::new(request, config.clone())?;
    let cancelled = interrupt::token(format);
    let standing =
        display::shown(format, async |events| drill.stand(events, cancelled.clone()).await).await?;
    let measured = tokio::select! {
        measured = measure(&standing) => measured,
        () = cancelled.cancelled() => Err(Error::interrupted()),
    };
    let removed = standing.remove().await;
    measured.and_then(|measured| removed.map(|()| measured))
}

async fn measure(standing: &Standing) -> Result<Vec<(String, Measured)>> {
    let sandbox = &standing.sandbox;
    let copies = match &sandbox.media {
        Some(media) => number(standing, media, "find /store -type f | wc -l").await?,
        None => {
            return Err(Error::usage("the stack has no media store whose files could be counted"));
        }
    };
    let mut measured = Vec::new();
    for volume in sandbox.stack.volumes() {
        // Blocks on disk, not lengths of files: that is what fills it.
        let bytes =
            number(standing, &volume, "du --summarize --block-size=1 /store | cut -f 1").await?;
        measured.push((volume.name, Measured { copies, bytes }));
    }
    Ok(measured)
}

/// The number that a script prints, run with a volume at /store.
async fn number(standing: &Standing, volume: &OwnedVolume, script: &str) -> Result<u64> {
    let command = standing.sandbox.stack.beside(volume, true, ["sh", "-c", script]);
    let text = command.run().await?.require(|| "cannot measure a volume")?.text();
    let number = text.trim().parse();
    number.map_err(|_| Error::undecided(format!("cannot read {text:?} as a number")))
}
