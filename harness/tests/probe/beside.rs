//! Probes that write run alone, unless they say that they may run beside others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::model::check::Outcome;
use harness::model::event::Events;
use harness::probe::{Exec, ExecFuture, Limits, Prober, Round, Variables};
use tokio::sync::watch;

use super::server::{Server, text};
use super::{assert_outcome, probes, quick, target};

/// A command that ends when another of it runs.
#[derive(Default)]
struct Meeting {
    here: AtomicUsize,
    met: watch::Sender<bool>,
}

/// Whoever is there, until they leave or are made to.
struct Guest<'a>(&'a AtomicUsize);

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Exec for Meeting {
    fn exec<'a>(&'a self, _service: &'a str, _argv: &'a [String]) -> ExecFuture<'a> {
        Box::pin(async move {
            let others = self.here.fetch_add(1, Ordering::SeqCst);
            let _guest = Guest(&self.here);
            if others > 0 {
                self.met.send_replace(true);
            }
            let mut met = self.met.subscribe();
            met.wait_for(|met| *met).await.expect("the meeting goes on");
            Ok((Some(0), String::new()))
        })
    }
}

/// A round of two probes that only end if they run at the same time.
async fn meet(lines: &str, limits: Limits) -> Round {
    let probe = |id: &str| {
        format!(
            "[[probe]]\nid = '{id}'\nrequirement = 'FR-5'\ntitle = 'it holds'\n{lines}\n\
             step = [{{ exec = {{ service = 'a', command = ['meet'] }}, expect.exit_code = 0 }}]\n"
        )
    };
    let server = Server::start(|_| text(200, "fine")).await;
    let probes = probes(&(probe("one") + &probe("two")));
    let exec = Arc::new(Meeting::default());
    let asker = Prober::new(&probes, &target(&server), &Variables::new(), Some(exec));
    asker.expect("valid probes").with_limits(limits).round(&Events::ignored()).await
}

#[tokio::test]
async fn probes_that_say_so_run_beside_each_other() {
    let round = meet("writes = true\nbeside = true", Limits::default()).await;
    for check in &round.checks {
        assert_outcome(check, Outcome::Passed, "exit code 0");
    }
}

#[tokio::test]
async fn probes_that_write_run_alone_otherwise() {
    let round = meet("writes = true", quick()).await;
    for check in &round.checks {
        assert_outcome(check, Outcome::Undecided, "the command did not end within");
    }
}
