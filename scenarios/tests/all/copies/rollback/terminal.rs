//! An operator's terminal on a sealed copy, and the fingerprint of what is in it.

use harness::backup::Method;
use harness::compare;
use harness::drill::{Drill, Standing};
use harness::model::event::Events;
use harness::model::fingerprint::Certificate;
use harness::plan::Request;
use harness::runbook::{Expected, Place, Role, Runbook, Step, Walk};
use scenarios::rehearsal;
use scenarios::turn::{self, Fixture, Turn};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Starting a service does not wait for it.
const READY: &str = "
for attempt in $(seq 300); do
    if docker compose exec -T db pg_isready --quiet --host=127.0.0.1; then exit 0; fi
    sleep 0.2
done
exit 1";

/// A copy whose database and backend are up: what else there is to a stack, a restore only stops.
pub(super) struct Copy {
    pub(super) standing: Standing,
    pub(super) drill: Drill,
    _base: TempDir,
    _turn: Turn,
}

impl Copy {
    /// # Panics
    /// When it does not come up.
    pub(super) async fn up(method: &str) -> Self {
        Self::up_with(method, None).await
    }

    /// A copy that is driven by one compose command, in the scripts, too.
    ///
    /// # Panics
    /// When it does not come up.
    pub(super) async fn up_with(method: &str, compose: Option<String>) -> Self {
        let turn = turn::take(Fixture::Sweep);
        let base = crate::reports();
        let config = rehearsal::config();
        let method = Method::of(method, &config).expect("configured");
        let usual = rehearsal::request(base.path());
        let compose = compose.or(usual.compose.clone());
        let drill = rehearsal::planned(Request { method, compose, ..usual }, config);
        let standing =
            drill.stand_with(&["backend"], &Events::ignored(), CancellationToken::new()).await;
        let standing = standing.expect("the copy comes up");
        Self { standing, drill, _base: base, _turn: turn }
    }

    pub(super) async fn terminal(&self) -> Terminal<'_> {
        let nothing = Runbook::default();
        let walk = Walk::prepare(&nothing, &self.standing, &self.drill, &Events::ignored()).await;
        Terminal { walk: walk.expect("prepared"), copy: self }
    }

    /// # Panics
    /// When something of it stays.
    pub(super) async fn remove(self) {
        let run = self.standing.run.clone();
        self.standing.remove().await.expect("removed");
        assert_eq!(rehearsal::leftovers(run.as_str()).await, Vec::<String>::new());
    }
}

pub(super) struct Terminal<'a> {
    walk: Walk<'a>,
    pub(super) copy: &'a Copy,
}

impl Terminal<'_> {
    /// Runs a block; the complaint if it ends otherwise or does not say all of this.
    pub(super) async fn run(&self, text: &str, code: i32, says: &[&str]) -> Result<(), String> {
        let error = says.iter().map(|words| (*words).to_owned()).collect();
        let expected = Expected { exit_code: code, output: Vec::new(), error };
        let role = Role::Run { place: Place::Host, expected };
        let step = Step { name: text.to_owned(), line: 1, text: text.to_owned(), role };
        match self.walk.step(&step).await.map_err(|cause| cause.chain())? {
            None => Ok(()),
            Some(broken) => Err(format!("{}\n{}", broken.fault, broken.printed.join("\n"))),
        }
    }

    /// The fingerprint of database and media store.
    pub(super) async fn fingerprint(&self) -> Result<Certificate, String> {
        let Copy { standing, drill, .. } = self.copy;
        if let Ok(taken) = standing.certificate(drill.config()).await {
            return Ok(taken);
        }
        self.run(READY, 0, &[]).await?;
        standing.certificate(drill.config()).await.map_err(|cause| cause.chain())
    }

    /// What differs from a fingerprint that was taken before.
    pub(super) async fn unchanged_since(&self, before: &Certificate) -> Result<(), String> {
        let compared = compare::certificates(before, &self.fingerprint().await?);
        let differs =
            compared.divergences.iter().map(|it| format!("{}: {}", it.subject, it.detail));
        let all = differs.chain(compared.undecided.iter().cloned()).collect::<Vec<_>>();
        if all.is_empty() { Ok(()) } else { Err(all.join("\n")) }
    }
}
