//! Before the backup: the copy is started and filled, and what it is like is taken down.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Rehearsal;
use crate::backup::durability::Settings;
use crate::backup::{Consistency, durability, media};
use crate::config::LEDGER_KEY;
use crate::drill::journal::first_of;
use crate::drill::ledger::{Ledger, Writer};
use crate::drill::observe::Observed;
use crate::drill::origin::Origin;
use crate::drill::sandbox::Sandbox;
use crate::drill::{file_fields, judgements};
use crate::error::{Error, Result};
use crate::fingerprint::database::{HashKey, Keep, Snapshot};
use crate::model::check::Check;
use crate::model::event::Events;
use crate::model::fingerprint::Certificate;
use crate::model::phase::Phase;
use crate::model::reference::ReferenceColumn;
use crate::stack::database::{ask, blocking};

/// Bounds the writing of a large dataset's files.
const SEED_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Rows that are listed at most, so that those that differ can be named.
const LISTED_ROWS: u64 = 2_000_000;

/// What the source was like: what the restored stack is held against.
pub(super) struct Baseline {
    pub(super) certificate: Certificate,
    /// What no certificate holds.
    pub(super) origin: Origin,
    /// Probes that were red.
    pub(super) red: Vec<Check>,
}

impl Rehearsal<'_> {
    /// The phases that a sandbox without a drill needs. Without a service named, all are started.
    pub(in crate::drill) async fn start_and_seed(&mut self, services: &[&str]) -> Result<()> {
        if let Some(running) = &self.sandbox.running {
            self.fill(running).await?;
        }
        self.start(services).await?;
        self.seed().await
    }

    async fn start(&mut self, services: &[&str]) -> Result<()> {
        self.journal.enter(Phase::Start);
        // Here and nowhere else: after the disaster, all that is there came from the backup.
        if self.sandbox.running.is_none() {
            self.sandbox.stack.fill(&self.journal.events).await?;
        }
        if let Some(unready) = self.sandbox.stack.up(services, self.ready_limit()).await? {
            return Err(unready.into_error());
        }
        if let (Some(database), true) = (&self.sandbox.database, services.is_empty()) {
            let stack = &self.sandbox.stack;
            self.waiting(database.wait_until_reachable(stack, self.ready_limit())).await?;
        }
        self.found.images = self.sandbox.stack.images().await?;
        Ok(())
    }

    async fn seed(&mut self) -> Result<()> {
        self.journal.enter(Phase::Seed);
        let Some(dataset) = &self.sandbox.dataset else { return Ok(()) };
        let Sandbox { stack, media: volume, .. } = self.sandbox;
        let connection = self.sandbox.connection().await?;
        let rows = {
            let (dataset, events) = (dataset.clone(), self.journal.events.clone());
            blocking(move || dataset.load_database(&connection, &events))
        };
        let files = async {
            let Some(volume) = volume else { return Ok(None) };
            let (dataset, events) = (dataset.clone(), self.journal.events.clone());
            let tar = stack.beside(volume, false, media::unpack_command()).timeout(SEED_LIMIT);
            let (output, written) =
                tar.written_by(move |pipe| dataset.write_media(pipe, &events)).await?;
            output.require(|| "cannot write the media files")?;
            written.map(Some)
        };
        let (rows, files) = tokio::try_join!(rows, files)?;
        let speed = rows.rows as f64 / rows.seconds;
        let files = files.map_or_else(String::new, |files| {
            format!(
                "; {} files, {:.1} MB in {:.1} s",
                files.files,
                files.bytes as f64 / 1e6,
                files.seconds
            )
        });
        let (rows, seconds) = (rows.rows, rows.seconds);
        self.journal
            .events
            .note(format!("{rows} rows in {seconds:.1} s, {speed:.0} a second{files}"));
        Ok(())
    }

    /// Looks at the source's probes, and has its ledger written from now on. Gives back the
    /// probes that are red.
    pub(super) async fn watch(&mut self) -> Result<Vec<Check>> {
        self.journal.enter(Phase::Baseline);
        if self.drill.config.asks_unasked() {
            self.answers = self.ask_before().await?;
        }
        let watched = async {
            let red = self.red_probes().await?;
            Ok((red, self.begin_ledger(None).await?))
        };
        let ((red, writer), references) = tokio::try_join!(watched, self.references())?;
        (self.writer, self.references) = (writer, references);
        Ok(red)
    }

    /// Takes the fingerprint of the source and its invariants. The snapshot stays open: the
    /// backup reads the same state.
    pub(super) async fn baseline(
        &mut self,
        red: Vec<Check>,
    ) -> Result<(Baseline, Option<Snapshot>)> {
        self.journal.enter(Phase::Baseline);
        if let (Consistency::Quiet, Some(writer)) =
            (self.drill.request.method.consistency(), &mut self.writer)
        {
            writer.hold().await;
        }
        self.down = self.sandbox.stack.down().await?;
        self.quieten().await?;
        let (settings, snapshot) = self.open_source().await?;
        let invariants = match &snapshot {
            Some(snapshot) => self.read_invariants(snapshot).await?,
            None => BTreeMap::new(),
        };
        let observed = self.observe(snapshot).await?;
        let (folder, key) = (self.folder.rows("baseline"), HashKey::random());
        let keep = Keep { rows: LISTED_ROWS, key, ..Keep::new(folder) };
        let begun = Instant::now();
        let Observed { certificate, snapshot } = self.list_rows(observed, keep, None).await?;
        let seconds = begun.elapsed().as_secs_f64();
        self.journal.events.note(format!("listed rows in {seconds:.2} s"));
        self.folder.write_json("evidence/baseline.json", &certificate)?;
        let (references, dataset) = (self.references.clone(), self.drill.seeded);
        let answers = self.answers.clone();
        let origin =
            Origin { invariants, settings, references, answers, dataset, ..Origin::default() };
        Ok((Baseline { certificate, origin, red }, snapshot))
    }

    /// The settings of the source's database, and a snapshot of it, if there is one.
    async fn open_source(&self) -> Result<(Settings, Option<Snapshot>)> {
        if self.sandbox.database.is_none() {
            return Ok((Settings::new(), None));
        }
        let connection = self.sandbox.connection().await?;
        let settings = ask(connection.clone(), durability::read);
        let snapshot = blocking(move || Snapshot::open(&connection));
        let opened = self.waiting(async { tokio::try_join!(settings, snapshot) }).await?;
        Ok((opened.0, Some(opened.1)))
    }

    /// The columns that name files: those of `drill.toml`, and those that the models know of.
    async fn references(&self) -> Result<Vec<ReferenceColumn>> {
        let Some(media) = &self.drill.config.media else { return Ok(Vec::new()) };
        let mut columns = media.references.clone();
        if let Some(service) = &media.models {
            let Sandbox { stack, database, .. } = self.sandbox;
            let known = &media.references;
            let database = database.as_ref();
            if let Some(database) = database {
                columns.extend(file_fields::columns(stack, database, service, known).await?);
            }
        }
        Ok(columns)
    }

    /// The probes that only read and are red already. When health itself is, no restore could
    /// ever be seen to bring it back.
    async fn red_probes(&self) -> Result<Vec<Check>> {
        if self.drill.config.probes.is_empty() {
            return Ok(Vec::new());
        }
        let prober = self.prober(true).await?;
        let health = self.green(&prober).await;
        if health.green_at.is_none() {
            let red = judgements::red(health.round.checks);
            let named = red.iter().map(|check| format!("{}: {}", check.id, check.detail));
            let named = first_of(&named.collect::<Vec<_>>());
            return Err(Error::undecided(format!("the service is red before the backup: {named}"))
                .hint("a drill starts from a service whose health probes are green"));
        }
        let round = self.waiting(prober.round(&Events::ignored())).await;
        self.folder.write_json("evidence/probes-before.json", &round.traces)?;
        Ok(judgements::red(round.checks))
    }

    /// From here on there are writes, through baseline and backup, until the disaster. A ledger
    /// that was closed on the way is gone on with.
    pub(super) async fn begin_ledger(&self, earlier: Option<Ledger>) -> Result<Option<Writer>> {
        let settings = &self.drill.config.ledger;
        if !settings.enabled || self.sandbox.database.is_none() {
            return Ok(None);
        }
        let connection = self.sandbox.connection().await?;
        let prober = match settings.journey() {
            None => None,
            Some(journey) => {
                let mut journeys = self.drill.config.probes.clone();
                journeys.push(journey);
                let mut variables = self.sandbox.variables.clone();
                variables.set(LEDGER_KEY, "");
                Some(self.prober_of(&journeys, &variables, false).await?)
            }
        };
        self.waiting(Writer::start(settings, prober, connection, earlier)).await.map(Some)
    }
}
