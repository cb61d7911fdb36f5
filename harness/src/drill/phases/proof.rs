//! What the restore brought back: ledger, invariants, fingerprint, references, probes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Zoned;

use super::Rehearsal;
use super::recovery::Restored;
use super::source::Baseline;
use crate::certificate::{Lists, Side, explain, note_unexplained, tables_to_list};
use crate::compare::{self, Accepting};
use crate::config::MediaConfig;
use crate::drill::journal::first_of;
use crate::drill::judgements::Covered;
use crate::drill::ledger::{self, Ledger};
use crate::drill::observe::{self, Observed};
use crate::drill::sandbox::cores;
use crate::drill::{Source, adopted, invariants, judgements};
use crate::error::{Attempt, Result};
use crate::fingerprint::catalogue::{self, Amcheck};
use crate::fingerprint::database::{Effort, Keep, Snapshot, hold_to_definitions};
use crate::fingerprint::references;
use crate::model::check::{Outcome, id};
use crate::model::divergence::DivergenceKind;
use crate::model::fingerprint::{Certificate, DatabaseFingerprint, RowsDigest};
use crate::model::not_proved::{Gap, NotProved};
use crate::model::phase::Phase;
use crate::model::record::Integrity;
use crate::stack::database::{ask, blocking};

/// The number of rows of each table that was read.
fn rows(database: &DatabaseFingerprint) -> BTreeMap<String, u64> {
    let tables = database.tables.iter().filter_map(|(name, table)| match table.rows {
        RowsDigest::Read { count, .. } => Some((name.clone(), count)),
        RowsDigest::Unpopulated | RowsDigest::Undecided { .. } => None,
    });
    tables.collect()
}

impl Baseline {
    /// What the restore must bring back: the baseline, its sequences moved on as far as the
    /// source moved them on while it was dumped.
    fn expected(&self, restored: &Certificate) -> Certificate {
        let mut expected = self.certificate.clone();
        if let (Some(before), Some(restored)) = (&mut expected.database, &restored.database) {
            before.facts =
                compare::sequences::moved(&before.facts, &self.origin.sequences, &restored.facts);
        }
        expected
    }
}

impl Rehearsal<'_> {
    /// Holds what was restored against the baseline, all of it under one snapshot.
    pub(super) async fn compare(&mut self, baseline: &Baseline, restored: Restored) -> Result<()> {
        self.journal.enter(Phase::Compare);
        let Restored { snapshot, files, sequences } = restored;
        self.settle_ledger(snapshot.as_ref()).await?;
        self.hold_invariants(baseline, snapshot.as_ref()).await;
        let observed = self.observe(snapshot).await?;
        let mut observed = self.hold_views(baseline, observed).await?;
        let certificate = &mut observed.certificate;
        // They belong to no snapshot, and the application may have moved them on since.
        if let Some(database) = &mut certificate.database {
            let facts = sequences.into_iter();
            let facts = facts.filter(|(name, _)| database.facts.contains_key(name));
            let facts = facts.collect::<Vec<_>>();
            database.facts.extend(facts);
        }
        (certificate.volumes, certificate.sqlite) = (files.files, files.sqlite);
        let expected = baseline.expected(&observed.certificate);
        let mut integrity = compare::certificates(&expected, &observed.certificate);
        if self.drill.is_adopted() {
            integrity.divergences.retain(|found| !adopted::is_about_roles(found));
        }
        let certificate = self.explain(baseline, observed, &mut integrity).await?;
        let mut accepting = Accepting::new(&self.drill.config.accepts, Zoned::now().date());
        accepting.apply(&mut integrity.divergences);
        self.folder.write_json("evidence/restored.json", &certificate)?;
        self.restored = certificate.database.as_ref().map(rows);
        for judged in judgements::integrity(&integrity, Covered::of(&expected)) {
            self.journal.report(&judged.id, judged.outcome, judged.detail);
        }
        self.resolve_references(baseline, &certificate, &mut accepting, &mut integrity).await?;
        if certificate.database.is_some() {
            self.check_indexes(&mut accepting, &mut integrity).await?;
        }
        let accepted = accepting.accepted().iter();
        let accepted = accepted.map(|it| NotProved::new(Gap::Accepted, "", it));
        self.found.not_proved.extend(accepted);
        if !accepting.is_empty() {
            let judged = judgements::accepted(&accepting);
            self.journal.report(&judged.id, judged.outcome, judged.detail);
        }
        compare::rank(&mut integrity.divergences);
        self.folder.write_json("evidence/divergences.json", &integrity)?;
        self.found.integrity = integrity;
        Ok(())
    }

    /// Holds the materialised views whose rows differ to their definitions.
    async fn hold_views(&self, baseline: &Baseline, mut observed: Observed) -> Result<Observed> {
        let sides = [&baseline.certificate, &observed.certificate].map(|it| it.database.as_ref());
        let [Some(before), Some(after)] = sides else { return Ok(observed) };
        let doubtful = compare::views_in_doubt(before, after);
        if doubtful.is_empty() {
            return Ok(observed);
        }
        blocking(move || {
            let Observed { certificate, snapshot } = &mut observed;
            if let (Some(database), Some(snapshot)) = (&mut certificate.database, snapshot) {
                hold_to_definitions(snapshot, database, Some(&doubtful), Effort::Refresh)?;
            }
            Ok(observed)
        })
        .await
    }

    /// Names rows and columns of the tables that differ, and lets go of the snapshot.
    async fn explain(
        &self,
        baseline: &Baseline,
        mut observed: Observed,
        integrity: &mut Integrity,
    ) -> Result<Certificate> {
        let (was, is) = (self.folder.rows("baseline"), self.folder.rows("restored"));
        let before = Side { certificate: &baseline.certificate, rows: &Lists::at(was) };
        let differing = tables_to_list(integrity, before, &observed.certificate);
        let differs = integrity.divergences.iter().any(|found| found.kind == DivergenceKind::Table);
        if differs {
            match before.key() {
                Ok(key) => {
                    let keep = Keep { key, rows: u64::MAX, ..Keep::new(is.clone()) };
                    observed = self.list_rows(observed, keep, Some(differing)).await?;
                    let after = Side { certificate: &observed.certificate, rows: &Lists::at(is) };
                    let explained =
                        explain(integrity, before, after, self.drill.request.show_values);
                    note_unexplained(integrity, explained.err());
                }
                Err(cause) => note_unexplained(integrity, Some(cause)),
            }
        }
        observe::close(observed.snapshot).await?;
        Ok(observed.certificate)
    }

    /// Looks up every write of the ledger, and holds the loss against its objective.
    async fn settle_ledger(&mut self, restored: Option<&Snapshot>) -> Result<()> {
        if let (Some(writer), Some(restored)) = (self.writer.take(), restored) {
            let ledger = writer.close().await;
            match self.found_keys(&ledger, restored).await {
                Ok(found) => self.settle(&ledger, &found)?,
                Err(cause) => {
                    self.journal.report(id::LEDGER, Outcome::Undecided, cause.chain());
                }
            }
        }
        let objective = self.drill.config.objectives.data_loss_s;
        if let Some(limit_s) = objective.filter(|_| self.drill.source == Source::Copy) {
            self.journal.hold(id::DATA_LOSS, self.found.data_loss_s, limit_s);
        }
        Ok(())
    }

    async fn found_keys(&self, ledger: &Ledger, restored: &Snapshot) -> Result<BTreeSet<String>> {
        let connection = self.sandbox.connection().await?;
        let (lookup, snapshot) = (ledger.lookup.clone(), restored.id().to_owned());
        let found = ask(connection, move |client| {
            let mut transaction = observe::under(client, &snapshot)?;
            ledger::keys(&mut transaction, &lookup).attempt(|| "cannot look the ledger up")
        });
        self.waiting(found).await
    }

    fn settle(&mut self, ledger: &Ledger, found: &BTreeSet<String>) -> Result<()> {
        let Some(manifest) = &self.found.manifest else { return Ok(()) };
        let settled = ledger::settle(ledger, found, manifest.recovery_point.instant);
        self.folder.write_json("evidence/ledger.json", &ledger.evidence(&settled.record, found))?;
        self.found.data_loss_s = settled.record.data_loss_s.or(self.found.data_loss_s);
        self.found.ledger = settled.record;
        self.journal.report(id::LEDGER, settled.outcome, settled.detail);
        Ok(())
    }

    async fn hold_invariants(&mut self, baseline: &Baseline, restored: Option<&Snapshot>) {
        let invariants = &self.drill.config.invariants;
        let Some(restored) = restored else { return };
        let judged = match self.read_invariants(restored).await {
            Ok(after) => invariants::judge_all(invariants, &baseline.origin.invariants, &after),
            Err(cause) => invariants::undecided(invariants, &cause.chain()),
        };
        for judged in judged {
            self.journal.report(&judged.id, judged.outcome, judged.detail);
        }
    }

    /// Resolves every file that a row names, where rows are known to name files.
    async fn resolve_references(
        &mut self,
        baseline: &Baseline,
        restored: &Certificate,
        accepting: &mut Accepting<'_>,
        integrity: &mut Integrity,
    ) -> Result<()> {
        let is_planned = self.drill.config.media.as_ref().is_some_and(MediaConfig::has_references);
        let (true, Some(files)) = (is_planned, restored.media.clone()) else { return Ok(()) };
        let columns = baseline.origin.references.clone();
        let connection = self.sandbox.connection().await?;
        let resolved = ask(connection, move |client| references::check(client, &columns, &files));
        let mut resolved = self.waiting(resolved).await?;
        accepting.apply(&mut resolved.divergences);
        integrity.references_checked = resolved.checked;
        let judged = judgements::references(&resolved);
        self.journal.report(&judged.id, judged.outcome, judged.detail);
        integrity.undecided.extend(resolved.undecided);
        integrity.divergences.extend(resolved.divergences);
        Ok(())
    }

    /// Holds every B-tree index against its table. Comes last: it installs an extension in the
    /// sandbox's database.
    async fn check_indexes(
        &mut self,
        accepting: &mut Accepting<'_>,
        integrity: &mut Integrity,
    ) -> Result<()> {
        let connection = self.sandbox.connection().await?;
        let checked =
            blocking(move || catalogue::damaged_indexes(&connection, cores(), Amcheck::Install));
        let judged = judgements::indexes(self.waiting(checked).await, accepting, integrity);
        self.journal.report(&judged.id, judged.outcome, judged.detail);
        Ok(())
    }

    /// Asks the restored service to do what it is for.
    pub(super) async fn probe(&mut self, baseline: &Baseline) -> Result<()> {
        self.journal.enter(Phase::Probes);
        self.hold_images().await?;
        if self.drill.config.asks_unasked() {
            self.ask_after(baseline.origin.answers.as_ref()).await?;
        }
        if !self.drill.config.probes.is_empty() {
            self.ask_probes(baseline).await?;
        }
        self.hold_rows().await?;
        self.hold_services().await
    }

    async fn ask_probes(&mut self, baseline: &Baseline) -> Result<()> {
        let prober = self.prober(false).await?;
        let round = self.waiting(prober.round(&self.journal.events)).await;
        self.folder.write_json("evidence/probes.json", &round.traces)?;
        for check in round.checks {
            self.journal.add(judgements::after_red(check, &baseline.red));
        }
        Ok(())
    }

    /// Holds the number of rows against what was restored: an application may take its data for
    /// somebody else's, and clear it when it starts.
    async fn hold_rows(&mut self) -> Result<()> {
        if self.sandbox.database.is_none() {
            return Ok(());
        }
        let Some(restored) = self.restored.clone() else { return Ok(()) };
        let connection = self.sandbox.connection().await?;
        let counted = ask(connection, move |client| {
            let mut fewer = Vec::new();
            for (table, rows) in restored {
                // One that is gone has none.
                let asked = client.query_one(&format!("select count(*) from {table}"), &[]);
                let now = asked.map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0));
                if now < rows {
                    fewer.push((
                        format!("{table}: {rows} rows restored, {now} once it ran"),
                        now * 2 < rows,
                    ));
                }
            }
            Ok(fewer)
        });
        let fewer = self.waiting(counted).await?;
        let lost = fewer.iter().any(|(_, by_half)| *by_half);
        let told = fewer.into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        // A few rows may be gone because the application meant it: nobody has said so.
        self.found.not_proved.extend(told.iter().map(|it| NotProved::new(Gap::Rows, "", it)));
        let (outcome, detail) = match (told.as_slice(), lost) {
            ([], _) => (Outcome::Passed, "no table has fewer rows than were restored".to_owned()),
            (told, true) => (Outcome::Failed, first_of(told)),
            (told, false) => (Outcome::Warned, first_of(told)),
        };
        self.journal.report(id::KEEPS, outcome, detail);
        Ok(())
    }

    /// Looks at every container once more: one that ran when the service was green may have ended.
    async fn hold_services(&mut self) -> Result<()> {
        let down = self.sandbox.stack.down().await?;
        let before = std::mem::take(&mut self.down);
        let is_new = |it: &&String| !before.contains(*it);
        if down.is_empty() || down.iter().any(|it| is_new(&it)) {
            let seen = format!("{} services", self.found.services.len());
            self.journal.judge(id::STAYS, seen, &down);
        } else {
            let why = format!("it was so before the backup, too: {}", first_of(&down));
            self.journal.report(id::STAYS, Outcome::Undecided, why);
        }
        Ok(())
    }
}
