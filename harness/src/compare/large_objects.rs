//! Contents of large objects. Their owners and privileges are facts, which `facts` compares.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::{DatabaseFingerprint, LargeObject, LargeObjects};
use crate::model::record::Integrity;

/// The most that are named one by one: there can be a million.
const NAMED: usize = 100;

/// Adds to `integrity` what the large objects of two databases have to say.
pub(super) fn compare(
    before: &DatabaseFingerprint,
    after: &DatabaseFingerprint,
    integrity: &mut Integrity,
) {
    let (kept, restored) = match (&before.large_objects, &after.large_objects) {
        (LargeObjects::Undecided { reason }, _) => {
            return integrity.undecided.push(format!("large objects in the baseline: {reason}"));
        }
        (_, LargeObjects::Undecided { reason }) => {
            return integrity.undecided.push(format!("large objects: {reason}"));
        }
        (LargeObjects::Read(kept), LargeObjects::Read(restored)) => (kept, restored),
    };
    // That digests of different functions do not compare is told with the rows.
    let comparable = before.row_hash == after.row_hash;
    integrity.divergences.extend(contents(kept, restored, comparable));
}

/// How the contents of large objects differ: their digests too, where these are `comparable`.
pub(crate) fn contents(
    kept: &BTreeMap<u32, LargeObject>,
    restored: &BTreeMap<u32, LargeObject>,
    comparable: bool,
) -> Vec<Divergence> {
    let oids: BTreeSet<&u32> = kept.keys().chain(restored.keys()).collect();
    let mut differing = oids.into_iter().filter_map(|oid| {
        let detail = difference(kept.get(oid), restored.get(oid), comparable)?;
        Some(Divergence::new(DivergenceKind::LargeObject, format!("large object {oid}"), detail))
    });
    let mut named = differing.by_ref().take(NAMED).collect::<Vec<_>>();
    let further = differing.count();
    if further > 0 {
        let detail = format!("{further} more are missing, extra or differ");
        named.push(Divergence::new(DivergenceKind::LargeObject, "large objects", detail));
    }
    named
}

fn difference(
    before: Option<&LargeObject>,
    after: Option<&LargeObject>,
    comparable: bool,
) -> Option<String> {
    match (before, after) {
        (Some(before), None) => Some(format!("missing; it had {} bytes", before.bytes)),
        (None, Some(after)) => Some(format!("not in the baseline; it has {} bytes", after.bytes)),
        (Some(before), Some(after)) if before.bytes != after.bytes => {
            Some(format!("{} → {} bytes", before.bytes, after.bytes))
        }
        (Some(before), Some(after)) if comparable && before.digest != after.digest => {
            Some(format!("the content of its {} bytes differs", before.bytes))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bytes: u64, digest: &str) -> LargeObject {
        LargeObject { bytes, digest: digest.to_owned() }
    }

    #[test]
    fn what_is_missing_extra_longer_or_altered_is_told() {
        let (one, other, longer) = (object(3, "aa"), object(3, "ab"), object(4, "aa"));
        let told = |before, after| difference(before, after, true).unwrap_or_default();
        assert_eq!(told(Some(&one), Some(&one)), "");
        assert_eq!(told(Some(&one), None), "missing; it had 3 bytes");
        assert_eq!(told(None, Some(&one)), "not in the baseline; it has 3 bytes");
        assert_eq!(told(Some(&one), Some(&longer)), "3 → 4 bytes");
        assert_eq!(told(Some(&one), Some(&other)), "the content of its 3 bytes differs");
        assert_eq!(difference(Some(&one), Some(&other), false), None);
    }
}
