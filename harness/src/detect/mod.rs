//! What the services of any compose stack are for, each with its ground: databases, application,
//! entry, volumes; and the static report of what loses data. Pure: judges [`Facts`], and looks at
//! nothing else. Only [`read`] looks at a stack, and starts nothing.

mod account;
mod application;
mod database;
mod entry;
mod facts;
mod lint;
mod names;
mod place;
pub mod read;
mod reference;
mod settings;
mod table;
mod volumes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use self::application::{Application, holds};
pub use self::database::LABEL_DATABASE;
use self::database::Role;
pub use self::entry::Entry;
use self::facts::MountKind;
pub use self::facts::{Facts, ImageConfig};
pub use self::lint::Warning;
pub use self::table::EngineKind;
pub use self::volumes::VolumeFound;
use crate::config::Variable;
use crate::stack::compose::project_name;
use crate::stack::isolation::{Change, Refused};

/// What was found in a stack, from what, and what is assumed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Detected {
    /// The stack's name: its compose project.
    pub stack: String,
    /// Its services.
    pub services: Vec<String>,
    /// Its database servers, the application's first.
    pub databases: Vec<DatabaseFound>,
    /// Its volumes and writable binds, those that matter most first.
    pub volumes: Vec<VolumeFound>,
    /// The service that works with the database.
    pub application: Option<String>,
    /// Where it answers requests from outside.
    pub entry: Option<Entry>,
    /// How its health is told, in words.
    pub probes: Vec<String>,
    /// What a sealed copy has otherwise.
    pub changed: Vec<Altered>,
    /// What cannot be sealed.
    pub refused: Vec<Altered>,
    /// What loses data.
    pub warnings: Vec<Warning>,
    /// What is assumed, ambiguous, or would be surer with something that is not here.
    pub assumptions: Vec<String>,
    /// What is no part of the answer, and of the settings.
    #[serde(skip)]
    pub(crate) more: More,
}

/// What the settings of a drill need beyond what is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct More {
    /// By what the application is known.
    pub(crate) application_from: String,
    /// By what the entry is known.
    pub(crate) entry_from: String,
    /// Host name that requests carry.
    pub(crate) host: Option<String>,
    /// The application's PostgreSQL, or the only one.
    pub(crate) primary: Option<String>,
    /// Compose files, as `[stack] files` has them.
    pub(crate) files: Vec<PathBuf>,
    /// Variables that are missing and made anew for each run.
    pub(crate) environment: BTreeMap<String, Variable>,
    /// Files that the stack reads and that are not there, with what to do: a drill refuses.
    pub(crate) needs: Vec<String>,
    /// Variables that are missing and can only be given: the lines that give them.
    pub(crate) wanted: Vec<String>,
    /// What the volumes that are shown are called in a sealed copy; some have no name there.
    pub(crate) sealed: BTreeMap<String, String>,
    /// Services that were left out.
    pub(crate) without: Vec<String>,
}

/// A database server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseFound {
    /// Its service.
    pub service: String,
    /// Its kind.
    pub engine: EngineKind,
    /// The major version, if anything says it.
    pub version: Option<String>,
    /// The database's name.
    pub name: Option<String>,
    /// The user who owns it.
    pub user: Option<String>,
    /// The volume or bind in which its data lies.
    pub volume: Option<String>,
    /// By what it is known.
    pub from: String,
}

/// A key that a sealed copy does not have as the stack has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Altered {
    /// The service, volume, network …; empty for a key of the stack itself.
    pub service: String,
    /// The key.
    pub key: String,
    /// Why.
    pub why: String,
}

impl From<&Refused> for Altered {
    fn from(refused: &Refused) -> Self {
        let Refused { name, key, why, .. } = refused;
        Self { service: name.clone(), key: key.clone(), why: why.clone() }
    }
}

impl From<&Change> for Altered {
    fn from(change: &Change) -> Self {
        let Change { name, key, reason, .. } = change;
        Self { service: name.clone(), key: key.clone(), why: (*reason).to_owned() }
    }
}

impl Detected {
    /// Judges what is known of a stack. What isolation changes and refuses is added by [`read`].
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        let mut assumptions = Vec::new();
        let mut databases = databases(facts, &mut assumptions);
        let names = databases.iter().map(|it| it.service.clone()).collect::<Vec<_>>();
        let names = names.iter().map(String::as_str).collect::<Vec<_>>();
        let application = application::find(facts, &names);
        let entry = entry::find(facts, application.name.as_deref(), &names);
        let primary = primary(facts, &databases, application.name.as_deref());
        databases.sort_by_key(|it| Some(&it.service) != primary.as_ref());
        let volumes = volumes::find(facts, &databases, application.name.as_deref());
        let warnings = lint::all(facts, &databases, &volumes);
        ambiguities(&databases, primary.as_ref(), &application, &entry, &mut assumptions);
        assumptions.extend(caches(facts));
        assumptions.extend(entry.notes);
        assumptions.extend(absent_images(facts));
        let probes = probes(facts, entry.entry.as_ref());
        let more = More {
            application_from: application.ground,
            entry_from: entry.ground,
            host: entry.host,
            primary,
            sealed: declared(facts),
            ..More::default()
        };
        Self {
            stack: project_name(facts.config, Path::new(facts.dir)),
            services: facts.services().map(|service| service.name.to_owned()).collect(),
            databases,
            volumes,
            application: application.name,
            entry: entry.entry,
            probes,
            changed: Vec::new(),
            refused: Vec::new(),
            warnings,
            assumptions,
            more,
        }
    }

    /// By what the application is known, in words; empty where there is none.
    #[must_use]
    pub fn application_from(&self) -> &str {
        &self.more.application_from
    }

    /// By what the entry is known, in words; empty where there is none.
    #[must_use]
    pub fn entry_from(&self) -> &str {
        &self.more.entry_from
    }

    /// Its PostgreSQL servers.
    pub(crate) fn postgresql(&self) -> impl Iterator<Item = &DatabaseFound> {
        self.databases.iter().filter(|it| it.engine == EngineKind::PostgreSql)
    }
}

/// The volumes that the stack declares keep their names in a sealed copy.
fn declared(facts: &Facts<'_>) -> BTreeMap<String, String> {
    let declared = facts.config["volumes"].as_object().into_iter().flatten();
    declared.map(|(name, _)| (name.clone(), name.clone())).collect()
}

/// The database servers of a configuration, by what it says itself: names of images, labels. Surer
/// answers take the images, which [`read`] looks at.
#[must_use]
pub fn servers(config: &Value, dir: &str) -> Vec<DatabaseFound> {
    let (images, bases, files) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let facts = Facts { config, images: &images, bases: &bases, files: &files, dir };
    databases(&facts, &mut Vec::new())
}

fn databases(facts: &Facts<'_>, assumptions: &mut Vec<String>) -> Vec<DatabaseFound> {
    let mut found = Vec::new();
    for service in facts.services() {
        match database::role(&service) {
            Role::Server(engine, from) => {
                let account = account::of(&service, engine, facts.files);
                assumptions.extend(account.assumptions);
                let lies = place::of(&service, engine).lies;
                let volume = lies.kept().map(|mount| volumes::name(facts, service.name, mount));
                found.push(DatabaseFound {
                    service: service.name.to_owned(),
                    engine,
                    version: database::version(&service, engine),
                    name: account.name,
                    user: account.user,
                    volume,
                    from,
                });
            }
            Role::Client(_, why) => assumptions.push(format!(
                "service {} is taken for a client, not a database: {why}",
                service.name
            )),
            Role::Other => {}
        }
    }
    found
}

/// The PostgreSQL that a drill dumps: the application's, or the only one.
fn primary(
    facts: &Facts<'_>,
    databases: &[DatabaseFound],
    application: Option<&str>,
) -> Option<String> {
    let all = databases.iter().filter(|it| it.engine == EngineKind::PostgreSql);
    let all = all.collect::<Vec<_>>();
    if let [only] = all.as_slice() {
        return Some(only.service.clone());
    }
    let app = facts.service(application?)?;
    let held = all.iter().filter(|it| {
        facts.service(&it.service).is_some_and(|store| holds(&app, &store.hosts()).is_some())
    });
    match held.collect::<Vec<_>>().as_slice() {
        [one] => Some(one.service.clone()),
        _ => None,
    }
}

/// Roles for which there are several candidates, with the one line that decides.
fn ambiguities(
    databases: &[DatabaseFound],
    primary: Option<&String>,
    application: &Application,
    entry: &entry::Found,
    assumptions: &mut Vec<String>,
) {
    let all = databases.iter().filter(|it| it.engine == EngineKind::PostgreSql);
    let all = all.map(|it| it.service.as_str()).collect::<Vec<_>>();
    if all.len() > 1 {
        assumptions.push(match primary {
            Some(primary) => format!(
                "of the PostgreSQL servers {}, {primary} is the application's; another is dumped with `service = \"NAME\"` under [database] in drill.toml",
                all.join(", ")
            ),
            None => format!(
                "nothing says which of the PostgreSQL servers {} is the application's: write `service = \"{}\"` under [database] in drill.toml",
                all.join(", "),
                all[0]
            ),
        });
    }
    if let (Some(name), false) = (&application.name, application.rivals.is_empty()) {
        assumptions.push(format!(
            "the application is taken to be {name}, but {} would do as well: `entry = \"NAME\"` under [service] in drill.toml says which answers requests",
            application.rivals.join(", ")
        ));
    }
    match (&entry.entry, entry.rivals.as_slice()) {
        (Some(found), rivals) if !rivals.is_empty() => assumptions.push(format!(
            "the entry is taken to be {}, but {} would do as well: write `entry = \"NAME\"` under [service] in drill.toml",
            found.service,
            rivals.join(", ")
        )),
        (None, _) => assumptions.push(
            "nothing says which service answers requests: write `entry = \"SERVICE\"` and `port = 80` under [service] in drill.toml".to_owned(),
        ),
        _ => {}
    }
}

/// What is said to be a cache.
fn caches(facts: &Facts<'_>) -> Vec<String> {
    let caches = facts.services().filter(|it| it.purpose() == table::Purpose::Cache);
    let lossy = caches.filter_map(|service| {
        let keeps = service.mounts().iter().any(|mount| mount.kind != MountKind::Tmpfs);
        let why = volumes::forgets(&service);
        let why = why.or_else(|| (!keeps).then(|| "it has no volume".to_owned()))?;
        Some((service.name, why))
    });
    lossy
        .map(|(name, why)| {
            format!("{name} is a cache ({why}): what it holds is not expected back; if jobs wait in it, give it a volume")
        })
        .collect()
}

/// Answers that images would make surer.
fn absent_images(facts: &Facts<'_>) -> Vec<String> {
    let absent = facts.services().filter(|service| service.image.is_none());
    let absent = absent.map(|service| service.name).collect::<Vec<_>>();
    if absent.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "the images of {} are not here: databases, versions, ports and volumes without a name are read from names alone; surer once they are pulled or built (docker compose pull, docker compose build)",
        absent.join(", ")
    )]
}

/// How health is told without any settings.
fn probes(facts: &Facts<'_>, entry: Option<&Entry>) -> Vec<String> {
    let checked = facts.services().filter(|service| {
        let check = &service.spec["healthcheck"];
        check["test"].is_array() || check["test"].is_string()
    });
    let off = |service: &facts::Service<'_>| {
        let check = &service.spec["healthcheck"];
        check["disable"] == true || check["test"][0] == "NONE"
    };
    let checked =
        checked.filter(|it| !off(it)).map(|it| format!("health check of service {}", it.name));
    let asked =
        entry.map(|it| format!("GET http://{}:{}/ and what it links to", it.service, it.port));
    checked.chain(asked).collect()
}

#[cfg(test)]
mod tests;
