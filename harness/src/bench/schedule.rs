//! The order of the drills. Pure.

use crate::dataset::Scale;
use crate::model::profile::Profile;

/// One drill of a bench.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The method.
    pub method: String,
    /// The profile of its restore.
    pub profile: Profile,
    /// The scale.
    pub scale: Scale,
    /// Which run of it, counted from 1.
    pub run: u32,
}

/// Every method under every profile at every scale, `runs` times over. Both are interleaved and each round begins
/// with another, so that what drifts on the machine meanwhile favours none of them.
#[must_use]
pub fn schedule(
    methods: &[String],
    profiles: &[Profile],
    scales: &[Scale],
    runs: u32,
) -> Vec<Turn> {
    let pairs = methods.iter().flat_map(|method| profiles.iter().map(move |it| (method, *it)));
    let pairs = pairs.collect::<Vec<_>>();
    let mut turns = Vec::new();
    for run in 1..=runs {
        for scale in scales {
            for place in 0..pairs.len() {
                let (method, profile) = pairs[(place + run as usize - 1) % pairs.len()];
                turns.push(Turn { method: method.clone(), profile, scale: *scale, run });
            }
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_method_runs_as_often_at_every_scale_and_none_is_always_first() {
        let methods = ["a", "b", "c"].map(str::to_owned);
        let turns = schedule(&methods, &[Profile::Production], &[Scale::SMALL, Scale::MEDIUM], 3);
        let mut counts = BTreeMap::new();
        for turn in &turns {
            *counts.entry((turn.method.as_str(), turn.scale.rows())).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| *count == 3), "{counts:?}");
        let first = turns.iter().step_by(6).map(|turn| turn.method.as_str()).collect::<Vec<_>>();
        assert_eq!(first, ["a", "b", "c"]);
    }

    #[test]
    fn the_profiles_of_a_method_take_turns() {
        let turns = schedule(&["a".to_owned()], &Profile::ALL, &[Scale::SMALL], 2);
        let profiles = turns.iter().map(|turn| turn.profile.name()).collect::<Vec<_>>();
        assert_eq!(profiles, ["production", "tuned", "tuned", "production"]);
    }

    #[test]
    fn no_methods_give_no_turns() {
        assert_eq!(schedule(&[], &Profile::ALL, &[Scale::SMALL], 2), []);
    }
}
