//! A sandbox without a drill: prepared, started, seeded, and left to the operator.

use tokio_util::sync::CancellationToken;

use super::folder::RunFolder;
use super::journal::Journal;
use super::phases::Rehearsal;
use super::sandbox::Sandbox;
use super::{Drill, SETTLE};
use crate::error::{Error, Result};
use crate::model::event::{Event, Events};
use crate::model::phase::Phase;
use crate::process::Runner;
use crate::stack::RunId;

impl Drill {
    /// Starts a sealed, seeded copy of the stack and leaves it running. Gives back the run and
    /// how this host reaches it. What cannot start is removed again.
    pub async fn up(
        &self,
        events: &Events,
        cancelled: CancellationToken,
    ) -> Result<(RunId, String)> {
        let run = RunId::new();
        let runner = Runner::new(cancelled.clone());
        let folder = RunFolder::create(&self.report_base, &run)?;
        events.emit(Event::RunStarted { run_id: run.to_string() });
        let mut journal = Journal::new(events, &[]);
        journal.enter(Phase::Prepare);
        let work = folder.work();
        let sandbox = tokio::select! {
            prepared = Sandbox::prepare(self, &run, &work, &runner, events) => prepared,
            () = cancelled.cancelled() => Err(Error::interrupted()),
        };
        let started = match &sandbox {
            Err(_) => Ok(String::new()),
            Ok(sandbox) => tokio::select! {
                started = self.fill(sandbox, &folder, &mut journal) => started,
                () = cancelled.cancelled() => Err(Error::interrupted()),
            },
        };
        journal.leave(sandbox.is_ok() && started.is_ok());
        folder.remove()?;
        let sandbox = sandbox?;
        match started {
            Ok(entry) => Ok((run, entry)),
            Err(cause) => {
                sandbox.stack.for_cleanup().tear_down(SETTLE).await?;
                Err(cause)
            }
        }
    }

    async fn fill(
        &self,
        sandbox: &Sandbox,
        folder: &RunFolder,
        journal: &mut Journal,
    ) -> Result<String> {
        Rehearsal::new(self, sandbox, folder, journal).start_and_seed().await?;
        let service = &self.config.service;
        let address = sandbox.stack.address(&service.entry).await?;
        Ok(format!("http://{address}:{} with Host: {}", service.port, service.host))
    }
}
