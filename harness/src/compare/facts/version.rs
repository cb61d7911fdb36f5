//! Differences between major versions of the server that are no differences of data.

use std::borrow::Cow;

use super::key::Key;

/// First version with the MAINTAIN privilege, which `GRANT ALL` includes from then on.
const MAINTAIN_SINCE: i32 = 170_000;

/// First version in which a range type brings a multirange type along.
const MULTIRANGES_SINCE: i32 = 140_000;

/// How the facts of two servers are made comparable. Does nothing within one major version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Versions {
    before: i32,
    after: i32,
}

impl Versions {
    pub(super) fn new(before: i32, after: i32) -> Self {
        Self { before, after }
    }

    fn same_major(self) -> bool {
        self.before / 10_000 == self.after / 10_000
    }

    fn straddle(self, version: i32) -> bool {
        (self.before < version) != (self.after < version)
    }

    /// The value as both versions can have it; nothing where only one of them can.
    pub(super) fn comparable<'a>(self, key: &Key<'_>, value: &'a str) -> Option<Cow<'a, str>> {
        let is_grant = key.facet == Some("grant") || key.class == "default-grant";
        if is_grant && self.straddle(MAINTAIN_SINCE) {
            let kept: Vec<&str> =
                value.split(", ").filter(|privilege| !privilege.starts_with("MAINTAIN")).collect();
            return (!kept.is_empty()).then(|| kept.join(", ").into());
        }
        let ignored = match (key.facet, key.class) {
            // Each major version brings its own versions of the extensions that it ships.
            (None, "extension") if !self.same_major() => "version: ",
            (None, "type") if self.straddle(MULTIRANGES_SINCE) => "multirange: ",
            _ => return Some(value.into()),
        };
        let kept: Vec<&str> = value.lines().filter(|line| !line.starts_with(ignored)).collect();
        Some(kept.join("\n").into())
    }

    /// Whether two texts differ only in how their servers print a definition.
    ///
    /// Major versions differ in white space, in parentheses, and in whether a column is qualified
    /// where only one table can be meant (16). Ignored are therefore, between majors alone, white
    /// space, parentheses and qualifiers: two tables swapped in a view go unnoticed there.
    pub(super) fn same_definition(self, before: &str, after: &str) -> bool {
        !self.same_major() && bare(before) == bare(after)
    }
}

/// A definition without white space, parentheses, and names in front of a dot.
fn bare(definition: &str) -> String {
    let mut bare = String::with_capacity(definition.len());
    let mut word = 0;
    for sign in definition.chars() {
        let number = bare[word..].starts_with(|first: char| first.is_ascii_digit());
        match sign {
            '.' if word < bare.len() && !number => bare.truncate(word),
            '(' | ')' => word = bare.len(),
            sign if sign.is_whitespace() => word = bare.len(),
            sign => {
                bare.push(sign);
                if !(sign.is_alphanumeric() || matches!(sign, '_' | '"')) {
                    word = bare.len();
                }
            }
        }
    }
    bare
}
