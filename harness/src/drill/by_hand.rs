//! A sandbox without a drill: prepared, started, seeded, and handed to whoever asked for it.

use tokio_util::sync::CancellationToken;

use super::folder::RunFolder;
use super::journal::Journal;
use super::phases::Rehearsal;
use super::sandbox::Sandbox;
use super::{Drill, SETTLE, observe};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::fingerprint::database::Snapshot;
use crate::model::event::{Event, Events};
use crate::model::fingerprint::{Certificate, Strength};
use crate::model::phase::Phase;
use crate::process::Runner;
use crate::stack::RunId;
use crate::stack::database::blocking;

/// A sealed, seeded copy of the stack that is up. Whoever drops it without
/// [`remove`](Self::remove) leaves it to the operator, with its compose file.
#[derive(Debug)]
pub struct Standing {
    /// The run that it belongs to.
    pub run: RunId,
    /// The copy.
    pub sandbox: Sandbox,
    /// The run's folder.
    pub folder: RunFolder,
}

impl Standing {
    /// The fingerprint of its stores as they are now.
    pub async fn certificate(&self, config: &Config) -> Result<Certificate> {
        let connection = self.sandbox.connection().await?;
        let snapshot = blocking(move || Snapshot::open(&connection)).await?;
        let (snapshot, events) = (Some(snapshot), Events::ignored());
        let observed =
            observe::stores(&self.sandbox, config, Strength::Exact, snapshot, &events).await?;
        observe::close(observed.snapshot).await?;
        Ok(observed.certificate)
    }

    /// Removes the copy and its working files; what was written into the folder stays.
    pub async fn remove(self) -> Result<()> {
        self.sandbox.stack.for_cleanup().tear_down(SETTLE / 3).await?;
        self.folder.remove_work()
    }
}

impl Drill {
    /// Starts a sealed, seeded copy of the stack. What cannot start is removed again.
    pub async fn stand(&self, events: &Events, cancelled: CancellationToken) -> Result<Standing> {
        self.stand_with(&[], events, cancelled).await
    }

    /// The same with some of its services, and those that they depend on. Without any named, all.
    pub async fn stand_with(
        &self,
        services: &[&str],
        events: &Events,
        cancelled: CancellationToken,
    ) -> Result<Standing> {
        let run = RunId::new();
        let runner = Runner::new(cancelled.clone());
        let folder = RunFolder::create(&self.request.report_base, &run)?;
        events.emit(Event::RunStarted { run_id: run.to_string() });
        let mut journal = Journal::new(events, &[]);
        journal.enter(Phase::Prepare);
        let work = folder.work();
        let sandbox = tokio::select! {
            prepared = Box::pin(Sandbox::prepare(self, &run, &work, &runner, events)) => prepared,
            () = cancelled.cancelled() => Err(Error::interrupted()),
        };
        let sandbox = match sandbox {
            Ok(sandbox) => sandbox,
            Err(cause) => {
                journal.leave(false);
                folder.remove()?;
                return Err(cause);
            }
        };
        let mut rehearsal = Rehearsal::new(self, &sandbox, None, &folder, &mut journal);
        let started = tokio::select! {
            started = rehearsal.start_and_seed(services) => started,
            () = cancelled.cancelled() => Err(Error::interrupted()),
        };
        journal.leave(started.is_ok());
        if let Err(cause) = started {
            sandbox.stack.for_cleanup().tear_down(SETTLE).await?;
            folder.remove()?;
            return Err(cause);
        }
        Ok(Standing { run, sandbox, folder })
    }
}
