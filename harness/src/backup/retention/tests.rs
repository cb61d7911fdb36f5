use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;

const NOW_S: i64 = 1_790_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW_S).expect("a time")
}

fn candidate(name: &str, taken_at: &str, verified: bool, needs: &[&str]) -> Candidate {
    let taken_at = taken_at.parse().expect("a time");
    let needs = needs.iter().map(|name| (*name).to_owned()).collect();
    Candidate { name: name.to_owned(), taken_at, verified, needs }
}

fn kept(policy: &str, candidates: &[Candidate], now: &str) -> Vec<(String, Reason)> {
    let policy = policy.parse::<Policy>().expect("a policy");
    policy.kept(candidates, now.parse().expect("a time")).into_iter().collect()
}

#[test]
fn grandfather_father_and_son_each_keep_the_newest_of_theirs() {
    let candidates = [
        candidate("a", "2026-03-31T02:30:00Z", true, &[]),
        candidate("b", "2026-03-31T12:00:00Z", true, &[]),
        candidate("c", "2026-03-30T02:30:00Z", true, &[]),
        candidate("d", "2026-03-23T02:30:00Z", true, &[]),
        candidate("e", "2026-02-28T02:30:00Z", true, &[]),
        candidate("f", "2025-12-31T02:30:00Z", true, &[]),
    ];
    let kept = kept("daily=2,weekly=2,monthly=2,yearly=2", &candidates, "2026-04-01T00:00:00Z");
    let expected = [
        ("b", Reason::NewestVerified),
        ("c", Reason::Daily),
        ("d", Reason::Weekly),
        ("e", Reason::Monthly),
        ("f", Reason::Yearly),
    ];
    assert_eq!(kept, expected.map(|(name, reason)| (name.to_owned(), reason)));
}

#[test]
fn a_day_more_than_the_policy_says_is_too_old() {
    let candidates = [
        candidate("new", "2026-03-31T00:00:00Z", true, &[]),
        candidate("inside", "2026-03-02T00:00:01Z", true, &[]),
        candidate("outside", "2026-03-02T00:00:00Z", true, &[]),
    ];
    let names = kept("days=30", &candidates, "2026-04-01T00:00:00Z");
    assert_eq!(names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["inside", "new"]);
}

#[test]
fn a_chain_stays_as_long_as_its_last_link() {
    let candidates = [
        candidate("full", "2026-01-01T00:00:00Z", true, &[]),
        candidate("first", "2026-01-02T00:00:00Z", true, &["full"]),
        candidate("second", "2026-01-03T00:00:00Z", true, &["first"]),
        candidate("apart", "2026-01-01T12:00:00Z", true, &[]),
    ];
    let kept = kept("last=1", &candidates, "2026-06-01T00:00:00Z");
    let expected =
        [("first", Reason::Needed), ("full", Reason::Needed), ("second", Reason::NewestVerified)];
    assert_eq!(kept, expected.map(|(name, reason)| (name.to_owned(), reason)));
}

#[test]
fn a_policy_that_keeps_nothing_or_is_misspelt_is_refused() {
    for text in ["", "days", "days=x", "dayly=3", "days=0", "last=0,daily=0", "days=-1"] {
        assert!(text.parse::<Policy>().is_err(), "{text:?}");
    }
    let text = "days=30,last=3,daily=7,weekly=4,monthly=12,yearly=1";
    assert_eq!(text.parse::<Policy>().expect("a policy").to_string(), text);
}

fn policies() -> impl Strategy<Value = Policy> {
    (0_u32..90, 0_usize..6, 0_usize..9, 0_usize..6, 0_usize..9, 0_usize..4).prop_map(
        |(days, last, daily, weekly, monthly, yearly)| Policy {
            days,
            last,
            daily,
            weekly,
            monthly,
            yearly,
        },
    )
}

/// Up to forty artefacts of two years, some damaged, some needing others, one another even.
fn shelves() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (-3_600_i64..2 * 365 * 86_400, any::<bool>(), btree_set(0_usize..40, 0..3));
    vec(one, 0..40).prop_map(|all| {
        let named = |index: usize| format!("artefact-{index}");
        let of =
            |(index, (age_s, verified, needs)): (usize, (i64, bool, BTreeSet<usize>))| Candidate {
                name: named(index),
                taken_at: Timestamp::from_second(NOW_S - age_s).expect("a time"),
                verified,
                needs: needs.into_iter().filter(|needed| *needed != index).map(named).collect(),
            };
        all.into_iter().enumerate().map(of).collect()
    })
}

proptest! {
    #[test]
    fn the_newest_that_verifies_always_stays(policy in policies(), shelf in shelves()) {
        let kept = policy.kept(&shelf, now());
        let newest = shelf.iter().filter(|it| it.verified).map(|it| it.taken_at).max();
        match newest {
            None => prop_assert_eq!(kept.len(), shelf.len()),
            Some(newest) => prop_assert!(
                shelf.iter().any(|it| it.verified && it.taken_at == newest && kept.contains_key(&it.name))
            ),
        }
    }

    #[test]
    fn what_stays_has_all_that_it_needs(policy in policies(), shelf in shelves()) {
        let kept = policy.kept(&shelf, now());
        let there = |name: &String| shelf.iter().any(|it| it.name == *name);
        for candidate in shelf.iter().filter(|it| kept.contains_key(&it.name)) {
            for needed in candidate.needs.iter().filter(|name| there(name)) {
                prop_assert!(kept.contains_key(needed), "{} needs {}", candidate.name, needed);
            }
        }
    }

    #[test]
    fn applying_a_policy_twice_takes_nothing_more(policy in policies(), shelf in shelves()) {
        let once = policy.kept(&shelf, now());
        let left = shelf.into_iter().filter(|it| once.contains_key(&it.name)).collect::<Vec<_>>();
        let twice = policy.kept(&left, now());
        prop_assert_eq!(once.keys().collect::<Vec<_>>(), twice.keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_policy_that_keeps_more_never_keeps_less(policy in policies(), more in policies(), shelf in shelves()) {
        let larger = Policy {
            days: policy.days + more.days,
            last: policy.last + more.last,
            daily: policy.daily + more.daily,
            weekly: policy.weekly + more.weekly,
            monthly: policy.monthly + more.monthly,
            yearly: policy.yearly + more.yearly,
        };
        let kept = policy.kept(&shelf, now()).into_keys().collect::<BTreeSet<_>>();
        let larger = larger.kept(&shelf, now()).into_keys().collect::<BTreeSet<_>>();
        prop_assert!(larger.is_superset(&kept));
    }

    #[test]
    fn the_order_of_a_folder_does_not_matter(policy in policies(), shelf in shelves()) {
        let mut reversed = shelf.clone();
        reversed.reverse();
        prop_assert_eq!(policy.kept(&shelf, now()), policy.kept(&reversed, now()));
    }
}
