//! Tables whose partitions are cut by hash, compared as a whole.

use std::collections::HashSet;

use super::{divergence, shared};
use crate::model::divergence::Severity;
use crate::model::fingerprint::{DatabaseFingerprint, RowsDigest};
use crate::model::record::Integrity;

/// Partitions that are named where rows are spread otherwise.
const PIECES_NAMED: usize = 4;

/// Tables in pieces that are compared as wholes, because both sides know them so.
pub(super) struct Wholes<'a> {
    names: Vec<&'a String>,
    /// Partitions that are no tables of their own.
    pub(super) pieces: HashSet<&'a str>,
}

impl<'a> Wholes<'a> {
    pub(super) fn of(
        before: &'a DatabaseFingerprint,
        after: &'a DatabaseFingerprint,
        comparable: bool,
    ) -> Self {
        let both = before.hash_partitioned.iter().filter_map(|(name, was)| {
            Some((name, [was, after.hash_partitioned.get(name).filter(|_| comparable)?]))
        });
        let (mut names, mut pieces) = (Vec::new(), HashSet::new());
        for (name, sides) in both {
            names.push(name);
            pieces.extend(sides.iter().flat_map(|side| side.pieces.iter().map(String::as_str)));
        }
        Self { names, pieces }
    }

    pub(super) fn compare(
        &self,
        before: &DatabaseFingerprint,
        after: &DatabaseFingerprint,
        integrity: &mut Integrity,
    ) {
        for name in &self.names {
            let [was, is] = [before, after].map(|side| &side.hash_partitioned[*name]);
            let (told, compared) = (integrity.divergences.len(), integrity.tables_compared);
            shared(name, [&was.rows, &is.rows], None, true, integrity);
            if integrity.tables_compared > compared {
                integrity.tables_compared = compared + was.pieces.len() as u64;
            }
            if integrity.divergences.len() > told || was.rows != is.rows {
                continue;
            }
            let moved = was.pieces.iter().filter_map(|piece| {
                let [was, is] = [before, after].map(|side| side.tables.get(piece));
                let [was, is] = [&was?.rows, &is?.rows];
                (was != is).then(|| format!("{piece} {} → {}", held(was), held(is)))
            });
            let moved: Vec<String> = moved.collect();
            if !moved.is_empty() {
                let named = moved.iter().take(PIECES_NAMED).cloned().collect::<Vec<_>>().join(", ");
                let more = if moved.len() > PIECES_NAMED { ", …" } else { "" };
                let detail = format!("the same rows, spread otherwise: {named}{more}");
                integrity.divergences.push(divergence(name, detail).weighed(
                    Severity::Note,
                    "a hash of what is numbered, an enum for one, is another in another database",
                ));
            }
        }
    }
}

/// How many rows a piece has.
fn held(rows: &RowsDigest) -> String {
    match rows {
        RowsDigest::Read { count, .. } => count.to_string(),
        RowsDigest::Unpopulated => "0".to_owned(),
        RowsDigest::Undecided { .. } => "unknown".to_owned(),
    }
}
