//! Chains of base backups: an incremental one is nothing without the one that it builds on.
//!
//! Source: PostgreSQL 17, "Making an Incremental Backup": it names where the one before begins.

use crate::model::existing::Piece;

/// The chains that these base backups make, each from its full one to its last. One that several
/// build on is in the chain of each.
pub(super) fn chains(bases: &[Piece]) -> Vec<Vec<Piece>> {
    let is_built_on = |one: &Piece| bases.iter().any(|other| builds(other, one));
    let mut chains = Vec::new();
    for last in bases.iter().filter(|piece| !is_built_on(piece)) {
        let mut chain = vec![last.clone()];
        // As many as there are: what says that it builds on itself goes no further.
        while chain.len() <= bases.len() {
            let first = chain.last_mut().expect("it begins with one");
            if first.says.builds_on.is_none() {
                break;
            }
            match bases.iter().find(|other| builds(first, other)) {
                Some(before) => chain.push(before.clone()),
                None => {
                    missing(first);
                    break;
                }
            }
        }
        chain.reverse();
        chains.push(chain);
    }
    chains
}

/// Pieces that somebody says belong together: chains in their order, and all others behind.
pub(super) fn linked(pieces: Vec<Piece>) -> Vec<Piece> {
    let is_base = |piece: &Piece| piece.says.begins_at.is_some();
    let (bases, others): (Vec<_>, Vec<_>) = pieces.into_iter().partition(is_base);
    let mut linked: Vec<Piece> = Vec::new();
    for piece in chains(&bases).into_iter().flatten() {
        if !linked.iter().any(|known| known.path == piece.path) {
            linked.push(piece);
        }
    }
    linked.extend(others);
    linked
}

/// Whether one builds on another of the same server.
fn builds(one: &Piece, other: &Piece) -> bool {
    let systems = (&one.says.system, &other.says.system);
    let same = !matches!(systems, (Some(one), Some(other)) if one != other);
    same && one.path != other.path
        && one.says.builds_on.is_some()
        && one.says.builds_on == other.says.begins_at
}

fn missing(piece: &mut Piece) {
    let on = piece.says.builds_on.as_deref().unwrap_or_default();
    let what = format!("it builds on the backup that begins at {on}, which is not here");
    if !piece.damage.contains(&what) {
        piece.damage.push(what);
    }
}
