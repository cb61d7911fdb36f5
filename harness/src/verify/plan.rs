//! What a verification promises to find out, by what its pieces are.

use super::request::Request;
use crate::model::check::{PlannedCheck, id};
use crate::model::existing::{Kind, Piece};

/// Checks of a verification, beside those that a drill has, too.
pub(super) mod own {
    /// Every piece is something that is known.
    pub(in crate::verify) const RECOGNISED: &str = "backup.recognised";
    /// Every piece is whole, as far as it says itself.
    pub(in crate::verify) const WHOLE: &str = "backup.whole";
    /// Nothing was written to what was given.
    pub(in crate::verify) const UNTOUCHED: &str = "backup.untouched";
    /// It is no older than it may be.
    pub(in crate::verify) const AGE: &str = "backup.age";
    /// The others of its folder are whole, as far as they say themselves.
    pub(in crate::verify) const OTHERS: &str = "backup.others";
    /// It holds no less than those before it.
    pub(in crate::verify) const HISTORY: &str = "backup.history";
    /// Every table that it promises is there, with its rows.
    pub(in crate::verify) const ROWS: &str = "restored.rows";
    /// Every table can be read to its end.
    pub(in crate::verify) const READ: &str = "restored.read";
    /// Every constraint holds.
    pub(in crate::verify) const CONSTRAINTS: &str = "restored.constraints";
    /// Every index holds what its table holds.
    pub(in crate::verify) const INDEXES: &str = "restored.indexes";
    /// No sequence gives a number that is taken.
    pub(in crate::verify) const SEQUENCES: &str = "restored.sequences";
    /// Every role that is named is made.
    pub(in crate::verify) const ROLES: &str = "restored.roles";
    /// Text sorts as it did.
    pub(in crate::verify) const COLLATIONS: &str = "restored.collations";
    /// Every file of an archive can be read.
    pub(in crate::verify) const FILES: &str = "restored.files";
    /// Every database of SQLite is sound.
    pub(in crate::verify) const SQLITE: &str = "restored.sqlite";
    /// Every file that a row names is in the archive.
    pub(in crate::verify) const REFERENCES: &str = "restored.references";
    /// Rows and catalogue are those of the certificate.
    pub(in crate::verify) const CERTIFICATE: &str = "restored.certificate";
}

/// Kinds that hold files, and no rows.
pub(super) const FILES: [Kind; 3] = [Kind::Tar, Kind::Zip, Kind::Folder];

/// What kind of server a set is restored into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restoring {
    /// Scripts and archives of `pg_dump`.
    Logical,
    /// Files of a server.
    Physical,
    /// Scripts of `mariadb-dump` and `mysqldump`.
    MariaDb,
    /// Nothing but files.
    Files,
}

/// Which server's rows the pieces hold, and how they come back.
pub(super) fn restoring(pieces: &[Piece]) -> Restoring {
    let kinds = pieces.iter().map(|piece| piece.kind).collect::<Vec<_>>();
    let any = |of: &[Kind]| kinds.iter().any(|kind| of.contains(kind));
    if any(&[Kind::BaseBackup, Kind::BaseBackupTar, Kind::DataDirectory, Kind::PgBackRest]) {
        Restoring::Physical
    } else if any(&[
        Kind::PlainSql,
        Kind::ClusterSql,
        Kind::CustomDump,
        Kind::DirectoryDump,
        Kind::TarDump,
    ]) {
        Restoring::Logical
    } else if any(&[Kind::MariaDbSql]) {
        Restoring::MariaDb
    } else {
        Restoring::Files
    }
}

/// Pieces that nothing restores or reads beside the others: roles alone, a dump beside a whole
/// server, an artefact among other things.
pub(super) fn unused(pieces: &[Piece]) -> impl Iterator<Item = &Piece> {
    let rows: &[Kind] = match restoring(pieces) {
        Restoring::Logical => &[
            Kind::PlainSql,
            Kind::ClusterSql,
            Kind::Globals,
            Kind::CustomDump,
            Kind::DirectoryDump,
            Kind::TarDump,
            // Two engines are refused by name.
            Kind::MariaDbSql,
        ],
        Restoring::Physical => {
            &[Kind::BaseBackup, Kind::BaseBackupTar, Kind::DataDirectory, Kind::PgBackRest]
        }
        Restoring::MariaDb => &[Kind::MariaDbSql],
        Restoring::Files => &[],
    };
    let others = [Kind::Sqlite, Kind::Restic, Kind::Borg, Kind::Unknown, Kind::Encrypted];
    pieces.iter().filter(move |piece| {
        !rows.contains(&piece.kind) && !FILES.contains(&piece.kind) && !others.contains(&piece.kind)
    })
}

/// Whether there are pieces that no one server takes.
pub(super) fn is_of_two_engines(pieces: &[Piece]) -> bool {
    let of_mariadb = pieces.iter().any(|piece| piece.kind == Kind::MariaDbSql);
    of_mariadb && restoring(pieces) != Restoring::MariaDb
}

/// Plans what will be found out.
pub(super) fn checks(pieces: &[Piece], request: &Request, has_history: bool) -> Vec<PlannedCheck> {
    let restoring = restoring(pieces);
    let has = |kinds: &[Kind]| pieces.iter().any(|piece| kinds.contains(&piece.kind));
    let mut checks = Vec::new();
    let mut add = |id: &str, title: &str| checks.push(PlannedCheck::new(id, "H-8", title));
    add(own::RECOGNISED, "every piece is a backup that is known");
    add(own::WHOLE, "every piece is whole, as far as it says itself");
    add(own::UNTOUCHED, "what was given is as it was");
    if !request.others.is_empty() {
        add(own::OTHERS, "the others of its folder are whole, as far as they say themselves");
    }
    if request.max_age.is_some() {
        add(own::AGE, "the backup is no older than it may be");
    }
    if restoring != Restoring::Files {
        add(id::RESTORE, "it can be restored, and the server complains of nothing");
        add(own::READ, "every table can be read to its end");
        add(own::CONSTRAINTS, "every constraint holds");
        let indexes = match restoring {
            Restoring::MariaDb => "every index holds what its table holds",
            _ => "every B-tree index holds what its table holds",
        };
        add(own::INDEXES, indexes);
        add(own::SEQUENCES, "no sequence gives a number that its column has");
        // Collations of MariaDB have no version to compare: that is listed as not proved.
        if restoring != Restoring::MariaDb {
            add(own::COLLATIONS, "text sorts as it did");
        }
    }
    if [Restoring::Logical, Restoring::MariaDb].contains(&restoring) {
        add(own::ROWS, "every table that it promises is there, with its rows");
        let makes_accounts = pieces.iter().any(|piece| !piece.says.makes_roles.is_empty());
        let of_mariadb = restoring == Restoring::MariaDb && makes_accounts;
        if has(&[Kind::Globals, Kind::ClusterSql]) || of_mariadb {
            add(own::ROLES, "every role that it names is made");
        }
    }
    if has(&FILES) {
        add(own::FILES, "every file of the archives can be read, and none is hostile");
    }
    if has(&[Kind::Sqlite]) {
        add(own::SQLITE, "every database of SQLite is sound");
    }
    let is_of_postgres = [Restoring::Logical, Restoring::Physical].contains(&restoring);
    // Of MariaDB it is asked where columns are named, and undecided: nobody looks for them.
    if (is_of_postgres || !request.references.is_empty()) && has(&FILES) {
        add(own::REFERENCES, "every file that a row names is in the archive");
    }
    if request.certificate.is_some() {
        add(own::CERTIFICATE, "rows and catalogue are those of the certificate");
    }
    if has_history {
        add(own::HISTORY, "it holds no less than those before it");
    }
    if request.application.is_some() && restoring != Restoring::Files {
        // What else is asked of it is found out beside these.
        checks.push(PlannedCheck::new(
            id::SERVICE,
            "FR-4.2",
            "the stack boots on what was restored",
        ));
        checks.push(PlannedCheck::new(id::DATABASE, "H-8", "it has every row that was restored"));
    }
    checks.extend(request.expected.checks());
    checks
}
