//! What the scenarios cannot show without waiting: recovery points, summaries, undecided paths.

use jiff::Timestamp;

use super::*;
use crate::model::divergence::{DamageClass, Severity};
use crate::model::fingerprint::MediaEntry;

/// The recovery point, and the end of the baseline's reading.
const POINT: i64 = 1_000;
const TAKEN: i64 = 1_060;

fn store(entries: &[(&str, MediaEntry)]) -> MediaFingerprint {
    let owned = |(path, entry): &(&str, MediaEntry)| ((*path).to_owned(), entry.clone());
    MediaFingerprint {
        taken_at: Some(Timestamp::from_second(TAKEN).unwrap()),
        entries: entries.iter().map(owned).collect(),
        undecided: BTreeMap::new(),
    }
}

fn entry(kind: MediaKind, modified: i64) -> MediaEntry {
    MediaEntry {
        kind,
        mode: 0o640,
        uid: 10_001,
        gid: 10_001,
        modified: (modified, 500_000_000),
        xattrs: BTreeMap::new(),
    }
}

fn file(content: &str, modified: i64) -> MediaEntry {
    let kind = MediaKind::File {
        size: content.len() as u64,
        blake3: blake3::hash(content.as_bytes()).to_string(),
        sha256: None,
        chunks: None,
        linked_to: None,
    };
    entry(kind, modified)
}

fn directory(modified: i64) -> MediaEntry {
    entry(MediaKind::Directory, modified)
}

fn judged(before: &MediaFingerprint, after: &MediaFingerprint) -> MediaComparison {
    compare(before, after, Some(Timestamp::from_second(POINT).unwrap()))
}

fn lines(comparison: &MediaComparison) -> Vec<String> {
    let line = |divergence: &Divergence| format!("{}: {}", divergence.subject, divergence.detail);
    comparison.divergences.iter().map(line).collect()
}

#[test]
fn files_written_after_the_recovery_point_are_counted() {
    let before = store(&[("old", file("a", 10)), ("new", file("b", POINT + 1))]);
    let after = store(&[("old", file("a", 10)), ("caught", file("c", POINT + 2))]);
    let comparison = judged(&before, &after);
    assert_eq!(comparison.divergences, []);
    assert_eq!((comparison.after_recovery_point, comparison.files_compared), (2, 1));
    assert_eq!(compare(&before, &after, None).divergences.len(), 2, "without a recovery point");
}

#[test]
fn old_files_are_never_excused() {
    let before = store(&[("lost", file("a", POINT - 1)), ("edge", file("a", POINT - 1))]);
    let after = store(&[("foreign", file("b", POINT - 1))]);
    assert_eq!(
        lines(&judged(&before, &after)),
        ["edge: missing", "lost: missing", "foreign: extra"]
    );
}

#[test]
fn dates_in_the_future_excuse_nothing() {
    let before = store(&[("lost", file("a", TAKEN + 1))]);
    let after = store(&[("written by the restored service", file("b", TAKEN + 1))]);
    assert_eq!(judged(&before, &after).divergences.len(), 2);
    let mut undated = before;
    undated.taken_at = None;
    undated.entries.insert("new".to_owned(), file("c", POINT + 1));
    assert_eq!(judged(&undated, &store(&[])).divergences.len(), 2, "a baseline without an end");
}

#[test]
fn directories_are_excused_only_with_all_that_is_in_them() {
    let before = store(&[("d", directory(POINT + 1)), ("d/new", file("a", POINT + 1))]);
    assert_eq!(judged(&before, &store(&[])).divergences, []);
    let before = store(&[
        ("d", directory(POINT + 1)),
        ("d/new", file("a", POINT + 1)),
        ("d/old", file("a", 10)),
    ]);
    assert_eq!(lines(&judged(&before, &store(&[]))), ["d: missing", "d/old: missing"]);
}

#[test]
fn times_of_directories_that_took_in_new_files_are_excused() {
    let before = store(&[("d", directory(POINT + 1)), ("d/new", file("a", POINT + 1))]);
    let after = store(&[("d", directory(10))]);
    assert_eq!(judged(&before, &after).divergences, []);
    let mut foreign = directory(10);
    foreign.uid = 0;
    assert_eq!(judged(&before, &store(&[("d", foreign)])).divergences.len(), 1, "owner lost");
}

#[test]
fn files_rewritten_after_the_recovery_point_are_undecided() {
    let before = store(&[("log", file("long", POINT + 1)), ("x", file("a", 10))]);
    let after = store(&[("log", file("lon", 10)), ("x", file("b", POINT + 1))]);
    let comparison = judged(&before, &after);
    assert_eq!(
        comparison.undecided.get("log").map(String::as_str),
        Some("written after the recovery point: what it held then is not known")
    );
    assert_eq!(comparison.files_compared, 1);
    assert_eq!(comparison.divergences.len(), 1, "the baseline of x is old: it cannot have changed");
}

#[test]
fn directory_that_grew_while_the_baseline_was_read_is_excused() {
    let mut before = store(&[("d", directory(POINT + 1)), ("d/old", file("a", 10))]);
    before.undecided.insert("d".to_owned(), "changed while it was read".to_owned());
    let after = store(&[("d", directory(10)), ("d/old", file("a", 10))]);
    assert_eq!(judged(&before, &after).undecided, BTreeMap::new());
    assert_eq!(lines(&judged(&before, &store(&[]))), ["d: missing", "d/old: missing"]);
    assert_eq!(compare(&before, &after, None).undecided.len(), 1, "without a recovery point");
    let mut after = after;
    after.undecided.insert("d".to_owned(), "changed while it was read".to_owned());
    assert_eq!(judged(&before, &after).undecided.len(), 1, "nothing may write to the restored one");
}

#[test]
fn what_lies_below_an_undecided_directory_is_not_lost() {
    let before = store(&[("d", directory(10)), ("d/x", file("a", 10)), ("e", file("a", 10))]);
    let mut after = store(&[]);
    after.undecided.insert("d".to_owned(), "cannot be read".to_owned());
    let comparison = judged(&before, &after);
    assert_eq!(lines(&comparison), ["e: missing"]);
    assert_eq!(
        comparison.undecided.into_iter().next().unwrap().1,
        "in the restored store: cannot be read"
    );
}

#[test]
fn many_that_differ_in_the_same_way_are_counted_together() {
    let paths: Vec<String> = (0..212).map(|index| format!("copies/{index:03}.pdf")).collect();
    let entries = |uid| {
        let entry = |path| {
            let mut file = file("a", 10);
            (file.uid, file.gid) = (uid, uid);
            (path, file)
        };
        store(&paths.iter().map(String::as_str).map(entry).collect::<Vec<_>>())
    };
    let (before, mut after) = (entries(10_001), entries(0));
    after.entries.get_mut("copies/007.pdf").unwrap().mode = 0o600;
    let comparison = judged(&before, &after);
    assert_eq!(
        lines(&comparison),
        [
            "211 of 212 files: owner 10001:10001 → 0:0: copies/000.pdf, copies/001.pdf, \
             copies/002.pdf, copies/003.pdf, copies/004.pdf, copies/005.pdf, copies/006.pdf, \
             copies/008.pdf and 203 more",
            "copies/007.pdf: mode 0640 → 0600; owner 10001:10001 → 0:0",
        ]
    );
    assert_eq!(comparison.divergences[0].class, Some(DamageClass::OwnerLost));
    assert_eq!(comparison.files_compared, 212);
}

#[test]
fn lost_fractions_of_times_are_recognised() {
    let before = store(&[("a", file("a", 10))]);
    let mut after = before.clone();
    after.entries.get_mut("a").unwrap().modified = (10, 0);
    let comparison = judged(&before, &after);
    assert_eq!(comparison.divergences[0].class, Some(DamageClass::PrecisionLoss));
}

#[test]
fn the_time_of_a_directory_is_folded_into_what_went_missing_in_it() {
    let before = store(&[
        (".", directory(10)),
        ("a", directory(10)),
        ("a/lost", file("a", 10)),
        ("b", directory(10)),
        ("late", file("b", 10)),
    ]);
    let mut after = store(&[
        (".", directory(10)),
        ("a", directory(20)),
        ("b", directory(20)),
        ("late", file("b", 20)),
    ]);
    let told = compare(&before, &after, None).divergences;
    let told: Vec<_> = told.iter().map(|it| (it.subject.as_str(), it.severity)).collect();
    let warned = Severity::Warned;
    assert_eq!(told, [("a/lost", Severity::Fatal), ("b", warned), ("late", warned)]);
    // What else is wrong with the directory stays.
    after.entries.get_mut("a").unwrap().mode = 0o777;
    let told = lines(&compare(&before, &after, None));
    assert_eq!(told[..2], ["a/lost: missing", "a: mode 0640 → 0777"]);
}
