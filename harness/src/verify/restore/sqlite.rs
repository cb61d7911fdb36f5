//! Databases of SQLite: read of a private copy, by the engine's own check and table by table.

use std::fs::File;
use std::io;

use super::super::judge::Seen;
use super::super::judge::rows::Counted;
use crate::error::{Attempt, Result};
use crate::fingerprint::sqlite::{self, Options};
use crate::model::existing::{Piece, Wrapping};
use crate::model::fingerprint::RowsDigest;
use crate::recognise::Opener;

/// What may lie beside a database and belongs to it.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// Judges one, and counts its rows.
pub(in crate::verify) fn judge(opener: &Opener, piece: &Piece) -> Result<(Seen, Counted)> {
    let mut seen = Seen::default();
    let shown = piece.path.display();
    if piece.wrapped.iter().any(|it| [Wrapping::Age, Wrapping::Gpg].contains(it)) {
        // A copy would lie in clear on this host's disk.
        seen.open.push(format!("{shown}: an encrypted database of SQLite is not read"));
        return Ok((seen, Counted::new()));
    }
    let folder = tempfile::tempdir().attempt(|| "cannot make a temporary folder")?;
    let copy = |from: &mut dyn io::Read, name: &str| -> Result<()> {
        let mut to = File::create(folder.path().join(name)).attempt(|| "cannot copy a database")?;
        io::copy(from, &mut to).attempt(|| format!("cannot copy {shown}"))?;
        Ok(())
    };
    copy(&mut opener.stream(&piece.path, &piece.wrapped)?, "db")?;
    for end in BESIDE.into_iter().filter(|_| piece.wrapped.is_empty()) {
        let mut path = piece.path.clone().into_os_string();
        path.push(end);
        if let Ok(mut beside) = File::open(path) {
            copy(&mut beside, &format!("db{end}"))?;
        }
    }
    let taken = sqlite::take(folder.path(), &Options::default())?;
    let Some(state) = taken.databases.get("db") else {
        seen.wrong.push(format!("{shown} cannot be read as a database"));
        return Ok((seen, Counted::new()));
    };
    seen.judged = 1;
    seen.wrong.extend(state.damage.iter().map(|why| format!("{shown}: {why}")));
    seen.open.extend(state.undecided.iter().map(|why| format!("{shown}: {why}")));
    let dangling = state.dangling.iter();
    seen.warned.extend(dangling.map(|(pair, rows)| format!("{shown}: {pair}: {rows} rows")));
    let mut counted = Counted::new();
    for (table, rows) in &state.tables {
        match rows {
            RowsDigest::Read { count, .. } => {
                counted.insert(table.clone(), *count);
            }
            RowsDigest::Unpopulated => {}
            RowsDigest::Undecided { reason } => {
                seen.wrong.push(format!("{shown}: table {table}: {reason}"));
            }
        }
    }
    if counted.is_empty() {
        seen.wrong.push(format!("{shown} has no table"));
    }
    Ok((seen, counted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::existing::{Kind, Says};

    fn piece(path: &std::path::Path) -> Piece {
        Piece {
            path: path.to_owned(),
            kind: Kind::Sqlite,
            wrapped: Vec::new(),
            bytes: 0,
            modified: jiff::Timestamp::UNIX_EPOCH,
            says: Says::default(),
            damage: Vec::new(),
            open: Vec::new(),
        }
    }

    #[test]
    fn a_sound_database_is_counted_and_a_damaged_one_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("app.db");
        let made = rusqlite::Connection::open(&path).expect("made");
        made.execute_batch("create table t (x); insert into t values (1), (2)").expect("filled");
        drop(made);
        let (seen, rows) = judge(&Opener::without_keys(), &piece(&path)).expect("judged");
        assert_eq!((seen.wrong.as_slice(), rows.get("t")), ([].as_slice(), Some(&2)));
        let mut bytes = std::fs::read(&path).expect("read");
        let half = bytes.len() / 2;
        bytes[half..].fill(0xff);
        std::fs::write(&path, bytes).expect("written");
        let (seen, _) = judge(&Opener::without_keys(), &piece(&path)).expect("judged");
        assert!(!seen.wrong.is_empty(), "{seen:?}");
    }
}
