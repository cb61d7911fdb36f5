//! Known ways in which a value goes bad, recognised from the value before and after.

use crate::model::divergence::DamageClass;

/// A class of damage, and what it did, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The class.
    pub(super) class: DamageClass,
    /// Such as `microseconds lost`.
    pub(super) what: &'static str,
}

/// The longest value that is shown as a shape.
const SHAPE_CHARACTERS: usize = 48;

/// A value without its content: letters become `x`, digits `9`.
pub(super) fn shape(value: &str) -> String {
    let veiled = |character: char| match character {
        _ if character.is_numeric() => '9',
        _ if character.is_uppercase() => 'X',
        _ if character.is_alphanumeric() || !character.is_ascii() => 'x',
        _ => character,
    };
    let shape: String = value.chars().take(SHAPE_CHARACTERS).map(veiled).collect();
    match value.chars().count().saturating_sub(SHAPE_CHARACTERS) {
        0 => shape,
        beyond => format!("{shape}… and {beyond} more"),
    }
}

/// Recognises what happened to a value, if it is a known thing.
pub(super) fn recognise(before: &str, after: &str) -> Option<Damage> {
    let (class, what) = precision(before, after)
        .or_else(|| encoding(before, after))
        .or_else(|| truncation(before, after))?;
    Some(Damage { class, what })
}

type Recognised = Option<(DamageClass, &'static str)>;

fn precision(before: &str, after: &str) -> Recognised {
    if let (Some(was), Some(is)) = (Clock::of(before), Clock::of(after)) {
        let lost = was.zone == is.zone
            && was.whole == is.whole
            && is.fraction.len() < was.fraction.len()
            && is_shortened(was.fraction, is.fraction, is.fraction.len());
        return lost.then_some((DamageClass::PrecisionLoss, "microseconds lost"));
    }
    let (was, is) = (Number::of(before)?, Number::of(after)?);
    if was.sign != is.sign || was.exponent != is.exponent {
        return None;
    }
    let kept = was.fraction.get(..is.fraction.len())?;
    if was.fraction.len() == is.fraction.len() {
        return None;
    }
    let rest = &was.fraction[kept.len()..];
    if was.whole == is.whole && kept == is.fraction && rest.bytes().all(|digit| digit == b'0') {
        return Some((DamageClass::PrecisionLoss, "scale lost"));
    }
    let all = |number: &Number<'_>| format!("{}{}", number.whole, number.fraction);
    is_shortened(&all(&was), &all(&is), was.whole.len() + is.fraction.len())
        .then_some((DamageClass::PrecisionLoss, "digits lost"))
}

/// Whether `after` is the first `length` digits of `before`, cut or rounded up.
fn is_shortened(before: &str, after: &str, length: usize) -> bool {
    let Some(cut) = before.get(..length) else { return false };
    // No digits at all are the number nought.
    let number = |digits: &str| format!("0{digits}").parse::<u128>();
    match (number(cut), number(after)) {
        (Ok(cut), Ok(after)) => after == cut || after == cut + 1,
        _ => after == cut,
    }
}

/// A point in time as text, split around the fraction of its seconds.
struct Clock<'a> {
    whole: &'a str,
    fraction: &'a str,
    zone: &'a str,
}

impl<'a> Clock<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let belongs = |byte: u8| byte.is_ascii_digit() || b" -:.+".contains(&byte);
        if !text.bytes().all(belongs) {
            return None;
        }
        // What dates, times and timestamps have in common is hh:mm:ss.
        let minutes = text.find(':')?;
        let seconds = text.get(minutes + 1..)?.find(':')? + minutes + 2;
        let (whole, rest) = text.split_at_checked(seconds + 2)?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(fraction) => {
                fraction.split_at(fraction.bytes().take_while(u8::is_ascii_digit).count())
            }
            None => ("", rest),
        };
        Some(Self { whole, fraction, zone })
    }
}

/// A decimal number as text.
struct Number<'a> {
    sign: &'a str,
    whole: &'a str,
    fraction: &'a str,
    exponent: &'a str,
}

impl<'a> Number<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let sign = &text[..text.len() - unsigned.len()];
        let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, ""));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = !whole.is_empty()
            && digits(whole)
            && digits(fraction)
            && digits(exponent.trim_start_matches(['+', '-']));
        is_number.then_some(Self { sign, whole, fraction, exponent })
    }
}

fn encoding(before: &str, after: &str) -> Recognised {
    let replaced = |character: char| if character.is_ascii() { character } else { '?' };
    let damaged = !before.is_ascii()
        && (after.contains(char::REPLACEMENT_CHARACTER)
            && !before.contains(char::REPLACEMENT_CHARACTER)
            || before.chars().map(replaced).eq(after.chars())
            || before.bytes().map(question_mark).eq(after.bytes())
            || is_misread(before, after));
    // Read in the wrong encoding once more, or the other way round.
    (damaged || is_misread(after, before))
        .then_some((DamageClass::EncodingDamage, "encoding damaged"))
}

fn question_mark(byte: u8) -> u8 {
    if byte.is_ascii() { byte } else { b'?' }
}

/// Whether `after` is what the UTF-8 of `before` looks like to a reader of Windows-1252 or
/// Latin-1: `é` as `Ã©`.
fn is_misread(before: &str, after: &str) -> bool {
    !before.is_ascii()
        && before.len() == after.chars().count()
        && before.bytes().zip(after.chars()).all(|(byte, character)| {
            char::from(byte) == character || (0x80..0xa0).contains(&byte) && !character.is_ascii()
        })
}

fn truncation(before: &str, after: &str) -> Recognised {
    let cut = !after.is_empty() && after.len() < before.len() && before.starts_with(after);
    cut.then_some((DamageClass::TruncatedText, "text cut"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(before: &str, after: &str) -> Option<&'static str> {
        recognise(before, after).map(|damage| damage.what)
    }

    #[test]
    fn fractions_of_a_second_are_cut_or_rounded() {
        for (before, after) in [
            ("2026-01-01 12:34:56.123456+00", "2026-01-01 12:34:56.123+00"),
            ("2026-01-01 12:34:56.123556", "2026-01-01 12:34:56.124"),
            ("12:34:56.5", "12:34:56"),
        ] {
            assert_eq!(what(before, after), Some("microseconds lost"), "{before}");
        }
        for (before, after) in [
            ("2026-01-01 12:34:56.123456+00", "2026-01-01 12:34:57.123+00"),
            ("2026-01-01 12:34:56.123456+00", "2026-01-01 12:34:56.123+02"),
            ("2026-01-01 12:34:56.123", "2026-01-01 12:34:56.123456"),
        ] {
            assert_eq!(what(before, after), None, "{before}");
        }
    }

    #[test]
    fn numbers_lose_scale_or_digits() {
        assert_eq!(what("1.00", "1.0"), Some("scale lost"));
        assert_eq!(what("-1.00", "-1"), Some("scale lost"));
        assert_eq!(what("3.14159", "3.14"), Some("digits lost"));
        assert_eq!(what("3.14159", "3.142"), Some("digits lost"));
        assert_eq!(what("9.99", "10"), Some("digits lost"));
        assert_eq!(what("0.1234567890123456", "0.12345679"), Some("digits lost"));
        assert_eq!(what("3.14", "-3.1"), None);
        assert_eq!(what("3.14", "5"), None);
        assert_eq!(what("12", "13"), None);
    }

    #[test]
    fn text_in_the_wrong_encoding_is_told_from_text_that_was_cut() {
        assert_eq!(what("café", "cafÃ©"), Some("encoding damaged"));
        assert_eq!(what("l’été", "lâ€™Ã©tÃ©"), Some("encoding damaged"));
        assert_eq!(what("cafÃ©", "café"), Some("encoding damaged"));
        assert_eq!(what("café", "caf?"), Some("encoding damaged"));
        assert_eq!(what("café", "caf??"), Some("encoding damaged"));
        assert_eq!(what("café", "caf\u{fffd}"), Some("encoding damaged"));
        assert_eq!(what("a longer text", "a longer"), Some("text cut"));
        assert_eq!(what("café", "cafe"), None);
        assert_eq!(what("text", ""), None);
        assert_eq!(what("one", "two"), None);
    }

    #[test]
    fn a_shape_shows_no_letter_and_no_digit() {
        assert_eq!(shape("2026-01-01 12:34"), "9999-99-99 99:99");
        assert_eq!(shape("Zoé O'Neil <z@x.fr>"), "Xxx X'Xxxx <x@x.xx>");
        assert_eq!(shape(&"a".repeat(50)), format!("{}… and 2 more", "x".repeat(48)));
    }
}
