//! Every way to lose data, on a live stack: it happened, it is seen to have happened, and the
//! backup brings everything back.

use std::path::Path;

use harness::backup::Method;
use harness::config::MethodConfig;
use harness::disaster::{Disaster, Struck};
use harness::drill::{Drill, Live, Moment};
use harness::model::check::Outcome;
use harness::model::record::Verdict;
use harness::plan::Request;
use harness::stack::Site;
use scenarios::rehearsal::{
    broken, config, demand, drill, planned, rehearse, request, sabotaged, sql,
};

use crate::reports;

/// The drill of the reference stack against a disaster.
fn drill_of(base: &Path, disaster: Disaster) -> Drill {
    planned(Request { disaster, ..request(base) }, config())
}

async fn strike(live: &Live, disaster: Disaster) -> harness::Result<Struck> {
    let Live { stack, database, media, artefact } = live;
    let database = database.as_ref();
    let (media, dir, work) = (media.as_ref(), artefact, artefact);
    let site = Site { stack, database, media, cold: &[], dir, work };
    disaster.strike(&site).await
}

/// Strikes, and demands that nothing survived and that what was seen says so.
async fn demand_struck(live: &Live, disaster: Disaster, names: &str) -> harness::Result<()> {
    let struck = strike(live, disaster).await?;
    if struck.survivors.is_empty() && struck.seen.contains(names) {
        return Ok(());
    }
    Err(broken(format!("{}: {struck:?}", disaster.name())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_outlives_every_disaster_in_a_row() {
    let base = reports();
    let drill = sabotaged(drill(base.path()), Moment::ArtefactTaken, |live| {
        Box::pin(async move {
            demand_struck(&live, Disaster::Ransomware, "keep their names").await?;
            demand_struck(&live, Disaster::Partial, "files are gone").await?;
            demand_struck(&live, Disaster::Media, "files are gone").await?;
            // A second time there is nothing to lose, and it says so.
            let again = strike(&live, Disaster::Media).await?;
            if !again.survivors.iter().any(|it| it.contains("nothing was lost")) {
                return Err(broken(format!("an empty store was lost: {again:?}")));
            }
            demand_struck(&live, Disaster::BadMigration, "lost its column").await?;
            demand_struck(&live, Disaster::Table, "rows").await?;
            sql(&live, "create table public.other (id int)").await?;
            demand_struck(&live, Disaster::Database, "cluster is not").await
        })
    });
    let finished = rehearse(&drill).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_kept_their_names_and_not_their_content_are_restored() {
    let base = reports();
    let finished = rehearse(&drill_of(base.path(), Disaster::Ransomware)).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    demand(&finished, Verdict::Passed, "disaster.happened", Outcome::Passed, "overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_host_comes_back_as_another_project() {
    let base = reports();
    let finished = rehearse(&drill_of(base.path(), Disaster::Host)).await;
    let record = &finished.record;
    assert_eq!((record.verdict, finished.exit_code), (Verdict::Passed, 0), "{:?}", record.reasons);
    let (was, is) = (&record.environment["project"], &record.environment["restored_project"]);
    assert_ne!(was, is);
    // From where the new project begins, no command names the old one.
    let words = |project: &str| format!(" --project-name {project} ");
    let ran =
        record.commands.iter().map(|command| format!("{} ", command.command)).collect::<Vec<_>>();
    let moved = ran.iter().position(|line| line.contains(&words(is))).expect("it came back");
    assert!(ran[..moved].iter().any(|line| line.contains(&words(was))), "{ran:?}");
    assert!(!ran[moved..].iter().any(|line| line.contains(&words(was))), "{ran:?}");
}

#[test]
fn a_method_that_does_not_promise_what_is_lost_is_refused_before_anything_starts() {
    let method = r#"
        name = "rows"
        promises = ["database", "globals"]
        leaves = { database = "all.sql" }
        backup = [{ run = ["dump"], service = "db", output = "database" }]
        restore = [{ run = ["load"], service = "db", input = "database" }]
    "#;
    let method = toml::from_str::<MethodConfig>(method).expect("the method is configured");
    let mut config = config();
    config.methods = vec![method];
    let method = Method::of("rows", &config).expect("configured");
    let refused = |disaster: Disaster| {
        let method = method.clone();
        let request = Request { method, disaster, ..request(Path::new("unused")) };
        Drill::new(request, config.clone()).err()
    };
    for disaster in [Disaster::Media, Disaster::Ransomware, Disaster::Partial] {
        let error = refused(disaster).expect("it promises no media").to_string();
        assert!(error.contains("does not promise the media"), "{error}");
    }
    for disaster in [Disaster::Database, Disaster::Table, Disaster::BadMigration] {
        assert!(refused(disaster).is_none(), "{}", disaster.name());
    }
}
