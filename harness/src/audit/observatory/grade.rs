//! The score and its letter.
//!
//! A site starts with 100 points. Penalties always count; bonuses count only where the
//! penalties alone leave at least 90 points.

use super::mark::Mark;

/// What a site must score without bonuses before bonuses count.
const BONUS_FROM: i32 = 90;

/// The least score of each grade, in falling order.
const GRADES: [(i32, &str); 12] = [
    (100, "A+"),
    (90, "A"),
    (85, "A-"),
    (80, "B+"),
    (70, "B"),
    (65, "B-"),
    (60, "C+"),
    (50, "C"),
    (45, "C-"),
    (40, "D+"),
    (30, "D"),
    (25, "D-"),
];

/// The score that marks add up to; never below zero, and above 100 with bonuses.
pub(super) fn score(marks: impl IntoIterator<Item = Mark>) -> i32 {
    let (mut penalised, mut total) = (100, 100);
    for mark in marks {
        penalised += mark.modifier().min(0);
        total += mark.modifier();
    }
    if penalised >= BONUS_FROM { total } else { penalised.max(0) }
}

/// The letter of a score.
#[must_use]
pub fn grade(score: i32) -> &'static str {
    GRADES.iter().find(|(least, _)| score >= *least).map_or("F", |(_, letter)| letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bonuses_count_from_ninety_points_on() {
        // 100 − 10 is 90: the bonus of 10 counts.
        assert_eq!(score([Mark::HstsShort, Mark::CorpSameOrigin]), 100);
        // 100 − 15 is 85: it does not.
        assert_eq!(score([Mark::HstsShort, Mark::NosniffMissing, Mark::CorpSameOrigin]), 85);
        assert_eq!(score([Mark::CorpSameOrigin, Mark::CoopSameOrigin]), 120);
    }

    #[test]
    fn the_score_stops_at_zero() {
        assert_eq!(score([Mark::CorsUniversal, Mark::SriMissingAndInsecure, Mark::CspMissing]), 0);
    }

    #[test]
    fn every_step_of_five_has_its_grade() {
        let letters: Vec<_> = (0..=24).map(|step| grade(step * 5)).collect();
        assert_eq!(
            letters,
            [
                "F", "F", "F", "F", "F", "D-", "D", "D", "D+", "C-", "C", "C", "C+", "B-", "B",
                "B", "B+", "A-", "A", "A", "A+", "A+", "A+", "A+", "A+"
            ]
        );
    }
}
