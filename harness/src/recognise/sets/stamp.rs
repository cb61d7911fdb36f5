//! Times in names: `db_2024-05-01_0300.dump`, `20240501T030000Z.tar`, `2024-05-01/media.tar`.

use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use regex::Regex;

use crate::recognise::moment;

static STAMP: LazyLock<Regex> = LazyLock::new(|| {
    let day = r"(?:^|[^0-9])((?:19|20)[0-9]{2})[-_.]?(0[1-9]|1[0-2])[-_.]?([0-3][0-9])";
    let time = r"(?:[-_.T ]{0,2}([0-2][0-9])[-_.:hH]?([0-5][0-9])(?:[-_.:m]?([0-5][0-9]))?)?";
    Regex::new(&format!("{day}{time}")).expect("a pattern")
});

/// The time in the name of a piece or of its folder. Of one that is a day alone, the hour is the
/// file system's, if that is of the same day.
pub(super) fn of(path: &Path, modified: Timestamp) -> Option<Timestamp> {
    let name = |path: &Path| path.file_name().map(|it| it.to_string_lossy().into_owned());
    let names = [name(path), path.parent().and_then(name)];
    names.into_iter().flatten().find_map(|name| within(&name, modified))
}

fn within(name: &str, modified: Timestamp) -> Option<Timestamp> {
    let found = STAMP.captures(name)?;
    let number = |at: usize| found.get(at)?.as_str().parse::<i16>().ok();
    let small = |at: usize| i8::try_from(number(at)?).ok();
    let day = Date::new(number(1)?, small(2)?, small(3)?).ok()?;
    let zone = TimeZone::system();
    let time = match (small(4), small(5)) {
        (Some(hour), Some(minute)) => {
            Time::new(hour, minute, small(6).unwrap_or_default(), 0).ok()?
        }
        _ if modified.to_zoned(zone.clone()).date() == day => return Some(modified),
        _ => Time::midnight(),
    };
    moment::at(day.to_datetime(time), &zone)
}

/// The series that a piece is of: its name without digits.
pub(super) fn series(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.chars().filter(|it| !it.is_ascii_digit()).collect()
}
