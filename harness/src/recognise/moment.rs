//! Times as dumps write them, which say the day and the hour and seldom where.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The moment that `2024-05-01 10:00:00 CEST` or the like begins with. A name of a zone belongs to
/// several, so but for UTC and GMT it is read as a time of this machine's.
pub(super) fn of(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let (day, time, zone) = (words.next()?, words.next()?, words.next());
    let civil: DateTime = format!("{day}T{time}").parse().ok()?;
    match zone {
        Some("UTC" | "GMT") => at(civil, &TimeZone::UTC),
        _ => at(civil, &TimeZone::system()),
    }
}

/// A civil time in a zone.
pub(super) fn at(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_dumps_are_read() {
        let expected = "2024-05-01T10:00:00Z".parse::<Timestamp>().expect("a time");
        assert_eq!(of("2024-05-01 10:00:00 UTC"), Some(expected));
        assert!(of("2024-05-01 10:00:00").is_some());
        assert_eq!(of("yesterday at noon"), None);
    }
}
