//! The volumes of a stack: what each is worth and who brings it back. Pure. One of which
//! `drill.toml` says nothing counts as critical: nobody has said that it can be spared.

use std::collections::BTreeSet;

use crate::config::{Config, VolumeClass, VolumeConfig};
use crate::model::artefact::Store;
use crate::stack::isolation::unnamed_of;

/// A volume, and what is known of it.
#[derive(Debug, Clone)]
pub struct Volume<'a> {
    /// Its name in the compose files.
    pub name: &'a str,
    /// What becomes of it in a disaster.
    pub class: VolumeClass,
    /// What `drill.toml` says of it.
    pub said: Option<&'a VolumeConfig>,
    /// The store that lies in it.
    pub store: Option<Store>,
}

/// The volumes of a stack, by the names that its compose files give them.
#[must_use]
pub fn classified<'a>(names: &'a [String], config: &'a Config) -> Vec<Volume<'a>> {
    let media = config.media.as_ref().map(|media| media.volume.as_str());
    let database = config.database.as_ref().and_then(|database| database.volume.as_deref());
    // The data of a server of which no volume is named lies in one without a name.
    let unnamed = config.database.as_ref().filter(|it| it.volume.is_none());
    let unnamed = unnamed.map(|database| unnamed_of(&database.service));
    let is_unnamed_of_database =
        |name: &str| unnamed.as_ref().is_some_and(|begin| name.starts_with(begin.as_str()));
    let of = |name: &'a String| {
        let said = config.volumes.iter().find(|volume| volume.name == *name);
        let store = match name.as_str() {
            name if Some(name) == database || is_unnamed_of_database(name) => Some(Store::Database),
            name if Some(name) == media => Some(Store::Media),
            _ => None,
        };
        let class = said.map_or(VolumeClass::Critical, |volume| volume.class);
        Volume { name, class, said, store }
    };
    names.iter().map(of).collect()
}

impl Volume<'_> {
    /// What would be lost with it, if a method promises these stores and archives these volumes;
    /// nothing if it is covered or can be spared.
    #[must_use]
    pub fn uncovered(&self, promises: &BTreeSet<Store>, archived: &[String]) -> Option<String> {
        let Self { name, class, said, store } = self;
        if archived.iter().any(|known| known == name) {
            return None;
        }
        // Where a store lies, it counts, whatever the class says.
        if let Some(store) = store {
            let store_name = store.name();
            return (!promises.contains(store)).then(|| {
                format!("volume {name} would be lost: the method does not cover the {store_name}")
            });
        }
        match (class, said) {
            (VolumeClass::Rebuildable | VolumeClass::Cache, _) => None,
            (VolumeClass::Critical, Some(said)) => Some(format!(
                "volume {name} would be lost: it is critical ({}), and no method covers it",
                said.loss
            )),
            (VolumeClass::Critical, None) => Some(format!(
                "volume {name} would be lost: drill.toml has no [[volume]] for it, so it counts as critical"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn uncovered(volumes: &[(&str, VolumeClass)], promises: &[Store]) -> Vec<String> {
        let media = toml::from_str("volume = \"media\"").ok();
        let database = toml::from_str("service = \"db\"\nvolume = \"postgres_data\"").ok();
        let mut config = Config { database, media, ..Config::default() };
        config.volumes = volumes
            .iter()
            .map(|&(name, class)| VolumeConfig {
                name: name.to_owned(),
                class,
                loss: "a year".to_owned(),
                measured: Vec::new(),
            })
            .collect();
        let names = ["media", "postgres_data", "uploads"].map(str::to_owned);
        let promises = promises.iter().copied().collect();
        let volumes = classified(&names, &config);
        volumes.iter().filter_map(|volume| volume.uncovered(&promises, &[])).collect()
    }

    #[test]
    fn a_volume_of_which_nothing_is_said_counts_as_critical() {
        let both = [Store::Database, Store::Media];
        let [found] = &uncovered(&[], &both)[..] else { panic!("one") };
        assert!(found.contains("uploads") && found.contains("no [[volume]]"), "{found}");
        for class in [VolumeClass::Cache, VolumeClass::Rebuildable] {
            assert_eq!(uncovered(&[("uploads", class)], &both), Vec::<String>::new());
        }
        let [found] = &uncovered(&[("uploads", VolumeClass::Critical)], &both)[..] else {
            panic!("one")
        };
        assert!(found.contains("a year"), "{found}");
    }

    #[test]
    fn a_store_that_is_not_promised_is_lost_whatever_its_volume_is_called() {
        let spared = [("uploads", VolumeClass::Cache), ("media", VolumeClass::Cache)];
        let [found] = &uncovered(&spared, &[Store::Database])[..] else { panic!("one") };
        assert!(found.contains("volume media would be lost"), "{found}");
    }
}
