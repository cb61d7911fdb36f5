//! The whole drill on the reference stack: intact first, then broken, then named.

use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use harness::drill::{Drill, Finished, Live, Moment};
use harness::model::check::Outcome;
use harness::model::record::Verdict;
use scenarios::rehearsal::{
    broken, config, demand, drill, planned, rehearse, request, sabotaged, sql,
};

fn reports() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intact_backup_passes_with_everything_compared() {
    let base = reports();
    let finished = rehearse(&drill(base.path())).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    assert!(record.reasons.is_empty());
    demand(&finished, Verdict::Passed, "artefact.rows", Outcome::Passed, "large objects of");
    assert!(record.integrity.tables_compared >= 15, "{:?}", record.integrity);
    assert!(record.integrity.rows_compared >= 5000, "{:?}", record.integrity);
    assert!(record.integrity.facts_compared >= 100, "{:?}", record.integrity);
    assert!(record.integrity.files_compared >= 20, "{:?}", record.integrity);
    assert!(record.integrity.references_checked >= 20, "{:?}", record.integrity);
    assert!(record.timings.recovery_time_s.is_some_and(|recovery_time_s| recovery_time_s > 0.0));
    let skipped = record.checks.iter().filter(|check| check.outcome == Outcome::Skipped);
    assert!(skipped.clone().all(|check| check.detail == "only over TLS"), "{:?}", record.checks);
    let written = fs::read_to_string(&finished.report).expect("a report");
    assert!(written.contains("\"verdict\": \"passed\""));
    assert!(base.path().join("latest/report.json").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_cut_to_60_percent_fails_before_anything_is_destroyed() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::ArtefactTaken, |live| {
        Box::pin(async move {
            let dump = File::options().write(true).open(live.artefact.join("database.dump"));
            let dump = dump.map_err(broken)?;
            let size = dump.metadata().map_err(broken)?.len();
            dump.set_len(size * 6 / 10).map_err(broken)
        })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "artefact.intact", Outcome::Failed, "manifest says");
    assert_eq!(finished.record.timings.recovery_time_s, None);
    let phases = phases(&finished);
    assert!(phases.contains(&"artefact-check") && !phases.contains(&"disaster"), "{phases:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_cut_before_it_was_hashed_fails_all_the_same() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::ArtefactTaken, |live| {
        Box::pin(async move {
            let path = live.artefact.join("database.dump");
            let dump = fs::read(&path).map_err(broken)?;
            let kept = &dump[..dump.len() * 6 / 10];
            fs::write(&path, kept).map_err(broken)?;
            // The manifest agrees: as if the stream had ended early and nobody had noticed.
            forge(&live, "database", kept)
        })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "artefact.intact", Outcome::Failed, "cannot read it");
    demand(&finished, Verdict::Failed, "artefact.rows", Outcome::Failed, "is not in the dump");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_without_large_objects_fails_before_anything_is_destroyed() {
    let base = reports();
    let drill = sabotaged(silent(base.path()), Moment::ArtefactTaken, |live| {
        Box::pin(async move { dump_again(&live, "--no-blobs").await })
    });
    let finished = rehearse(&drill).await;
    let (check, named) =
        ("artefact.rows", "large objects are in the dump; large object 3000000000: missing");
    demand(&finished, Verdict::Failed, check, Outcome::Failed, named);
    demand(&finished, Verdict::Failed, "artefact.intact", Outcome::Passed, "");
    assert!(!phases(&finished).contains(&"disaster"), "{:?}", phases(&finished));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_with_a_large_object_altered_fails_before_anything_is_destroyed() {
    let base = reports();
    let drill = sabotaged(silent(base.path()), Moment::ArtefactTaken, |live| {
        Box::pin(async move {
            let harm = "select lo_put((select max(subject_oid) from grading_exam_archive \
                        where size_bytes > 0), 0, 'sabotage')";
            sql(&live, harm).await?;
            dump_again(&live, "--blobs").await
        })
    });
    let finished = rehearse(&drill).await;
    let (check, named) = ("artefact.rows", "large object");
    demand(&finished, Verdict::Failed, check, Outcome::Failed, named);
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "bytes differs");
    assert!(!phases(&finished).contains(&"disaster"), "{:?}", phases(&finished));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_file_missing_from_the_archive_fails_before_anything_is_destroyed() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::ArtefactTaken, |live| {
        Box::pin(async move { rewrite_media(&live, |_| Fate::Dropped) })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "artefact.media", Outcome::Failed, ".pdf: missing");
    assert_eq!(finished.record.timings.recovery_time_s, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_file_altered_in_the_archive_fails_before_anything_is_destroyed() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::ArtefactTaken, |live| {
        Box::pin(async move {
            rewrite_media(&live, |content| {
                content[40] ^= 1;
                Fate::Kept
            })
        })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "artefact.media", Outcome::Failed, ".pdf: ");
    assert_eq!(finished.record.timings.recovery_time_s, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_file_lost_in_the_restore_fails_and_is_named() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::StoresRestored, |live| {
        Box::pin(async move {
            let media = live.media.clone().ok_or_else(|| broken("the stack has no media"))?;
            let script = "rm \"$(find /store -name '*.pdf' | sort | head -n 1)\"";
            let removed = live.stack.beside(&media, false, ["sh", "-c", script]).run().await?;
            removed.require(|| "cannot sabotage").map(drop)
        })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "compare.media", Outcome::Failed, ".pdf");
    demand(&finished, Verdict::Failed, "compare.references", Outcome::Failed, ".pdf");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_only_the_models_know_of_is_missed_when_it_is_lost() {
    let base = reports();
    let mut config = config();
    let media = config.media.as_mut().expect("the stack has media");
    // Of a table of the same name, which does not hide the application's.
    media.references[0].table = "archive.grading_copy".to_owned();
    let drill = sabotaged(planned(request(base.path()), config), Moment::ServiceGreen, |live| {
        Box::pin(async move {
            let media = live.media.clone().ok_or_else(|| broken("the stack has no media"))?;
            let script = "rm \"$(find /store -name '*.pdf' | sort | tail -n 1)\"";
            let removed = live.stack.beside(&media, false, ["sh", "-c", script]).run().await?;
            removed.require(|| "cannot sabotage").map(drop)
        })
    });
    let finished = rehearse(&drill).await;
    let check = "compare.references";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "public.grading_copy.file");
    assert!(finished.record.integrity.references_checked >= 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_changed_after_the_restore_fails_and_names_its_table() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::StoresRestored, |live| {
        Box::pin(async move {
            let change = "update grading_annotation set text = text || ' ' where id = \
                          (select min(id) from grading_annotation)";
            sql(&live, change).await
        })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "compare.database", Outcome::Failed, "grading_annotation");
    let found = finished.record.integrity.divergences.iter();
    let found = found.map(|found| (found.rows.as_ref().map(|rows| rows.changed), &found.columns));
    assert_eq!(found.collect::<Vec<_>>(), [(Some(1), &vec!["text".to_owned()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_and_an_altered_large_object_fail() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::StoresRestored, |live| {
        Box::pin(async move {
            let harm = "select lo_unlink((select min(subject_oid) from grading_exam_archive)); \
                        select lo_put((select max(subject_oid) from grading_exam_archive \
                        where size_bytes > 0), 0, 'sabotage')";
            sql(&live, harm).await
        })
    });
    let finished = rehearse(&drill).await;
    let check = "invariant.subject.content";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewound_sequence_fails_and_is_named() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::StoresRestored, |live| {
        Box::pin(async move { sql(&live, "select setval('grading_anonymat_seq', 100001)").await })
    });
    let finished = rehearse(&drill).await;
    let check = "compare.catalogue";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "grading_anonymat_seq");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_a_database_that_is_not_empty_is_refused() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::StoresFresh, |live| {
        Box::pin(async move { sql(&live, "create table left_over (id int)").await })
    });
    let finished = rehearse(&drill).await;
    let check = "restore.completed";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "public.left_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_service_that_answers_500_fails_and_names_the_request() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::ServiceGreen, |live| {
        Box::pin(async move {
            let refuse = "create function refuse() returns trigger language plpgsql as \
                          $$begin raise exception 'sabotage'; end$$; \
                          create trigger refuse before insert on grading_copy \
                          for each row execute function refuse()";
            sql(&live, refuse).await
        })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Failed, "probe.copy.create", Outcome::Failed, "500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_loses_its_connection_is_undecided() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::ServiceGreen, |live| {
        Box::pin(async move {
            let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
                       where client_addr is not null and backend_xmin is not null \
                       and pid <> pg_backend_pid()";
            sql(&live, cut).await
        })
    });
    let finished = rehearse(&drill).await;
    demand(&finished, Verdict::Undecided, "compare.database", Outcome::Undecided, "never ran");
    assert_eq!(finished.exit_code, 3);
}

/// A drill in which nobody writes, so that a second dump holds the same rows.
fn silent(base: &Path) -> Drill {
    let mut config = config();
    config.ledger.enabled = false;
    planned(request(base), config)
}

fn phases(finished: &Finished) -> Vec<&'static str> {
    finished.record.timings.phases.iter().map(|phase| phase.name.name()).collect()
}

/// Puts another dump of the database into the artefact, whose manifest agrees.
async fn dump_again(live: &Live, option: &str) -> harness::Result<()> {
    let args = ["--format=custom", option, "--dbname", &live.database.name];
    let dump = live.database.tool(&live.stack, "pg_dump", args).await?;
    let (output, dump) = dump
        .read_by(|mut pipe| {
            let mut dump = Vec::new();
            pipe.read_to_end(&mut dump).map(|_| dump).map_err(broken)
        })
        .await?;
    output.require(|| "cannot sabotage")?;
    let dump = dump?;
    fs::write(live.artefact.join("database.dump"), &dump).map_err(broken)?;
    forge(live, "database", &dump)
}

/// Makes the manifest agree with what a part was replaced by.
fn forge(live: &Live, kind: &str, content: &[u8]) -> harness::Result<()> {
    let path = live.artefact.join("manifest.json");
    let text = fs::read_to_string(&path).map_err(broken)?;
    let mut manifest = serde_json::from_str::<serde_json::Value>(&text).map_err(broken)?;
    let parts = manifest["parts"].as_array_mut().into_iter().flatten();
    for part in parts.filter(|part| part["kind"] == kind) {
        part["size"] = content.len().into();
        part["blake3"] = blake3::hash(content).to_hex().to_string().into();
    }
    fs::write(&path, manifest.to_string()).map_err(broken)
}

/// Changes the content of the archive's first file, or drops the file, and everything else stays:
/// the manifest agrees.
fn rewrite_media(live: &Live, change: fn(&mut [u8]) -> Fate) -> harness::Result<()> {
    let path = live.artefact.join("media.tar.zst");
    let packed = fs::read(&path).map_err(broken)?;
    let mut archive = zstd::decode_all(packed.as_slice()).map_err(broken)?;
    let (member, content) = first_file(&archive).map_err(broken)?;
    if change(&mut archive[content]) == Fate::Dropped {
        archive.drain(member);
    }
    let packed = zstd::encode_all(archive.as_slice(), 3).map_err(broken)?;
    fs::write(&path, &packed).map_err(broken)?;
    forge(live, "media", &packed)
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
