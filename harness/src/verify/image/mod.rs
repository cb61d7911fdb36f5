//! Images of servers that a backup asks for: one major version of PostgreSQL and its extensions,
//! of Debian's packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;
use serde_json::json;

use crate::error::{Attempt, Error, Result};
use crate::stack::images::Images;

const DOCKERFILE: &str = include_str!("Dockerfile");

/// Majors and packages that Debian has.
const KNOWN: &str = include_str!("packages.toml");

/// What can be had.
#[derive(Debug, Deserialize)]
struct Known {
    /// The release of Debian that has a major.
    majors: BTreeMap<String, String>,
    /// The package that has an extension, where it is not the server's own; `N` is the major.
    extensions: BTreeMap<String, String>,
}

/// A server to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) major: u32,
    packages: BTreeSet<String>,
}

impl Wanted {
    /// The oldest server that can be had and is no older than `major`, with these extensions. One
    /// that no package is known of may be the server's own: the restore says if it is not.
    ///
    /// # Errors
    /// Undecided when there is none, and what there is.
    pub(super) fn of(major: u32, exactly: bool, extensions: &BTreeSet<String>) -> Result<Self> {
        let known = known()?;
        let majors = known.majors.keys().filter_map(|it| it.parse::<u32>().ok());
        let all = majors.collect::<BTreeSet<_>>();
        let found = if exactly { all.get(&major) } else { all.range(major..).next() };
        let Some(found) = found.copied() else {
            let all = all.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            return Err(Error::undecided(format!(
                "the backup asks for PostgreSQL {major}, which cannot be had here"
            ))
            .hint(format!("Debian has {all}; --image names an image that has another")));
        };
        let packages = extensions.iter().filter_map(|name| known.extensions.get(name));
        let packages = packages.map(|it| it.replace('N', &found.to_string())).collect();
        Ok(Self { major: found, packages })
    }

    /// Its image, built if the engine does not have it.
    pub(super) async fn image(&self, images: &Images) -> Result<String> {
        let suite = &known()?.majors[&self.major.to_string()];
        let debian = images.base(suite).await?;
        let context = tempfile::tempdir().attempt(|| "cannot create a temporary folder")?;
        let written = fs::write(context.path().join("Dockerfile"), DOCKERFILE);
        written.attempt(|| "cannot write the server's image")?;
        let packages = self.packages.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let build = json!({ "services": { "postgres": { "build": {
            "context": context.path(),
            "args": {
                "DEBIAN_IMAGE": debian,
                "MAJOR": self.major.to_string(),
                "PACKAGES": packages,
            },
        }}}});
        let image = images.build_all(&build, None, &debian).await?.remove("postgres");
        image.ok_or_else(|| Error::undecided("the server's image was not built"))
    }
}

fn known() -> Result<Known> {
    toml::from_str(KNOWN).attempt(|| "cannot read what Debian has")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(major: u32, exactly: bool, extensions: &[&str]) -> Result<Wanted> {
        let extensions = extensions.iter().map(|it| (*it).to_owned()).collect();
        Wanted::of(major, exactly, &extensions)
    }

    #[test]
    fn a_script_goes_into_the_next_server_and_files_into_their_own_alone() {
        assert_eq!(wanted(15, true, &[]).expect("known").major, 15);
        assert_eq!(wanted(12, false, &[]).expect("a newer one").major, 13);
        assert_eq!(wanted(14, false, &[]).expect("a newer one").major, 15);
        for (major, exactly) in [(14, true), (99, false)] {
            let error = wanted(major, exactly, &[]).expect_err("not to be had");
            assert!(error.to_string().contains(&major.to_string()), "{error}");
            assert!(error.next_step().is_some_and(|it| it.contains("15")), "{error:?}");
        }
    }

    #[test]
    fn extensions_come_with_their_packages() {
        let found = wanted(15, false, &["vector", "pgcrypto"]).expect("known");
        assert_eq!(found.packages, BTreeSet::from(["postgresql-15-pgvector".to_owned()]));
    }
}
