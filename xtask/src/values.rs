//! Values of options: what is accepted, and what is said of anything else.

use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use harness::Error;
use harness::backup::retention::Policy;
use harness::dataset::Scale;
use harness::model::fingerprint::Strength;
use harness::model::origin::Origin;
use harness::model::profile::Profile;
use harness::model::reference::ReferenceColumn;

/// How much data.
pub(crate) fn scale(text: &str) -> Result<Scale, String> {
    text.parse().map_err(|error| in_one_line(&error))
}

/// What is kept of a folder of artefacts.
pub(crate) fn policy(text: &str) -> Result<Policy, String> {
    text.parse().map_err(|error| in_one_line(&error))
}

/// The seed of the data.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("give a whole number, 0 to {}", u64::MAX))
}

/// Where the data of a drill comes from.
pub(crate) fn data() -> impl TypedValueParser<Value = Origin> {
    const ORIGINS: [Origin; 3] = [Origin::Sample, Origin::Empty, Origin::Live];
    PossibleValuesParser::new(ORIGINS.map(Origin::name)).try_map(|text| {
        let known = ORIGINS.into_iter().find(|origin| origin.name() == text);
        known.ok_or("it is no origin")
    })
}

/// Bytes a second.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    let bytes = parse_size::parse_size(text.trim_end_matches("/s")).ok();
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "give bytes a second, such as 20MB".to_owned())
}

/// A duration in days, hours or minutes: `35d`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: say 26h, or 35d");
    let span = text.parse::<jiff::Span>().map_err(|_| wrong())?;
    let seconds = span.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours()));
    Duration::try_from_secs_f64(seconds.map_err(|_| wrong())?).map_err(|_| wrong())
}

/// A table and a column of it.
pub(crate) fn column(text: &str) -> Result<ReferenceColumn, String> {
    let (table, column) = text
        .rsplit_once('.')
        .ok_or_else(|| format!("{text:?} is no column: say schema.table.column"))?;
    Ok(ReferenceColumn { table: table.to_owned(), column: column.to_owned(), hash: None })
}

/// A number of things, one at least.
pub(crate) fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "give a whole number, 1 or more".to_owned())
}

/// How the server is set while it is restored.
pub(crate) fn profile() -> impl TypedValueParser<Value = Profile> {
    let names = PossibleValuesParser::new(Profile::ALL.map(Profile::name));
    names.try_map(|text| {
        let known = Profile::ALL.into_iter().find(|profile| profile.name() == text);
        known.ok_or("it is no profile")
    })
}

/// How strong the digests of rows are.
pub(crate) fn strength() -> impl TypedValueParser<Value = Strength> {
    PossibleValuesParser::new(["exact", "cryptographic"]).map(|text| match text.as_str() {
        "exact" => Strength::Exact,
        _ => Strength::Cryptographic,
    })
}

fn in_one_line(error: &Error) -> String {
    match error.next_step() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
