//! The media store as tar + zstd: taken and restored through a short-lived container that
//! sees nothing but the volume. Standard tools can restore it without this one.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::time::Duration;

use super::archive::{self, ArchiveReport, Links};
use super::artefact::Artefact;
use super::{Examined, Reading};
use crate::error::{Attempt, Error, Result};
use crate::model::artefact::{Part, PartKind};
use crate::model::check::id;
use crate::model::divergence::Divergence;
use crate::model::event::Events;
use crate::model::fingerprint::{Certificate, MediaFingerprint};
use crate::stack::database::blocking;
use crate::stack::{OwnedStack, OwnedVolume};
use crate::{compare, fingerprint};

/// File name of the part.
const FILE: &str = "media.tar.zst";

/// A store is read and written at disk speed; this bounds a terabyte on a slow one.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// zstd's default. PDF and image files hardly compress: more effort buys nothing.
const LEVEL: i32 = 3;

/// `tar: file changed as we read it`. What it means for the data is for the comparison to say.
const TAR_CHANGED: Option<i32> = Some(1);

/// Archives the media store into the artefact.
pub async fn take(stack: &OwnedStack, volume: &OwnedVolume, artefact: &Artefact) -> Result<Part> {
    archive(stack, volume, artefact, PartKind::Media, FILE).await
}

/// Archives a volume into the artefact as a part with a name.
pub(super) async fn archive(
    stack: &OwnedStack,
    volume: &OwnedVolume,
    artefact: &Artefact,
    kind: PartKind,
    file: &str,
) -> Result<Part> {
    let mut writer = artefact.begin(kind, file)?;
    let command = stack.beside(volume, true, archive_command()).timeout(LIMIT);
    let file = file.to_owned();
    let (output, part) = command
        .read_by(move |mut pipe| {
            compress(&mut pipe, &mut writer).attempt(|| format!("cannot write {file}"))?;
            writer.finish()
        })
        .await?;
    if output.exit_code != TAR_CHANGED {
        output.require(|| format!("cannot archive volume {:?}", volume.name))?;
    }
    part
}

/// The command that writes a volume mounted at `/store` to standard output.
#[must_use]
pub fn archive_command() -> [&'static str; 10] {
    [
        "tar",
        "--create",
        // PAX records carry fractions of seconds, long and odd names, and extended attributes.
        "--format=posix",
        "--pax-option=delete=atime,delete=ctime",
        "--xattrs",
        "--numeric-owner",
        // What a pipe holds: an engine's work is by the piece, and tar's default is 10 KiB.
        "--blocking-factor=128",
        "--directory=/store",
        "--file=-",
        ".",
    ]
}

/// The command that unpacks standard input into a volume mounted at `/store`.
#[must_use]
pub fn unpack_command() -> [&'static str; 10] {
    [
        "tar",
        "--extract",
        "--same-owner",
        "--same-permissions",
        "--numeric-owner",
        "--xattrs",
        "--xattrs-include=*",
        "--blocking-factor=128",
        "--directory=/store",
        "--file=-",
    ]
}

fn compress(source: &mut impl io::Read, sink: &mut impl io::Write) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(sink, LEVEL)?;
    encoder.include_checksum(true)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    encoder.multithread(u32::try_from(cores).unwrap_or(1))?;
    io::copy(source, &mut encoder)?;
    encoder.finish().map(drop)
}

/// Reads the archive back, and holds every file in it against the baseline's. First whether it may
/// be unpacked at all; what may not says nothing of the files.
pub(super) async fn against(artefact: &Artefact, baseline: &Certificate) -> Result<Examined> {
    let mut examined = Examined::default();
    let Some(expected) = &baseline.media else { return Ok(examined) };
    let (read, part) = (artefact.clone(), artefact.part(PartKind::Media)?.clone());
    let (archive, found) = match blocking(move || read_back(&read, &part, Links::Within)).await {
        Ok(read) => read,
        Err(cause) => {
            examined.damage.push(cause.chain());
            return Ok(examined);
        }
    };
    let mut reading = Reading::of(id::ARTEFACT_MEDIA);
    reading.seen = format!("{} files, {} bytes", archive.files, archive.bytes);
    reading.wrong = archive.violations;
    if let Some(found) = found {
        let recovery_point = baseline.database.as_ref().map(|kept| kept.recovery_point.instant);
        let compared = compare::media::compare(expected, &found, recovery_point);
        let wrong = compared.divergences.iter().filter(|found| found.is_fatal());
        reading.wrong.extend(wrong.map(Divergence::line));
        let open = compared.undecided.iter().map(|(path, reason)| format!("{path}: {reason}"));
        reading.open.extend(open);
    }
    examined.readings.push(reading);
    Ok(examined)
}

/// What the archive is like, and the fingerprint of the files in it, if it may be unpacked.
pub(super) fn read_back(
    artefact: &Artefact,
    part: &Part,
    links: Links,
) -> Result<(ArchiveReport, Option<MediaFingerprint>)> {
    let source = decoder(&artefact.path(part)?)?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let options = fingerprint::media::Options { jobs, sha256: false };
    let (archive, found) =
        fingerprint::media::take_members(options, &Events::ignored(), |collect| {
            archive::inspect_with(source, links, collect)
        })?;
    let found = if archive.is_sound() { Some(found?) } else { None };
    Ok((archive, found))
}

/// Unpacks the archive into a volume.
pub async fn restore(
    stack: &OwnedStack,
    volume: &OwnedVolume,
    artefact: &Artefact,
    part: &Part,
) -> Result<()> {
    let path = artefact.path(part)?;
    let command = stack.beside(volume, false, unpack_command()).timeout(LIMIT);
    let (output, written) = command
        .written_by(move |mut pipe| {
            let mut source = decoder(&path)?;
            io::copy(&mut source, &mut pipe).attempt(|| "cannot unpack the archive").map(drop)
        })
        .await?;
    output.require(|| format!("cannot unpack into volume {:?}", volume.name))?;
    written
}

fn decoder(path: &Path) -> Result<zstd::Decoder<'static, BufReader<File>>> {
    let opened = File::open(path).and_then(zstd::Decoder::new);
    opened
        .map_err(|cause| Error::undecided(format!("cannot read {}", path.display())).because(cause))
}
