//! What travels with an artefact so that it can be judged when its source is gone: the
//! certificate of the stores at the recovery point, and what no certificate holds.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::backup::Artefact;
use crate::backup::durability::Settings;
use crate::certificate::{LISTS_BYTES_MAX, LISTS_FILE, pack, unpack};
use crate::config::{Config, Generator};
use crate::dataset::{Dataset, Scale};
use crate::error::{Attempt, Error, Result};
use crate::model;
use crate::model::artefact::PartKind;
use crate::model::fingerprint::{CERTIFICATE_SCHEMA, Certificate};
use crate::model::invariant::Reading;
use crate::model::reference::ReferenceColumn;
use crate::plan::Request;
use crate::visit::Round;

const CERTIFICATE_FILE: &str = "certificate.json";
const ORIGIN_FILE: &str = "origin.json";

/// What a certificate does not hold of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// Where the sequences stood when the backup was complete, or where the replay of its WAL
    /// leaves them: they belong to no snapshot.
    pub(super) sequences: BTreeMap<String, String>,
    /// What each invariant gave, by its id. No values: counts and digests.
    pub(super) invariants: BTreeMap<String, Reading>,
    /// The server's settings that decide on durability.
    #[serde(default)]
    pub(super) settings: Settings,
    /// The columns that name files.
    #[serde(default)]
    pub(super) references: Vec<ReferenceColumn>,
    /// What the entry answered, where that is what is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answers: Option<Round>,
    /// Where its data came from. Artefacts that do not say are of generated data.
    #[serde(default)]
    pub(super) data: model::origin::Origin,
    /// What it was filled with, if a drill did that.
    pub(super) dataset: Option<Seeded>,
    /// The random variables of the copy: to its artefact what the `.env` is to a backup of
    /// production. In the artefact alone, never in the evidence.
    #[serde(default, skip_serializing_if = "Secrets::is_empty")]
    pub(super) secrets: Secrets,
}

/// Values of random variables, by name.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Secrets(pub(super) BTreeMap<String, String>);

impl Secrets {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// A generated dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seeded {
    pub(super) scale: Scale,
    pub(super) seed: u64,
}

impl Seeded {
    /// What a drill fills its copy with, if anything.
    pub(super) fn of(request: &Request, config: &Config) -> Option<Self> {
        let is_generated = config.dataset.generator != Generator::None;
        is_generated.then_some(Self { scale: request.scale, seed: request.seed })
    }

    pub(super) fn dataset(self) -> Dataset {
        Dataset::new(self.scale, self.seed)
    }
}

/// Adds certificate and origin to an artefact that is about to be sealed. One that is kept gets
/// the lists of rows from the folder `rows` too.
pub(super) fn attach(
    artefact: &mut Artefact,
    certificate: &Certificate,
    rows: Option<&Path>,
    origin: &Origin,
) -> Result<()> {
    let mut certificate = certificate.clone();
    match rows {
        Some(folder) => {
            let mut lists = artefact.begin(PartKind::Rows, LISTS_FILE)?;
            pack(&mut certificate, folder, LISTS_BYTES_MAX, &mut lists)?;
            artefact.manifest.parts.push(lists.finish()?);
        }
        None => {
            let tables = certificate.database.iter_mut().flat_map(|it| it.tables.values_mut());
            tables.for_each(|table| table.listed_in = None);
        }
    }
    write(artefact, PartKind::Certificate, CERTIFICATE_FILE, &certificate)?;
    write(artefact, PartKind::Origin, ORIGIN_FILE, origin)
}

/// Unpacks the lists of rows into a folder, if the artefact has any.
pub(super) fn unpack_rows(artefact: &Artefact, folder: &Path) -> Result<()> {
    let Some(part) = artefact.manifest.part(PartKind::Rows) else { return Ok(()) };
    unpack(&artefact.path(part)?, folder)
}

/// Reads the certificate back.
pub(super) fn certificate(artefact: &Artefact) -> Result<Certificate> {
    let certificate: Certificate = read(artefact, PartKind::Certificate)?;
    if certificate.schema_version == CERTIFICATE_SCHEMA {
        return Ok(certificate);
    }
    let version = certificate.schema_version;
    Err(Error::undecided(format!(
        "the artefact's certificate has format {version}, this version reads {CERTIFICATE_SCHEMA}"
    ))
    .hint("use the version of this tool that took the backup"))
}

/// Reads the origin back.
pub(super) fn origin(artefact: &Artefact) -> Result<Origin> {
    read(artefact, PartKind::Origin)
}

fn write(
    artefact: &mut Artefact,
    kind: PartKind,
    file: &str,
    value: &impl Serialize,
) -> Result<()> {
    let mut writer = artefact.begin(kind, file)?;
    serde_json::to_writer(&mut writer, value).attempt(|| format!("cannot write {file}"))?;
    artefact.manifest.parts.push(writer.finish()?);
    Ok(())
}

fn read<T: DeserializeOwned>(artefact: &Artefact, kind: PartKind) -> Result<T> {
    let part = artefact.manifest.part(kind).ok_or_else(|| {
        Error::usage(format!("the artefact has no part {}", kind.name()))
            .hint("only a backup that a drill took carries what it can be judged by: dr-drill --artefact DIR")
    })?;
    let path = artefact.path(part)?;
    let damaged = || {
        Error::undecided(format!("the artefact's {} is damaged", part.file))
            .hint("it cannot be judged without it: fetch the artefact again from where it is kept")
    };
    let text = std::fs::read(path).map_err(|cause| damaged().because(cause))?;
    serde_json::from_slice(&text).map_err(|cause| damaged().because(cause))
}
