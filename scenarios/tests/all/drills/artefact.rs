//! Artefacts of which something is missing or altered while their manifest agrees: each is
//! found out by a full read, before anything is restored.

use std::fs;
use std::ops::Range;
use std::path::Path;

use harness::drill::Finished;
use harness::model::check::Outcome;
use harness::model::record::Verdict;
use scenarios::kept::{self, WITH_ONE_ALTERED, WITHOUT_LARGE_OBJECTS, forge, judge};
use scenarios::rehearsal::{demand, phases, rehearse};

use crate::{TMP, reports};

/// Damages a copy of an intact artefact, and has it judged.
async fn damaged(damage: impl FnOnce(&kept::Kept, &Path)) -> Finished {
    let base = reports();
    let intact = kept::kept(TMP.as_ref()).await;
    let copy = intact.copy(base.path());
    damage(intact, &copy);
    let finished = rehearse(&judge(&copy, base.path()).expect("planned")).await;
    let phases = phases(&finished);
    assert!(phases.contains(&"artefact-check") && !phases.contains(&"restore"), "{phases:?}");
    assert_eq!(finished.record.timings.recovery_time_s, None);
    finished
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_cut_before_it_was_hashed_fails_all_the_same() {
    let finished = damaged(|_, artefact| {
        let dump = fs::read(artefact.join("database.dump")).expect("a dump");
        // As if the stream had ended early and nobody had noticed.
        forge(artefact, "database", &dump[..dump.len() * 6 / 10]);
    })
    .await;
    demand(&finished, Verdict::Failed, "artefact.intact", Outcome::Failed, "cannot read it");
    demand(&finished, Verdict::Failed, "artefact.rows", Outcome::Failed, "is not in the dump");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_without_large_objects_fails() {
    let finished = damaged(|kept, artefact| {
        forge(artefact, "database", &kept.dump(WITHOUT_LARGE_OBJECTS));
    })
    .await;
    let (check, named) =
        ("artefact.rows", "large objects are in the dump; large object 3000000000: missing");
    demand(&finished, Verdict::Failed, check, Outcome::Failed, named);
    demand(&finished, Verdict::Failed, "artefact.intact", Outcome::Passed, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_with_a_large_object_altered_fails() {
    let finished = damaged(|kept, artefact| {
        forge(artefact, "database", &kept.dump(WITH_ONE_ALTERED));
    })
    .await;
    let (check, named) = ("artefact.rows", "large object");
    demand(&finished, Verdict::Failed, check, Outcome::Failed, named);
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "bytes differs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_file_missing_from_the_archive_fails() {
    let finished = damaged(|_, artefact| rewrite_media(artefact, |_| Fate::Dropped)).await;
    demand(&finished, Verdict::Failed, "artefact.media", Outcome::Failed, ".pdf: missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_file_altered_in_the_archive_fails() {
    let altering = |content: &mut [u8]| {
        content[40] ^= 1;
        Fate::Kept
    };
    let finished = damaged(|_, artefact| rewrite_media(artefact, altering)).await;
    demand(&finished, Verdict::Failed, "artefact.media", Outcome::Failed, ".pdf: ");
}

/// Changes the content of the archive's first file, or drops the file, and everything else stays.
fn rewrite_media(artefact: &Path, change: fn(&mut [u8]) -> Fate) {
    let packed = fs::read(artefact.join("media.tar.zst")).expect("an archive");
    let mut archive = zstd::decode_all(packed.as_slice()).expect("zstd");
    let (member, content) = first_file(&archive).expect("it has a file");
    if change(&mut archive[content]) == Fate::Dropped {
        archive.drain(member);
    }
    let packed = zstd::encode_all(archive.as_slice(), 3).expect("packed");
    forge(artefact, "media", &packed);
}

/// What becomes of a member.
#[derive(PartialEq)]
enum Fate {
    Kept,
    Dropped,
}

/// Where the first regular file is in an archive: with its headers, and its content alone.
fn first_file(archive: &[u8]) -> std::io::Result<(Range<usize>, Range<usize>)> {
    let at = |position: u64| usize::try_from(position).expect("it is in memory");
    let mut begins = None;
    for entry in tar::Archive::new(archive).entries()?.raw(true) {
        let entry = entry?;
        let begin = *begins.get_or_insert(at(entry.raw_header_position()));
        let kind = entry.header().entry_type();
        if kind.is_file() {
            let content = at(entry.raw_file_position());
            let size = at(entry.size());
            return Ok((begin..content + size.next_multiple_of(512), content..content + size));
        }
        // The records of a member stand before it.
        if !kind.is_pax_local_extensions() {
            begins = None;
        }
    }
    Err(std::io::ErrorKind::NotFound.into())
}
