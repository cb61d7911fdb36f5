//! Sequences of a database that is written to while it is backed up. Pure.
//!
//! A sequence belongs to no snapshot: whoever reads it sees where it stands now. Between the
//! baseline and the end of the dump writers move it on, so the dump may hold any position
//! within that window, and every one of them is as it should be. A position outside of it is
//! none that the source ever had in the meantime: that is for [`super::facts`] to name.
//!
//! A physical backup may bring a sequence back further ahead, but no further than the position
//! that the source had written into its WAL.

use std::collections::BTreeMap;

/// Facts by key, as a certificate holds them.
type Facts = BTreeMap<String, String>;

/// Moves the sequences of the baseline to where they were restored, as far as that lies
/// between the baseline and `dumped`, the facts of the sequences when the dump was complete.
#[must_use]
pub fn moved(before: &Facts, dumped: &Facts, restored: &Facts) -> Facts {
    let mut moved = before.clone();
    let sequences = before.keys().filter_map(|key| sequence_of(key));
    for sequence in sequences {
        let positions = [before, dumped, restored].map(|facts| Position::of(sequence, facts));
        let [Some(first), Some(last), Some(now)] = positions else { continue };
        let falling = before
            .get(&format!("sequence/{sequence}"))
            .is_some_and(|parameters| parameters.contains("increment: -"));
        if now.is_between(first, last, falling) {
            moved.insert(value_key(sequence), now.value.to_string());
            moved.insert(called_key(sequence), now.called.to_string());
        }
    }
    moved
}

/// Where a sequence stands. A value that was handed out comes after the same value that was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    value: i64,
    called: bool,
}

impl Position {
    fn of(sequence: &str, facts: &Facts) -> Option<Self> {
        let value = facts.get(&value_key(sequence))?.parse().ok()?;
        let called = facts.get(&called_key(sequence))?.parse().ok()?;
        Some(Self { value, called })
    }

    /// A sequence that started over in between has no window.
    fn is_between(self, first: Self, last: Self, falling: bool) -> bool {
        let order = |position: Self| {
            let value = i128::from(position.value);
            (if falling { -value } else { value }, position.called)
        };
        (order(first)..=order(last)).contains(&order(self))
    }
}

fn sequence_of(key: &str) -> Option<&str> {
    key.strip_prefix("sequence/")?.strip_suffix("/last_value")
}

fn value_key(sequence: &str) -> String {
    format!("sequence/{sequence}/last_value")
}

fn called_key(sequence: &str) -> String {
    format!("sequence/{sequence}/is_called")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(value: i64, called: bool) -> Facts {
        Facts::from([
            ("sequence/public.s".to_owned(), "type: bigint\nincrement: 1".to_owned()),
            (value_key("public.s"), value.to_string()),
            (called_key("public.s"), called.to_string()),
            ("table/public.t".to_owned(), "kind: r".to_owned()),
        ])
    }

    fn falling(value: i64) -> Facts {
        let parameters = ("sequence/public.s".to_owned(), "increment: -1".to_owned());
        facts(value, true).into_iter().chain([parameters]).collect()
    }

    #[test]
    fn a_sequence_restored_within_the_window_is_as_it_should_be() {
        let (before, dumped) = (facts(1, false), facts(9, true));
        for restored in [facts(1, false), facts(1, true), facts(5, true), facts(9, true)] {
            assert_eq!(moved(&before, &dumped, &restored), restored);
        }
    }

    #[test]
    fn a_sequence_restored_outside_of_the_window_stays_different() {
        let (before, dumped) = (facts(5, true), facts(9, true));
        for restored in [facts(4, true), facts(5, false), facts(10, true)] {
            assert_eq!(moved(&before, &dumped, &restored), before);
        }
    }

    #[test]
    fn without_writers_the_window_is_one_position() {
        let before = facts(5, true);
        assert_eq!(moved(&before, &before, &facts(6, true)), before);
        assert_eq!(moved(&before, &before, &before), before);
    }

    #[test]
    fn a_sequence_that_counts_down_has_its_window_below() {
        assert_eq!(moved(&falling(-1), &falling(-9), &falling(-4)), falling(-4));
        assert_eq!(moved(&falling(-4), &falling(-9), &falling(-1)), falling(-4));
    }

    #[test]
    fn what_was_not_read_when_the_dump_was_complete_stays_as_it_was() {
        let before = facts(5, true);
        assert_eq!(moved(&before, &Facts::new(), &facts(6, true)), before);
    }
}
