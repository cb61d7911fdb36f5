//! `[[invariant]]`: what must be true of the data before the backup and after the restore.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::error::{Error, Result};

/// One invariant.
#[derive(Debug, Clone, Deserialize)]
pub struct Invariant {
    /// Unique. Reported as `invariant.<id>`.
    pub id: String,
    /// The requirement it serves.
    #[serde(default = "requirement")]
    pub requirement: String,
    /// What a pass means, in one line.
    pub title: String,
    /// A SELECT.
    pub sql: String,
    /// What its result must be.
    pub holds: Holds,
}

/// What the result of an invariant's SQL must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Nothing: every row is an offence.
    NoRows,
    /// The same rows after the restore as before the backup, in any order.
    Same,
}

impl Invariant {
    /// The id of its check.
    #[must_use]
    pub fn check_id(&self) -> String {
        format!("invariant.{}", self.id)
    }
}

/// Refuses ids that are empty or taken.
pub(crate) fn validate(invariants: &[Invariant]) -> Result<()> {
    let mut ids = BTreeSet::new();
    for Invariant { id, sql, .. } in invariants {
        if id.trim().is_empty() || sql.trim().is_empty() {
            return Err(Error::usage(format!("invariant {id:?} lacks its id or its sql")));
        }
        if !ids.insert(id) {
            return Err(Error::usage(format!("two invariants have the id {id:?}")));
        }
    }
    Ok(())
}

fn requirement() -> String {
    "H-2".to_owned()
}
