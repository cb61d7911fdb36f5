//! The whole drill on the reference stack: intact first, then broken, then named. What goes wrong
//! after the disaster is planted in a restore of the artefact that the intact drill kept.

use std::fs::{self, File};

use harness::drill::{Finished, Live, Moment};
use harness::model::check::Outcome;
use harness::model::record::Verdict;
use scenarios::kept::{judge, kept};
use scenarios::rehearsal::{
    Harm, Struck, broken, config, demand, drill, phases, planned, rehearse, request, sabotaged, sql,
};

use crate::{TMP, reports};

/// Restores the artefact of the intact drill, with harm on the way.
async fn restored(moment: Moment, harm: Harm) -> Finished {
    let base = reports();
    let copy = kept(TMP.as_ref()).await.copy(base.path());
    let judging = judge(&copy, base.path()).expect("planned");
    rehearse(&sabotaged(judging, moment, harm)).await
}

/// Removes one of the media store's files of that kind: the first by name, or the last.
async fn remove_file(live: &Live, which: &str) -> harness::Result<()> {
    let media = live.media.clone().ok_or_else(|| broken("the stack has no media"))?;
    let script = format!("rm \"$(find /store -name '*.pdf' | sort | {which} -n 1)\"");
    let removed = live.stack.beside(&media, false, ["sh", "-c", &script]).run().await?;
    removed.require(|| "cannot sabotage").map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intact_backup_passes_with_everything_compared() {
    let finished = &kept(TMP.as_ref()).await.finished;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    assert!(record.reasons.is_empty());
    demand(finished, Verdict::Passed, "artefact.rows", Outcome::Passed, "large objects of");
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
    let latest = finished.report.parent().and_then(|run| run.parent()).expect("a base");
    assert!(latest.join("latest/report.json").is_file());
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
async fn what_the_restore_lost_is_named_by_the_check_that_it_belongs_to() {
    let lose = |live: Live| -> Struck {
        Box::pin(async move {
            let harm = "select setval('grading_anonymat_seq', 100001); \
                        select lo_unlink((select min(subject_oid) from grading_exam_archive)); \
                        select lo_put((select max(subject_oid) from grading_exam_archive \
                        where size_bytes > 0), 0, 'sabotage')";
            sql(&live, harm).await?;
            remove_file(&live, "head").await
        })
    };
    let finished = restored(Moment::StoresRestored, lose).await;
    for (check, named) in [
        ("compare.media", ".pdf"),
        ("compare.references", ".pdf"),
        ("compare.catalogue", "grading_anonymat_seq"),
        ("compare.database", "large object"),
        ("invariant.subject.content", "2"),
    ] {
        demand(&finished, Verdict::Failed, check, Outcome::Failed, named);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_only_the_models_know_of_is_missed_when_it_is_lost() {
    let base = reports();
    let mut config = config();
    let media = config.media.as_mut().expect("the stack has media");
    // Of a table of the same name, which does not hide the application's.
    media.references[0].table = "archive.grading_copy".to_owned();
    let drill = sabotaged(planned(request(base.path()), config), Moment::ServiceGreen, |live| {
        Box::pin(async move { remove_file(&live, "tail").await })
    });
    let finished = rehearse(&drill).await;
    let check = "compare.references";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "public.grading_copy.file");
    assert!(finished.record.integrity.references_checked >= 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_changed_after_the_restore_fails_and_names_its_table() {
    let change = |live: Live| -> Struck {
        Box::pin(async move {
            let change = "update grading_annotation set text = text || ' ' where id = \
                          (select min(id) from grading_annotation)";
            sql(&live, change).await
        })
    };
    let finished = restored(Moment::StoresRestored, change).await;
    demand(&finished, Verdict::Failed, "compare.database", Outcome::Failed, "grading_annotation");
    let found = finished.record.integrity.divergences.iter();
    let found = found.map(|found| (found.rows.as_ref().map(|rows| rows.changed), &found.columns));
    assert_eq!(found.collect::<Vec<_>>(), [(Some(1), &vec!["text".to_owned()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_a_database_that_is_not_empty_is_refused() {
    let fill = |live: Live| -> Struck {
        Box::pin(async move { sql(&live, "create table left_over (id int)").await })
    };
    let finished = restored(Moment::StoresFresh, fill).await;
    let check = "restore.completed";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "public.left_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_service_that_answers_500_fails_and_names_the_request() {
    let refuse = |live: Live| -> Struck {
        Box::pin(async move {
            let refuse = "create function refuse() returns trigger language plpgsql as \
                          $$begin raise exception 'sabotage'; end$$; \
                          create trigger refuse before insert on grading_copy \
                          for each row execute function refuse()";
            sql(&live, refuse).await
        })
    };
    let finished = restored(Moment::ServiceGreen, refuse).await;
    demand(&finished, Verdict::Failed, "probe.copy.create", Outcome::Failed, "500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_loses_its_connection_is_undecided() {
    let cut = |live: Live| -> Struck {
        Box::pin(async move {
            let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
                       where client_addr is not null and backend_xmin is not null \
                       and pid <> pg_backend_pid()";
            sql(&live, cut).await
        })
    };
    let finished = restored(Moment::ServiceGreen, cut).await;
    demand(&finished, Verdict::Undecided, "compare.database", Outcome::Undecided, "never ran");
    assert_eq!(finished.exit_code, 3);
}
