//! Images of servers that a dump of MariaDB or MySQL asks for, of Debian's packages.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde_json::json;

use crate::error::{Attempt, Error, Result};
use crate::model::existing::Says;
use crate::stack::images::Images;

const DOCKERFILE: &str = include_str!("Dockerfile");

/// Versions that Debian has.
const KNOWN: &str = include_str!("versions.toml");

/// A version, as far as it says which dumps a server takes: 10.11.
pub(in crate::verify) type Version = (u32, u32);

#[derive(Debug, Deserialize)]
struct Known {
    /// The release of Debian that has a version.
    versions: BTreeMap<String, String>,
}

/// The server that a dump is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) struct Source {
    pub(in crate::verify) version: Option<Version>,
    pub(in crate::verify) is_mysql: bool,
}

impl Source {
    /// Read from what a dump says of its server and its tool.
    pub(in crate::verify) fn of(says: &Says) -> Self {
        let tool = says.tool.as_deref().unwrap_or_default();
        let server = says.server.as_deref().unwrap_or_default();
        // MariaDB's own tool was called mysqldump, too; its servers say who they are.
        let is_mysql = tool.starts_with("mysqldump")
            && !server.contains("MariaDB")
            && !tool.contains("MariaDB");
        Self { version: version(server), is_mysql }
    }

    /// Who made it, for people.
    pub(in crate::verify) fn maker(self) -> &'static str {
        if self.is_mysql { "MySQL" } else { "MariaDB" }
    }
}

/// A server to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::verify) struct Wanted {
    pub(in crate::verify) version: Version,
    suite: String,
}

impl Wanted {
    /// The oldest server that can be had and is no older than the source's. Dumps of MySQL 8 have
    /// collations that only the newest of them knows.
    ///
    /// # Errors
    /// Undecided when there is none, and what there is.
    pub(in crate::verify) fn of(source: Source) -> Result<Self> {
        let known = toml::from_str::<Known>(KNOWN).attempt(|| "cannot read what Debian has")?;
        let mut all = known.versions.into_iter();
        let mut all = all
            .by_ref()
            .filter_map(|(name, suite)| Some(Self { version: version(&name)?, suite }))
            .collect::<Vec<_>>();
        all.sort_by_key(|it| it.version);
        let asked = source.version.unwrap_or_default();
        let found = match source.is_mysql {
            true if asked < (8, 0) => all.first(),
            true => all.last(),
            false => all.iter().find(|it| it.version >= asked),
        };
        found.cloned().ok_or_else(|| {
            let all = all.iter().map(|it| shown(it.version)).collect::<Vec<_>>().join(", ");
            Error::undecided(format!(
                "the backup asks for MariaDB {}, which cannot be had here",
                shown(asked)
            ))
            .hint(format!("Debian has {all}; --image names an image of another"))
        })
    }

    /// Its image, built if the engine does not have it.
    pub(in crate::verify) async fn image(&self, images: &Images) -> Result<String> {
        let debian = images.base(&self.suite).await?;
        let context = tempfile::tempdir().attempt(|| "cannot create a temporary folder")?;
        let written = fs::write(context.path().join("Dockerfile"), DOCKERFILE);
        written.attempt(|| "cannot write the server's image")?;
        let build = json!({ "services": { "mariadb": { "build": {
            "context": context.path(),
            "args": { "DEBIAN_IMAGE": debian },
        }}}});
        let image = images.build_all(&build, None, &debian).await?.remove("mariadb");
        image.ok_or_else(|| Error::undecided("the server's image was not built"))
    }
}

/// A version as people write it.
pub(in crate::verify) fn shown((major, minor): Version) -> String {
    format!("{major}.{minor}")
}

/// `10.11.6-MariaDB-0+deb12u1`: 10.11.
fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split(|it: char| !it.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(tool: &str, server: &str) -> Result<String> {
        let (tool, server) = (Some(tool.to_owned()), Some(server.to_owned()));
        let source = Source::of(&Says { tool, server, ..Says::default() });
        Wanted::of(source).map(|it| shown(it.version))
    }

    #[test]
    fn a_dump_goes_into_the_oldest_server_that_is_no_older() {
        for (tool, server, expected) in [
            ("mariadb-dump 10.11.6", "10.11.6-MariaDB-0+deb12u1", "10.11"),
            ("mysqldump 10.3.1-MariaDB", "10.3.39-MariaDB", "10.11"),
            ("mariadb-dump 11.4.2", "11.4.2-MariaDB-log", "11.8"),
            ("mysqldump 5.7.44", "5.7.44-log", "10.11"),
            ("mysqldump 8.0.36", "8.0.36", "11.8"),
        ] {
            assert_eq!(wanted(tool, server).expect("known"), expected, "{server}");
        }
    }

    #[test]
    fn a_version_that_cannot_be_had_is_named_with_those_that_can() {
        let error = wanted("mariadb-dump 13.1.1", "13.1.1-MariaDB").expect_err("not to be had");
        assert!(error.to_string().contains("13.1"), "{error}");
        assert!(error.next_step().is_some_and(|it| it.contains("11.8")), "{error:?}");
    }
}
