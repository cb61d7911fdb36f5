//! Volumes as tar + zstd, taken and put back while nothing runs on them: for any engine, and for
//! none. What a server has open, no archive of its files can be trusted with.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::archive::Links;
use super::artefact::Artefact;
use super::{Examined, Reading, media, timed};
use crate::compare;
use crate::config::BUILT_IN;
use crate::error::{Error, Result};
use crate::model::artefact::{Part, PartKind, volume_file};
use crate::model::check::id;
use crate::model::divergence::Divergence;
use crate::model::fingerprint::{Certificate, MediaFingerprint};
use crate::model::record::StepTiming;
use crate::stack::database::blocking;
use crate::stack::{OwnedStack, OwnedVolume};

/// Name of the method.
pub const NAME: &str = BUILT_IN[1];

/// Volumes that are read or written side by side.
const AT_ONCE: usize = 2;

/// Archives each volume into the artefact.
pub(super) async fn take(
    stack: &OwnedStack,
    volumes: &[OwnedVolume],
    artefact: &Artefact,
) -> Result<Vec<Part>> {
    let taken = volumes.iter().map(|volume| async move {
        let file = volume_file(&volume.name);
        media::archive(stack, volume, artefact, PartKind::Volume, &file).await
    });
    stream::iter(taken).buffered(AT_ONCE).try_collect().await
}

/// Puts each volume back as it was: what is in it goes before anything is unpacked. A fresh volume
/// holds what its image has there, and files that were made after the backup are not of it.
pub(super) async fn restore(
    stack: &OwnedStack,
    volumes: &[OwnedVolume],
    artefact: &Artefact,
) -> Result<Vec<StepTiming>> {
    let restored = volumes.iter().map(|volume| async move {
        let name = &volume.name;
        let part = artefact.manifest.volume(name).ok_or_else(|| {
            Error::undecided(format!("the artefact has no archive of volume {name:?}"))
                .hint("the stack has a volume that it did not have when the backup was taken")
        })?;
        timed(format!("volume {name}"), None, async {
            empty(stack, volume).await?;
            media::restore(stack, volume, artefact, part).await
        })
        .await
    });
    stream::iter(restored).buffered(AT_ONCE).try_collect().await
}

async fn empty(stack: &OwnedStack, volume: &OwnedVolume) -> Result<()> {
    let words = ["find", "/store", "-mindepth", "1", "-delete"];
    let emptied = stack.beside(volume, false, words).run().await?;
    emptied.require(|| format!("cannot empty volume {:?}", volume.name)).map(drop)
}

/// Reads each archive back, and holds every file in it against the baseline's.
pub(super) async fn against(artefact: &Artefact, baseline: &Certificate) -> Result<Examined> {
    let mut examined = Examined::default();
    if baseline.volumes.is_empty() {
        return Ok(examined);
    }
    let mut reading = Reading::of(id::ARTEFACT_VOLUMES);
    let (mut files, mut bytes) = (0, 0);
    for (name, expected) in &baseline.volumes {
        let Some(part) = artefact.manifest.volume(name).cloned() else {
            reading.wrong.push(format!("volume {name}: the artefact has no archive of it"));
            continue;
        };
        let read = artefact.clone();
        match blocking(move || media::read_back(&read, &part, Links::Anywhere)).await {
            Err(cause) => examined.damage.push(cause.chain()),
            Ok((archive, found)) => {
                files += archive.files;
                bytes += archive.bytes;
                let of_it = |text: String| format!("volume {name}: {text}");
                reading.wrong.extend(archive.violations.into_iter().map(of_it));
                let Some(found) = found else {
                    reading.wrong.push(of_it("its archive is cut".to_owned()));
                    continue;
                };
                let (wrong, open) = differing(expected, &found);
                reading.wrong.extend(wrong.into_iter().map(of_it));
                reading.open.extend(open.into_iter().map(of_it));
            }
        }
    }
    let volumes = baseline.volumes.len();
    let word = if volumes == 1 { "volume" } else { "volumes" };
    reading.seen = format!("{volumes} {word}, {files} files, {bytes} bytes");
    examined.readings.push(reading);
    Ok(examined)
}

fn differing(expected: &MediaFingerprint, found: &MediaFingerprint) -> (Vec<String>, Vec<String>) {
    let compared = compare::media::compare(expected, found, None);
    let wrong = compared.divergences.iter().filter(|found| found.is_fatal());
    let open = compared.undecided.iter().map(|(path, reason)| format!("{path}: {reason}"));
    (wrong.map(Divergence::line).collect(), open.collect())
}
