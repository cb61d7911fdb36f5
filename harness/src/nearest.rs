//! Of the names that are known, the one that somebody probably meant.

use crate::error::Error;

/// Below this likeness (Jaro–Winkler, 0 to 1) two names have nothing to do with each other.
const SIMILAR: f64 = 0.75;

/// The known name that is most like `wanted`, if one is like it at all.
pub(crate) fn nearest<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let likeness = known.into_iter().map(|name| (strsim::jaro_winkler(wanted, name), name));
    let near = likeness.filter(|(likeness, _)| *likeness >= SIMILAR);
    near.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, name)| name)
}

/// The error for a name that is not among the known ones: it says which was meant, and all.
#[must_use]
pub fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    let all = known.join(", ");
    Error::usage(format!("unknown {what} {name:?}")).hint(
        match nearest(name, known.iter().copied()) {
            Some(nearest) => format!("did you mean {nearest:?}? known: {all}"),
            None => format!("known: {all}"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_is_named_and_nothing_where_none_is_like_it() {
        let known = ["pg-dump", "shell", "base-backup"];
        assert_eq!(nearest("pg-dmp", known), Some("pg-dump"));
        assert_eq!(nearest("zzz", known), None);
        let hint = |name| unknown("method", name, &known).next_step().map(str::to_owned);
        assert_eq!(
            hint("shel").as_deref(),
            Some("did you mean \"shell\"? known: pg-dump, shell, base-backup")
        );
        assert_eq!(hint("zzz").as_deref(), Some("known: pg-dump, shell, base-backup"));
    }
}
