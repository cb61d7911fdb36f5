//! Judges files: archives, databases of SQLite, and what rows name of them.

use super::Verifying;
use super::judge::Seen;
use super::judging::jobs;
use super::pieces::Given;
use super::plan::{FILES, own};
use super::restore::Restored;
use super::server::{READER, SealedServer};
use crate::error::{Attempt, Result};
use crate::fingerprint::{media, references};
use crate::model::check::Outcome;
use crate::model::divergence::Divergence;
use crate::model::existing::{Kind, Piece};
use crate::model::fingerprint::MediaFingerprint;
use crate::model::not_proved::{Gap, NotProved};
use crate::stack::database::blocking;

impl Verifying<'_> {
    /// Reads archives of files and databases of SQLite, which need no server.
    pub(super) async fn judge_files(&mut self, given: &Given) -> Result<()> {
        let archives = given.of(&FILES).collect::<Vec<_>>();
        if !archives.is_empty() {
            // Recognition has read each to its end, and judged its members.
            let files = archives.iter().filter_map(|it| it.says.files).sum::<u64>();
            let bytes = archives.iter().filter_map(|it| it.says.unpacked_bytes).sum::<u64>();
            let (outcome, detail) = if files == 0 {
                (Outcome::Failed, "the archives hold no file".to_owned())
            } else {
                (Outcome::Passed, format!("{files} files, {bytes} bytes"))
            };
            self.found.integrity.files_compared = files;
            self.found.integrity.bytes_compared = bytes;
            self.journal.report(own::FILES, outcome, detail);
        }
        if given.of(&[Kind::Sqlite]).next().is_some() {
            self.judge_sqlite(given).await?;
        }
        self.judge_expected_files(given).await
    }

    async fn judge_sqlite(&mut self, given: &Given) -> Result<()> {
        let mut seen = Seen::default();
        for piece in given.of(&[Kind::Sqlite]) {
            let (opener, piece) = (self.opener.clone(), piece.clone());
            let name = piece.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let found = blocking(move || super::restore::sqlite::judge(&opener, &piece)).await?;
            let (found, tables) = found;
            self.found.existing.tables.insert(name, tables);
            seen = seen.and(found);
        }
        let (outcome, detail) = seen.outcome("databases of SQLite, each table read");
        self.journal.report(own::SQLITE, outcome, detail);
        Ok(())
    }

    /// Resolves what rows name against the archives of the set.
    pub(super) async fn judge_references(
        &mut self,
        server: &SealedServer,
        given: &Given,
        restored: &Restored,
    ) -> Result<()> {
        let archives = given.of(&FILES).cloned().collect::<Vec<_>>();
        if archives.is_empty() {
            let why = "the backup has no archive of files to look them up in";
            self.found.not_proved.push(NotProved::new(Gap::References, "", why));
            return Ok(());
        }
        let (opener, events) = (self.opener.clone(), self.events.clone());
        let files = blocking(move || all_files(&opener, &archives, &events)).await?;
        let mut seen = Seen::default();
        let (mut orphans, mut is_known) = (0, false);
        for name in &restored.databases {
            let connection = server.connection_of(READER, name);
            let (asked, files) = (self.request.references.clone(), files.clone());
            let found = blocking(move || {
                let mut client = connection
                    .connect(postgres::NoTls)
                    .attempt(|| "cannot sign in to what was restored")?;
                let (columns, doubtful) = match asked.as_slice() {
                    [] => super::judge::columns::found(&mut client, &files)?,
                    asked => (asked.to_vec(), Vec::new()),
                };
                Ok((references::check(&mut client, &columns, &files)?, columns, doubtful))
            });
            let (found, columns, doubtful) = self.runner.waiting(found).await?;
            seen.open.extend(doubtful);
            if columns.is_empty() {
                continue;
            }
            seen.judged += found.checked;
            seen.wrong.extend(found.divergences.iter().map(Divergence::line));
            seen.open.extend(found.undecided);
            (orphans, is_known) = (found.orphans, true);
            self.found.columns = columns;
        }
        self.found.integrity.references_checked = seen.judged;
        if !is_known && seen.open.is_empty() {
            seen.open.push(
                "no column is known to name files of the archive: --references TABLE.COLUMN names \
                 one; an archive that no row is about is a backup of its own"
                    .to_owned(),
            );
        }
        self.say(own::REFERENCES, &seen, &format!("references; {orphans} files that no row names"));
        Ok(())
    }

    async fn judge_expected_files(&mut self, given: &Given) -> Result<()> {
        let wanted = self.request.expected.files.clone();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut there = Vec::new();
        for archive in given.of(&FILES) {
            let (opener, events) = (self.opener.clone(), self.events.clone());
            let archive = archive.clone();
            there.push(blocking(move || files_of(&opener, &archive, &events)).await?);
        }
        let absent = wanted.iter().filter(|path| {
            !there.iter().any(|files| files.entries.contains_key(path.trim_start_matches("./")))
        });
        let seen = Seen {
            judged: wanted.len() as u64,
            wrong: absent.map(|path| format!("{path} is in no archive of the set")).collect(),
            ..Seen::default()
        };
        self.say("expect.files", &seen, "files are there");
        Ok(())
    }
}

pub(super) fn files_of(
    opener: &crate::recognise::Opener,
    archive: &Piece,
    events: &crate::model::event::Events,
) -> Result<MediaFingerprint> {
    let options = media::Options { jobs: jobs(), sha256: false };
    if archive.kind == Kind::Folder {
        return media::take(&archive.path, options, events);
    }
    media::take_from_tar(opener.stream(&archive.path, &archive.wrapped)?, options, events)
}

/// The files of all archives together.
fn all_files(
    opener: &crate::recognise::Opener,
    archives: &[Piece],
    events: &crate::model::event::Events,
) -> Result<MediaFingerprint> {
    let mut all = MediaFingerprint::default();
    for archive in archives {
        let files = files_of(opener, archive, events)?;
        all.entries.extend(files.entries);
        all.undecided.extend(files.undecided);
    }
    Ok(all)
}
