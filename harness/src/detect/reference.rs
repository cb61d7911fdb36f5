//! An image's reference, taken apart: registry and namespace, name, tag, digest.

/// A reference such as `ghcr.io/immich-app/postgres:14-vectorchord0.3.0@sha256:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    /// The last component, without tag and digest: `postgres`.
    pub(super) name: &'a str,
    /// The tag, if there is one.
    pub(super) tag: Option<&'a str>,
    /// Whether content is named, so that it cannot change.
    pub(super) is_pinned: bool,
}

impl<'a> Reference<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(digest)),
            None => (text, None),
        };
        let last = text.rsplit('/').next().unwrap_or(text);
        let (name, tag) = match last.split_once(':') {
            Some((name, tag)) => (name, Some(tag).filter(|tag| !tag.is_empty())),
            None => (last, None),
        };
        Self { name, tag, is_pinned: digest.is_some() }
    }

    /// Whether another image may be under this reference tomorrow: no tag, or one without a number.
    pub(super) fn is_floating(&self) -> bool {
        let says_version = |tag: &str| tag.contains(|c: char| c.is_ascii_digit());
        !self.is_pinned && !self.tag.is_some_and(says_version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_namespace_tag_and_digest_are_taken_off() {
        let cases = [
            ("postgres", "postgres", None, false),
            ("pgvector/pgvector:pg16", "pgvector", Some("pg16"), false),
            ("docker.io/bitnami/postgresql:16", "postgresql", Some("16"), false),
            ("localhost:5000/mongo", "mongo", None, false),
            (
                "ghcr.io/immich-app/postgres:14-vectorchord0.3.0@sha256:ab",
                "postgres",
                Some("14-vectorchord0.3.0"),
                true,
            ),
        ];
        for (text, name, tag, is_pinned) in cases {
            assert_eq!(Reference::of(text), Reference { name, tag, is_pinned }, "{text}");
        }
    }

    #[test]
    fn a_tag_without_a_number_floats_unless_a_digest_holds_it() {
        assert!(Reference::of("postgres").is_floating());
        assert!(Reference::of("postgres:alpine").is_floating());
        assert!(!Reference::of("postgres:16-alpine").is_floating());
        assert!(!Reference::of("postgres@sha256:ab").is_floating());
    }
}
