//! The disaster and the way back: destroy, restore, start, wait for green.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use jiff::Timestamp;

use super::{Flow, GREEN_LIMIT, Rehearsal};
use crate::backup::{Artefact, media, pg_dump};
use crate::disaster;
use crate::drill::sabotage::Moment;
use crate::drill::sandbox::Sandbox;
use crate::error::Result;
use crate::fingerprint::database::Snapshot;
use crate::model::artefact::PartKind;
use crate::model::check::Outcome;
use crate::model::phase::Phase;
use crate::plan::check;
use crate::stack::database::blocking;

impl Rehearsal<'_> {
    /// Destroys everything, and gives back when that began.
    pub(super) async fn destroy(&mut self, artefact: &Artefact) -> Result<Flow<Instant>> {
        self.journal.enter(Phase::Disaster);
        let struck = Instant::now();
        let point = artefact.manifest.recovery_point.instant;
        let age_s = Timestamp::now().duration_since(point).as_secs_f64();
        self.found.data_loss_s = Some(age_s);
        let stack = &self.sandbox.stack;
        let volumes = stack.volumes().collect::<Vec<_>>();
        let survivors = disaster::volumes(stack, &volumes).await?;
        // Only now: until its connection died, the writer knew of nothing.
        if let Some(writer) = &mut self.writer {
            writer.stop();
        }
        let wrong = survivors.iter().map(|name| format!("volume {name} is still there"));
        let seen = format!("every container and {} volumes are gone", volumes.len());
        let gone = self.journal.judge(check::DISASTER, seen, &wrong.collect::<Vec<_>>());
        Ok(if gone { Continue(struck) } else { Break(()) })
    }

    /// Restores the stores with the application stopped. Gives back a snapshot of what was
    /// restored: that is what is compared, whatever the application does when it starts.
    pub(super) async fn restore(&mut self, artefact: &Artefact) -> Result<Flow<Snapshot>> {
        self.journal.enter(Phase::Restore);
        let Sandbox { stack, database, media: volume, .. } = self.sandbox;
        stack.create().await?;
        if let Some(unready) = stack.up(&[&database.service], self.ready_limit()).await? {
            return Err(unready.into_error());
        }
        self.strike(Moment::StoresFresh).await?;
        let tables = pg_dump::foreign_tables(stack, database).await?;
        if let Some(first) = tables.first() {
            let others = tables.len() - 1;
            let why = format!("refused: the target is not empty, it has {first} and {others} more");
            self.journal.report(check::RESTORE, Outcome::Failed, why);
            return Ok(Break(()));
        }
        let rows = async {
            let globals = artefact.part(PartKind::Globals)?;
            pg_dump::restore_globals(stack, database, artefact, globals).await?;
            pg_dump::restore(stack, database, artefact, artefact.part(PartKind::Database)?).await
        };
        let files = async {
            let Some(volume) = volume else { return Ok(()) };
            media::restore(stack, volume, artefact, artefact.part(PartKind::Media)?).await
        };
        let restored = tokio::try_join!(rows, files).map(drop);
        let seen = "pg_restore and tar ended without a complaint";
        if !self.journal.completed(check::RESTORE, seen, restored)? {
            return Ok(Break(()));
        }
        self.strike(Moment::StoresRestored).await?;
        let connection = database.connection(stack).await?;
        blocking(move || Snapshot::open(&connection)).await.map(Continue)
    }

    /// Starts the application and waits for green: here the recovery clock stops.
    pub(super) async fn recover(&mut self, struck: Instant) -> Result<()> {
        match self.sandbox.stack.up(&[], self.ready_limit()).await? {
            Some(unready) => {
                let why = format!("service {:?} is not ready: {}", unready.service, unready.state);
                self.journal.report(check::SERVICE, Outcome::Failed, why);
            }
            None => {
                let recovery =
                    self.prober(false).await?.until_green(GREEN_LIMIT, &self.journal.events).await;
                let recovery_time_s =
                    recovery.green_at.map(|green_at| (green_at - struck).as_secs_f64());
                self.found.recovery_time_s = recovery_time_s;
                let probes = recovery.round.checks;
                let red = probes.iter().filter(|check| check.outcome != Outcome::Passed);
                let red = red.map(|check| format!("{}: {}", check.id, check.detail));
                let red = if recovery_time_s.is_some() { Vec::new() } else { red.collect() };
                let seen = format!("{} probes green", probes.len());
                self.journal.judge(check::SERVICE, seen, &red);
            }
        }
        if let Some(limit_s) = self.drill.config.objectives.recovery_time_s {
            self.journal.hold(check::RECOVERY_TIME, self.found.recovery_time_s, limit_s);
        }
        Ok(())
    }
}
