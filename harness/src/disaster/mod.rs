//! Ways to lose data, a file each. Each destroys only what an `OwnedStack` owns, and then
//! proves that it did: an exit code does not say that data are gone.

mod bad_migration;
mod database;
mod files;
mod host;
mod media;
mod partial;
mod ransomware;
mod table;
mod volumes;

use std::collections::BTreeSet;

use crate::backup::Method;
use crate::error::{Error, Result};
use crate::model::artefact::Store;
use crate::nearest;
use crate::stack::Site;

/// A way to lose data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disaster {
    /// Every container and every volume is lost, as in a power cut that takes the disk along.
    Volumes,
    /// The host is lost: containers, volumes and networks.
    Host,
    /// The database is dropped.
    Database,
    /// The media store is emptied.
    Media,
    /// The largest table is truncated by mistake.
    Table,
    /// A migration drops a column that it should not have.
    BadMigration,
    /// Every file is overwritten in place and keeps its name.
    Ransomware,
    /// One third of the files is gone.
    Partial,
}

/// What a disaster did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struck {
    /// What was seen afterwards.
    pub seen: String,
    /// What survived although it should not have.
    pub survivors: Vec<String>,
}

impl Struck {
    /// A disaster that happened as it should, unless something survived.
    fn new(seen: impl Into<String>, survivors: impl IntoIterator<Item = String>) -> Self {
        Self { seen: seen.into(), survivors: survivors.into_iter().collect() }
    }
}

impl Disaster {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Volumes,
        Self::Host,
        Self::Database,
        Self::Media,
        Self::Table,
        Self::BadMigration,
        Self::Ransomware,
        Self::Partial,
    ];

    /// What `--disaster` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volumes => "volumes",
            Self::Host => "host",
            Self::Database => "database",
            Self::Media => "media",
            Self::Table => "table",
            Self::BadMigration => "bad-migration",
            Self::Ransomware => "ransomware",
            Self::Partial => "partial",
        }
    }

    /// The disaster of a name. A usage error names the nearest that there is.
    pub fn of(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|disaster| disaster.name() == name);
        found.ok_or_else(|| nearest::unknown("disaster", name, &Self::ALL.map(Self::name)))
    }

    /// What it does, in one line.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Volumes => "remove every container, delete every volume, prove them gone",
            Self::Host => {
                "remove every container, volume and network, prove nothing is left; rebuild as another project"
            }
            Self::Database => "drop the database while it is used, prove that it is gone",
            Self::Media => "delete every file of the media store, prove it empty",
            Self::Table => "truncate the largest table and what refers to it, prove it empty",
            Self::BadMigration => "drop a column of the largest table, prove it gone",
            Self::Ransomware => "overwrite every media file in place, prove each one changed",
            Self::Partial => "delete every third media file, prove them gone and the rest there",
        }
    }

    /// The stores that lose data; nothing if the whole stack is lost.
    #[must_use]
    pub fn strikes(self) -> BTreeSet<Store> {
        match self {
            Self::Volumes | Self::Host => BTreeSet::new(),
            Self::Database | Self::Table | Self::BadMigration => BTreeSet::from([Store::Database]),
            Self::Media | Self::Ransomware | Self::Partial => BTreeSet::from([Store::Media]),
        }
    }

    /// Whether it is a mistake in a server that goes on: one whose log can still be collected.
    #[must_use]
    pub fn spares_server(self) -> bool {
        matches!(self, Self::Database | Self::Table | Self::BadMigration)
    }

    /// Refuses a method that does not promise what this takes. A method that leaves a store out
    /// may be drilled against the loss of everything: that is how its gap shows.
    pub fn require(self, method: &Method) -> Result<()> {
        let promises = method.promises();
        let strikes = self.strikes();
        let Some(store) = strikes.iter().find(|store| !promises.contains(store)) else {
            return Ok(());
        };
        let (method, disaster, store) = (method.name(), self.name(), store.name());
        Err(Error::usage(format!(
            "method {method:?} cannot recover from disaster {disaster:?}: it does not promise the {store}"
        ))
        .hint(format!("choose a method that promises the {store}, or another disaster")))
    }

    /// Strikes, and looks whether it did.
    pub async fn strike(self, site: &Site<'_>) -> Result<Struck> {
        match self {
            Self::Volumes => volumes::strike(site).await,
            Self::Host => host::strike(site).await,
            Self::Database => database::strike(site).await,
            Self::Media => media::strike(site).await,
            Self::Table => table::strike(site).await,
            Self::BadMigration => bad_migration::strike(site).await,
            Self::Ransomware => ransomware::strike(site).await,
            Self::Partial => partial::strike(site).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disaster_is_found_by_its_own_name() {
        for disaster in Disaster::ALL {
            assert_eq!(Disaster::of(disaster.name()).expect("known"), disaster);
        }
        let error = Disaster::of("volume").expect_err("no such disaster");
        assert!(error.next_step().is_some_and(|hint| hint.contains("\"volumes\"?")), "{error:?}");
    }

    #[test]
    fn pg_dump_recovers_from_all_of_them() {
        for disaster in Disaster::ALL {
            disaster.require(&Method::PgDump).expect("it promises every store");
        }
    }
}
