//! Indexes: every B-tree against its table, and none that is not valid.

use super::{Seen, connect};
use crate::error::{Attempt, Result};
use crate::fingerprint::catalogue::{self, Amcheck};

const INVALID: &str = "SELECT i.indexrelid::regclass || ' on ' || i.indrelid::regclass \
    FROM pg_catalog.pg_index i WHERE NOT (i.indisvalid AND i.indisready) ORDER BY 1";

/// Checks the indexes of a database.
pub(in crate::verify) fn sound(connection: &postgres::Config, jobs: usize) -> Result<Seen> {
    let checked = catalogue::damaged_indexes(connection, jobs, Amcheck::Installed)?;
    let mut seen = Seen {
        judged: checked.sound,
        wrong: checked.damaged.iter().map(crate::model::divergence::Divergence::line).collect(),
        open: checked.undecided,
        warned: Vec::new(),
    };
    let mut client = connect(connection)?;
    let invalid = client.query(INVALID, &[]).attempt(|| "cannot list indexes")?;
    seen.warned.extend(invalid.iter().map(|row| {
        format!("{} is not valid, and was not in production either", row.get::<_, String>(0))
    }));
    Ok(seen)
}
