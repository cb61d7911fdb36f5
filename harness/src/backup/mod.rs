//! Ways to back up and restore. A method takes an artefact, reads it back in full, and
//! restores it; what an artefact is worth is never taken from an exit code alone.

mod artefact;
pub mod cold;
mod commands;
pub mod durability;
pub mod media;
pub mod pg_dump;
pub mod retention;
pub mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

pub use self::artefact::{Artefact, PartWriter};
pub(crate) use self::commands::Bound;
use self::commands::Commands;
pub use crate::archive;
use crate::config::{BUILT_IN, Config, RestoreInto, VolumeClass};
use crate::error::Result;
use crate::model::artefact::{PartKind, Store};
use crate::model::check::{PlannedCheck, id};
use crate::model::fingerprint::{Certificate, RowHash};
use crate::model::profile::Profile;
use crate::model::record::StepTiming;
use crate::nearest;
use crate::stack::Site;
use crate::volumes::{Volume, classified};

/// A way to back up and restore.
#[derive(Debug, Clone)]
pub enum Method {
    /// `pg_dump` and tar, both built in.
    PgDump,
    /// Every volume, archived while the stack is stopped.
    Cold,
    /// The commands of a `[[method]]`.
    Commands(Commands),
}

/// How a backup and the baseline that it is held against come to show the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// The backup reads under the baseline's snapshot, while others write.
    Snapshot,
    /// The method takes a snapshot of its own: nothing is written from the baseline until the
    /// backup is complete, and the baseline is taken again to prove that.
    Quiet,
}

/// What a full read of an artefact found out for one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The check.
    pub check: &'static str,
    /// What was seen.
    pub seen: String,
    /// What is wrong with it.
    pub wrong: Vec<String>,
    /// What could not be found out.
    pub open: Vec<String>,
}

impl Reading {
    /// A reading that has seen nothing yet.
    fn of(check: &'static str) -> Self {
        Self { check, seen: String::new(), wrong: Vec::new(), open: Vec::new() }
    }
}

/// What a full read of an artefact found.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    /// Why parts cannot be read to their end.
    pub damage: Vec<String>,
    /// What they hold, by check.
    pub readings: Vec<Reading>,
}

impl Method {
    /// Names of all methods that a stack has.
    #[must_use]
    pub fn names(config: &Config) -> Vec<&str> {
        let configured = config.methods.iter().map(|method| method.name.as_str());
        BUILT_IN.into_iter().chain(configured).collect()
    }

    /// The method of a name. A usage error names the nearest that the stack has.
    pub fn of(name: &str, config: &Config) -> Result<Self> {
        match name {
            pg_dump::NAME => return Ok(Self::PgDump),
            cold::NAME => return Ok(Self::Cold),
            _ => {}
        }
        let configured = config.methods.iter().find(|method| method.name == name);
        let configured =
            configured.ok_or_else(|| nearest::unknown("method", name, &Self::names(config)))?;
        Ok(Self::Commands(Commands::new(configured.clone())))
    }

    /// The method of a stack of which none is named: what reads a database as a database, where
    /// there is one.
    #[must_use]
    pub fn of_itself(config: &Config) -> Self {
        if config.database.is_some() { Self::PgDump } else { Self::Cold }
    }

    /// What `--method` calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::PgDump => pg_dump::NAME,
            Self::Cold => cold::NAME,
            Self::Commands(commands) => commands.name(),
        }
    }

    /// Compose files that it needs beside the stack's own.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        match self {
            Self::PgDump | Self::Cold => &[],
            Self::Commands(commands) => commands.files(),
        }
    }

    /// The stores that it brings back.
    #[must_use]
    pub fn promises(&self) -> BTreeSet<Store> {
        match self {
            Self::PgDump | Self::Cold => {
                BTreeSet::from([Store::Database, Store::Globals, Store::Media])
            }
            Self::Commands(commands) => commands.promises().clone(),
        }
    }

    /// The volumes that it archives as files while nothing runs on them, by name: what is critical
    /// and holds no store that it has a better way for.
    #[must_use]
    pub fn archives(&self, volumes: &[Volume<'_>]) -> Vec<String> {
        let is_archived = |volume: &&Volume<'_>| match self {
            Self::PgDump => volume.store.is_none() && volume.class == VolumeClass::Critical,
            Self::Cold => true,
            Self::Commands(_) => false,
        };
        volumes.iter().filter(is_archived).map(|volume| volume.name.to_owned()).collect()
    }

    /// Whether it archives any volume of which the configuration speaks. Others may turn up.
    #[must_use]
    pub fn archives_any(&self, config: &Config) -> bool {
        let names = config.volumes.iter().map(|volume| volume.name.clone()).collect::<Vec<_>>();
        matches!(self, Self::Cold) || !self.archives(&classified(&names, config)).is_empty()
    }

    /// How its artefact comes to show the state of the baseline.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        match self {
            Self::PgDump => Consistency::Snapshot,
            Self::Cold | Self::Commands(_) => Consistency::Quiet,
        }
    }

    /// Where a restore goes.
    #[must_use]
    pub fn into(&self) -> RestoreInto {
        match self {
            Self::PgDump => RestoreInto::Server,
            Self::Cold => RestoreInto::Volumes,
            Self::Commands(commands) => commands.into(),
        }
    }

    /// What taking it does, in one line.
    #[must_use]
    pub fn describe_backup(&self, config: &Config) -> String {
        match self {
            Self::PgDump => pg_dump::describe(config),
            Self::Cold => {
                "stop every service; tar + zstd of every volume; start them again".to_owned()
            }
            Self::Commands(commands) => commands.describe_backup(),
        }
    }

    /// What restoring it does, in one line.
    #[must_use]
    pub fn describe_restore(&self) -> String {
        match self {
            Self::PgDump => "pg_restore and tar".to_owned(),
            Self::Cold => "tar".to_owned(),
            Self::Commands(commands) => commands.describe_restore(),
        }
    }

    /// What a full read of its artefact finds out.
    #[must_use]
    pub fn checks(&self, config: &Config) -> Vec<PlannedCheck> {
        let planned = |id, title| PlannedCheck::new(id, "FR-4.1", title);
        match self {
            Self::PgDump => {
                let rows = planned(
                    id::ARTEFACT_ROWS,
                    "the dump holds every row of every table, and every large object",
                );
                let files = "the archive holds every file, and nothing hostile";
                let files = config.media.as_ref().map(|_| planned(id::ARTEFACT_MEDIA, files));
                std::iter::once(rows).chain(files).collect()
            }
            Self::Commands(commands) if commands.verifies() => {
                let title = "the method's own verification accepts the artefact";
                vec![planned(id::ARTEFACT_VERIFIED, title)]
            }
            Self::Cold | Self::Commands(_) => Vec::new(),
        }
    }

    /// Whether a part of it is taken under load, before the baseline.
    #[must_use]
    pub fn takes_under_load(&self) -> bool {
        match self {
            Self::PgDump | Self::Cold => false,
            Self::Commands(commands) => commands.takes_under_load(),
        }
    }

    /// Whether it can add to an artefact what was written after it, with the server still there.
    #[must_use]
    pub fn salvages(&self) -> bool {
        match self {
            Self::PgDump | Self::Cold => false,
            Self::Commands(commands) => commands.salvages(),
        }
    }

    /// Adds to an unsealed artefact what was written until a mistake.
    pub async fn salvage(&self, site: &Site<'_>, artefact: &mut Artefact) -> Result<()> {
        if let Self::Commands(commands) = self {
            artefact.manifest.parts = commands.salvage(site, artefact).await?;
            artefact.manifest.needs = artefact.needs()?;
        }
        Ok(())
    }

    /// Takes what may be taken under load, before the baseline.
    pub async fn begin(&self, site: &Site<'_>, artefact: &Artefact) -> Result<()> {
        match self {
            Self::PgDump | Self::Cold => Ok(()),
            Self::Commands(commands) => commands.begin(site, artefact).await,
        }
    }

    /// Takes a backup into an artefact that was begun. Under `snapshot`, where the method can.
    pub async fn take(
        &self,
        site: &Site<'_>,
        artefact: &mut Artefact,
        snapshot: &str,
    ) -> Result<()> {
        match self {
            Self::PgDump => {
                let database = site.database()?;
                let rows = pg_dump::take(site.stack, database, snapshot, artefact);
                let files = async {
                    let Some(volume) = site.media else { return Ok(None) };
                    media::take(site.stack, volume, artefact).await.map(Some)
                };
                let volumes = cold::take(site.stack, site.cold, artefact);
                let tools = pg_dump::tools(site.stack, database);
                let (parts, files, volumes, tools) = tokio::try_join!(rows, files, volumes, tools)?;
                artefact.manifest.parts.extend(parts.into_iter().chain(files).chain(volumes));
                artefact.manifest.tools = tools;
                Ok(())
            }
            Self::Cold => {
                artefact.manifest.parts = cold::take(site.stack, site.cold, artefact).await?;
                Ok(())
            }
            Self::Commands(commands) => {
                artefact.manifest.parts = commands.take(site, artefact).await?;
                artefact.manifest.needs = artefact.needs()?;
                artefact.manifest.tools = BTreeMap::new();
                Ok(())
            }
        }
    }

    /// Reads an artefact back in full and holds it against the baseline, as far as the method
    /// knows what is in it.
    pub async fn examine(
        &self,
        site: &Site<'_>,
        artefact: &Artefact,
        baseline: &Certificate,
    ) -> Result<Examined> {
        match self {
            Self::PgDump => {
                let dump = artefact.part(PartKind::Database)?;
                let row_hash = baseline.database.as_ref().map(|database| database.row_hash);
                let row_hash = row_hash.unwrap_or(RowHash::Chain64);
                let dump = pg_dump::examine(site.stack, site.database()?, artefact, dump, row_hash);
                let files = media::against(artefact, baseline);
                let volumes = cold::against(artefact, baseline);
                let (dump, mut examined, volumes) = tokio::try_join!(dump, files, volumes)?;
                examined.damage.extend(dump.damage.iter().cloned().chain(volumes.damage));
                examined.readings.insert(0, dump.against(baseline));
                examined.readings.extend(volumes.readings);
                Ok(examined)
            }
            Self::Cold => {
                // The media store is a volume like any other here, and is fingerprinted as one.
                let mut baseline = baseline.clone();
                if let (Some(volume), Some(files)) = (site.media, baseline.media.clone()) {
                    baseline.volumes.insert(volume.name.clone(), files);
                }
                cold::against(artefact, &baseline).await
            }
            Self::Commands(commands) => commands.examine(site, artefact).await,
        }
    }

    /// Restores an artefact into fresh volumes. Where it goes into the server, that answers, and
    /// is empty. Gives back what took how long.
    pub async fn restore(
        &self,
        site: &Site<'_>,
        artefact: &Artefact,
        profile: Profile,
    ) -> Result<Vec<StepTiming>> {
        match self {
            Self::PgDump => {
                let Site { stack, media: volume, cold, .. } = *site;
                let database = site.database()?;
                let rows = timed("pg_restore", Some(Store::Database), async {
                    let globals = artefact.part(PartKind::Globals)?;
                    pg_dump::restore_globals(stack, database, artefact, globals).await?;
                    let dump = artefact.part(PartKind::Database)?;
                    pg_dump::restore(stack, database, artefact, dump).await
                });
                let files = timed("tar", Some(Store::Media), async {
                    let Some(volume) = volume else { return Ok(()) };
                    media::restore(stack, volume, artefact, artefact.part(PartKind::Media)?).await
                });
                let volumes = cold::restore(stack, cold, artefact);
                let (rows, files, volumes) = tokio::try_join!(rows, files, volumes)?;
                Ok([rows, files].into_iter().chain(volumes).collect())
            }
            Self::Cold => cold::restore(site.stack, site.cold, artefact).await,
            Self::Commands(commands) => commands.restore(site, artefact, profile).await,
        }
    }
}

/// Does a step of a restore, about one store or none, and takes its time.
pub async fn timed(
    step: impl Into<String>,
    store: Option<Store>,
    work: impl Future<Output = Result<()>>,
) -> Result<StepTiming> {
    let started = Instant::now();
    work.await?;
    Ok(StepTiming { step: step.into(), store, seconds: started.elapsed().as_secs_f64() })
}
