//! Volumes that are archived as files are taken while nothing runs on them: the services stop, the
//! files are fingerprinted and archived, the services start again.

use std::collections::BTreeMap;

use super::Rehearsal;
use super::source::Baseline;
use crate::backup::Method;
use crate::drill::observe;
use crate::error::Result;
use crate::fingerprint::catalogue;
use crate::fingerprint::database::Snapshot;
use crate::model::fingerprint::{MediaFingerprint, SqliteFingerprint};
use crate::model::not_proved::{Gap, NotProved};
use crate::stack::database::blocking;

/// Puts a file into a volume that has none, in the sandbox's copy alone: where nothing is, nothing
/// could be seen to come back.
const HEARTBEAT: &str = "\
    set -eu; cd /store; \
    [ -n \"$(find . -type f -print -quit)\" ] || \
    { date --utc +%FT%T.%NZ > .dr-drill-heartbeat; echo empty; }";

/// What volumes hold, by their names.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) files: BTreeMap<String, MediaFingerprint>,
    /// Their databases of SQLite, where they have any.
    pub(super) sqlite: BTreeMap<String, SqliteFingerprint>,
}

impl Rehearsal<'_> {
    /// Stops whatever could write to such volumes. The database stays up: its rows are read first.
    pub(super) async fn quieten(&mut self) -> Result<()> {
        if self.sandbox.cold.is_empty() {
            return Ok(());
        }
        if let (Some(_), Some(writer)) = (&self.drill.config.ledger.request, &mut self.writer) {
            writer.hold().await;
        }
        let database = self.sandbox.database.as_ref().map(|database| &database.service);
        let services = self.sandbox.stack.services().iter();
        let services = services.filter(|service| Some(*service) != database);
        self.sandbox.stack.stop(&services.map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Stops the database too, where its files are what is archived, and takes down what every such
    /// volume holds. Gives back the snapshot, if whoever backs up still needs it.
    pub(super) async fn freeze(
        &mut self,
        snapshot: Option<Snapshot>,
        baseline: &mut Baseline,
    ) -> Result<Option<Snapshot>> {
        if self.sandbox.cold.is_empty() {
            return Ok(snapshot);
        }
        let snapshot = match (&self.drill.request.method, &self.sandbox.database) {
            (Method::Cold, Some(database)) => {
                let connection = self.sandbox.connection().await?;
                let last = blocking(move || catalogue::sequences(&connection));
                baseline.origin.sequences = self.waiting(last).await?;
                observe::close(snapshot).await?;
                self.sandbox.stack.stop(&[&database.service]).await?;
                None
            }
            _ => snapshot,
        };
        for volume in self.sandbox.files() {
            let planted = self.sandbox.stack.beside(volume, false, ["sh", "-c", HEARTBEAT]).run();
            let planted = planted.await?;
            let planted =
                planted.require(|| format!("cannot write to volume {:?}", volume.name))?;
            if planted.text() == "empty" {
                let why = "it was empty: only a file of the drill's own was there to come back";
                self.found.not_proved.push(NotProved::new(Gap::Volume, &volume.name, why));
            }
        }
        let read = self.read_files().await?;
        (baseline.certificate.volumes, baseline.certificate.sqlite) = (read.files, read.sqlite);
        self.folder.write_json("evidence/baseline.json", &baseline.certificate)?;
        Ok(snapshot)
    }

    /// Starts again what was stopped, and has the writer go on.
    pub(super) async fn thaw(&mut self) -> Result<()> {
        if self.sandbox.cold.is_empty() {
            return Ok(());
        }
        if let Some(unready) = self.sandbox.stack.up(&[], self.ready_limit()).await? {
            return Err(unready.into_error());
        }
        // A container that was started again may have another address.
        if let Some(writer) = self.writer.take() {
            let earlier = writer.close().await;
            self.writer = self.begin_ledger(Some(earlier)).await?;
        }
        Ok(())
    }

    /// What the volumes hold that are compared as files.
    pub(super) async fn read_files(&self) -> Result<Files> {
        let (stack, events) = (&self.sandbox.stack, &self.journal.events);
        let mut read = Files::default();
        for volume in self.sandbox.files() {
            let files = observe::files(stack, &self.drill.config, volume, events).await?;
            read.files.insert(volume.name.clone(), files);
            let sqlite = observe::sqlite(stack, volume, &self.folder.work()).await?;
            if sqlite != SqliteFingerprint::default() {
                read.sqlite.insert(volume.name.clone(), sqlite);
            }
        }
        Ok(read)
    }
}
