//! The known name that an unknown one probably means.

/// Below this similarity (Jaro–Winkler, 0 to 1) two names have nothing to do with each other.
const SIMILAR: f64 = 0.75;

/// The known name that is nearest to the one that was given, if one is near.
pub fn nearest<N: AsRef<str>>(given: &str, known: impl IntoIterator<Item = N>) -> Option<N> {
    let likeness = |name: N| (strsim::jaro_winkler(given, name.as_ref()), name);
    let near = known.into_iter().map(likeness).filter(|(likeness, _)| *likeness >= SIMILAR);
    near.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_near_is_found_and_one_that_is_not_is_none() {
        let known = ["volumes", "host", "database"];
        assert_eq!(nearest("volume", known), Some("volumes"));
        assert_eq!(nearest("databse", known), Some("database"));
        assert_eq!(nearest("flood", known), None);
    }
}
