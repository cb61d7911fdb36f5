//! A restored server is as durable as its source was, and its sequences are where its WAL says.

use std::time::{Duration, Instant};

use harness::drill::{Live, Moment};
use harness::model::check::Outcome;
use harness::model::profile::Profile;
use harness::model::record::Verdict;
use harness::plan::Request;
use scenarios::rehearsal::{config, demand, drill_of, planned, rehearse, request, sabotaged, sql};

use crate::reports;

#[tokio::test(flavor = "multi_thread")]
async fn a_tuned_restore_is_durable_again_before_the_service_starts() {
    let base = reports();
    let request = Request { profile: Profile::Tuned, ..request(base.path()) };
    let finished = rehearse(&planned(request, config())).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    assert_eq!(record.profile, Profile::Tuned);
    demand(&finished, Verdict::Passed, "restore.durable", Outcome::Passed, "fsync on");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_left_tuned_and_a_sequence_beyond_its_wal_are_named() {
    let base = reports();
    let drill = drill_of(base.path(), "base-backup");
    let drill = sabotaged(drill, Moment::StoresRestored, |live| {
        Box::pin(async move {
            sql(&live, "alter system set fsync = off; select pg_reload_conf()").await?;
            // 32 values ahead is what WAL allows.
            sql(
                &live,
                "select setval('grading_exam_id_seq', nextval('grading_exam_id_seq') + 1000)",
            )
            .await?;
            until_fsync_is_off(&live).await
        })
    });
    let finished = rehearse(&drill).await;
    let check = "restore.durable";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "fsync is off, the source had on");
    let check = "compare.catalogue";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "grading_exam_id_seq");
}

/// Waits until a new session has the settings that were reloaded.
async fn until_fsync_is_off(live: &Live) -> harness::Result<()> {
    let look =
        "do $$ begin if current_setting('fsync') = 'on' then raise 'still on'; end if; end $$";
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match sql(live, look).await {
            Ok(()) => return Ok(()),
            Err(cause) if Instant::now() > until => return Err(cause),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
