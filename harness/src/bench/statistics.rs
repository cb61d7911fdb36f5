//! Medians and spreads. Pure. Kept plain: with a handful of runs, the smallest and the largest
//! value say more than a deviation would.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::{Figure, Sample};
use super::schedule::Turn;
use crate::dataset::Scale;
use crate::model::profile::Profile;

/// Where the values of a figure lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle value; of an even number of values, the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many values there are.
    pub count: usize,
}

/// A figure of a method at a scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The scale.
    pub scale: Scale,
    /// The method.
    pub method: String,
    /// The profile of its restore.
    pub profile: Profile,
    /// What was measured.
    pub figure: Figure,
    /// Over all runs that passed.
    pub spread: Spread,
    /// The median of its multiples of a plain copy, where copies were made.
    pub per_copy: Option<f64>,
}

impl Spread {
    /// Of at least one value.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { median, min, max, count: sorted.len() })
    }
}

/// A row for each figure of each method and profile at each scale, methods in the order of their
/// first turn.
#[must_use]
pub fn summarise(samples: &[(Turn, Vec<Sample>)]) -> Vec<Row> {
    let mut order = Vec::new();
    let mut seen = BTreeMap::<(u64, &str, Profile), Vec<(&Figure, Vec<&Sample>)>>::new();
    for (turn, figures) in samples {
        let key = (turn.scale.rows(), turn.method.as_str(), turn.profile);
        let place = (turn.scale, turn.method.as_str(), turn.profile);
        if !order.contains(&place) {
            order.push(place);
        }
        let seen = seen.entry(key).or_default();
        for sample in figures {
            match seen.iter_mut().find(|(known, _)| **known == sample.figure) {
                Some((_, samples)) => samples.push(sample),
                None => seen.push((&sample.figure, vec![sample])),
            }
        }
    }
    let rows = order.into_iter().flat_map(|(scale, method, profile)| {
        let seen = seen.remove(&(scale.rows(), method, profile)).unwrap_or_default();
        seen.into_iter().filter_map(move |(figure, samples)| {
            let values = samples.iter().map(|sample| sample.value).collect::<Vec<_>>();
            let per_copy = samples.iter().filter_map(|sample| sample.per_copy).collect::<Vec<_>>();
            let per_copy = Spread::of(&per_copy).map(|spread| spread.median);
            let (method, figure) = (method.to_owned(), figure.clone());
            Some(Row { scale, method, profile, figure, spread: Spread::of(&values)?, per_copy })
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let of =
            |values: &[f64]| Spread::of(values).map(|it| (it.median, it.min, it.max, it.count));
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some((2.0, 1.0, 3.0, 3)));
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), Some((2.5, 1.0, 4.0, 4)));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn figures_of_one_method_come_together_and_a_failed_run_adds_none() {
        let turn = |method: &str, run| {
            let (method, profile) = (method.to_owned(), Profile::Production);
            Turn { method, profile, scale: Scale::SMALL, run }
        };
        let backup = |value, per_copy| vec![Sample { figure: Figure::Backup, value, per_copy }];
        let samples = [
            (turn("a", 1), backup(1.0, Some(2.0))),
            (turn("b", 1), backup(9.0, None)),
            (turn("b", 2), Vec::new()),
            (turn("a", 2), backup(3.0, Some(5.0))),
        ];
        let rows = summarise(&samples);
        let seen = rows
            .iter()
            .map(|row| (row.method.as_str(), row.spread.median, row.spread.count, row.per_copy));
        assert_eq!(seen.collect::<Vec<_>>(), [("a", 2.0, 2, Some(3.5)), ("b", 9.0, 1, None)]);
    }
}
