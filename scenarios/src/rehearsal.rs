//! Whole drills of the reference stack, sabotaged on the way: the fixture of the scenarios.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use harness::backup::Method;
use harness::config::Config;
use harness::drill::{Drill, Finished, Live, Moment, Saboteur};
use harness::model::check::{Check, Outcome};
use harness::model::event::Events;
use harness::model::record::Verdict;
use harness::plan::Request;
use harness::process::Runner;
use harness::stack::LABEL_RUN;
use harness::stack::compose::Compose;
use harness::stack::engine::{Engine, ResourceKind};
use harness::{Error, Result};
use tokio_util::sync::CancellationToken;

use crate::turn::{self, Fixture};

/// Enough rows and files to lose some, few enough to be quick.
const SCALE: &str = "5000";

/// Folder of the reference stack.
#[must_use]
pub fn reference_stack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose")
}

/// What harm looks like: a function of what is alive at a moment.
pub type Harm = fn(Live) -> Struck;

/// What comes of it.
pub type Struck = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// One act of sabotage.
struct Act {
    moment: Moment,
    harm: Harm,
}

impl Saboteur for Act {
    fn strike<'a>(
        &'a self,
        moment: Moment,
        live: &'a Live,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        Box::pin(async move {
            if moment == self.moment { (self.harm)(live.clone()).await } else { Ok(()) }
        })
    }
}

/// A drill of the reference stack at a small scale, its report below `base`.
///
/// # Panics
/// When the reference stack cannot be planned.
#[must_use]
pub fn drill(base: &Path) -> Drill {
    planned(request(base), config())
}

/// What `drill.toml` of the reference stack says.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn config() -> Config {
    Config::load(&reference_stack()).expect("the reference stack is configured")
}

/// What is asked of [`drill`].
///
/// # Panics
/// Never: the scale is one.
#[must_use]
pub fn request(base: &Path) -> Request {
    Request {
        scale: SCALE.parse().expect("a scale"),
        seed: 7,
        compose: std::env::var("DR_DRILL_COMPOSE").ok(),
        report_base: base.to_owned(),
        ..Request::of(reference_stack())
    }
}

/// A drill as it was asked for.
///
/// # Panics
/// When it cannot be planned.
#[must_use]
pub fn planned(request: Request, config: Config) -> Drill {
    Drill::new(request, config).expect("it can be planned")
}

/// The same with another method of the reference stack.
///
/// # Panics
/// When it cannot be planned.
#[must_use]
pub fn drill_of(base: &Path, method: &str) -> Drill {
    let config = config();
    let method = Method::of(method, &config).expect("the stack has it");
    planned(Request { method, ..request(base) }, config)
}

/// The command of compose 1.29, for what has to hold with both versions.
///
/// # Panics
/// When there is none: nothing would be known of that version.
pub async fn compose_v1() -> String {
    let runner = Runner::new(CancellationToken::new());
    // In the search path version 2 may have that name, too.
    for command in ["/usr/bin/docker-compose", "docker-compose"] {
        let found = Compose::find(&runner, Some(command)).await;
        if found.is_ok_and(|compose| compose.version().starts_with("1.")) {
            return command.to_owned();
        }
    }
    panic!("no compose 1.29: apt-get install docker-compose (Debian 12, Ubuntu 24.04)")
}

/// Sabotages a drill at one moment.
#[must_use]
pub fn sabotaged(drill: Drill, moment: Moment, harm: Harm) -> Drill {
    drill.sabotaged(Arc::new(Act { moment, harm }))
}

/// Runs a drill to its end and makes sure that it left nothing behind.
///
/// # Panics
/// When the drill cannot begin, or left something.
pub async fn rehearse(drill: &Drill) -> Finished {
    let _turn = turn::take(Fixture::Drill);
    let finished = drill.run(&Events::ignored(), CancellationToken::new()).await;
    let finished = finished.expect("the drill begins");
    assert_eq!(leftovers(&finished.record.run_id).await, Vec::<String>::new());
    let work = finished.report.with_file_name("work");
    assert!(!work.exists(), "{} is still there", work.display());
    finished
}

/// Everything in the engine that carries a run's label.
///
/// # Panics
/// When the engine does not answer.
pub async fn leftovers(run_id: &str) -> Vec<String> {
    let runner = Runner::new(CancellationToken::new());
    let engine = Engine::find(&runner).await.expect("an engine");
    let mut found = Vec::new();
    for kind in ResourceKind::ALL {
        let label = format!("{LABEL_RUN}={run_id}");
        found.extend(engine.list(kind, &label).await.expect("the engine lists"));
    }
    found
}

/// Demands a verdict, and one check with an outcome whose detail names the cause.
///
/// # Panics
/// When the drill concluded anything else.
pub fn demand(finished: &Finished, verdict: Verdict, check: &str, outcome: Outcome, names: &str) {
    let record = &finished.record;
    let by_id = record.checks.iter().map(|check| (check.id.as_str(), check));
    let by_id = by_id.collect::<BTreeMap<&str, &Check>>();
    let seen = || format!("{:?}\n{by_id:#?}", record.reasons);
    assert_eq!(record.verdict, verdict, "{}", seen());
    let found = by_id.get(check).unwrap_or_else(|| panic!("no check {check}: {}", seen()));
    assert_eq!(found.outcome, outcome, "{}", seen());
    assert!(found.detail.contains(names), "{check} does not name {names:?}: {}", seen());
}

/// The phases that it came to.
#[must_use]
pub fn phases(finished: &Finished) -> Vec<&'static str> {
    finished.record.timings.phases.iter().map(|phase| phase.name.name()).collect()
}

/// Executes SQL in the sandbox's database, as its owner.
pub async fn sql(live: &Live, statement: &str) -> Result<()> {
    let args = ["--quiet", "--set=ON_ERROR_STOP=1", "--dbname", &live.database()?.name];
    let psql = live.database()?.tool(&live.stack, "psql", args).await?;
    psql.run_with(statement.as_bytes().to_vec()).await?.require(|| "cannot sabotage").map(drop)
}

/// An error of the sabotage itself.
pub fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::undecided("cannot sabotage").because(cause)
}
