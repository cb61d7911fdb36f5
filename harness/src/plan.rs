//! What a drill will do and what it promises to find out, before it does anything.
//! `--dry-run` prints exactly this, and the verdict is computed from its checks.

use std::path::PathBuf;

use serde::Serialize;

use crate::backup::pg_dump;
use crate::config::{Config, Generator, Invariant, LEDGER_KEY};
use crate::dataset::Scale;
use crate::disaster;
use crate::error::{Error, Result};
use crate::model::check::PlannedCheck;
use crate::model::phase::Phase;
use crate::probe;

/// What the operator asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder of the stack.
    pub stack_dir: PathBuf,
    /// Backup method.
    pub method: String,
    /// Disaster.
    pub disaster: String,
    /// Scale of the dataset.
    pub scale: Scale,
    /// Seed of the dataset.
    pub seed: u64,
}

/// The ordered steps of a drill and the checks that they promise.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The stack's folder.
    pub stack: String,
    /// Backup method.
    pub method: String,
    /// Disaster.
    pub disaster: String,
    /// Scale of the dataset.
    pub scale: String,
    /// Seed of the dataset.
    pub seed: u64,
    /// What will be done, in order.
    pub steps: Vec<Step>,
    /// What will be found out.
    pub checks: Vec<PlannedCheck>,
}

/// One phase and what it does.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// The phase.
    pub phase: Phase,
    /// What it does, in one line.
    pub does: String,
}

/// Ids of the checks that every drill makes.
pub mod check {
    /// The artefact reads back in full and matches its manifest.
    pub const ARTEFACT_INTACT: &str = "artefact.intact";
    /// The dump holds every row of every table.
    pub const ARTEFACT_ROWS: &str = "artefact.rows";
    /// The media archive holds every file and nothing hostile.
    pub const ARTEFACT_MEDIA: &str = "artefact.media";
    /// The data is gone.
    pub const DISASTER: &str = "disaster.happened";
    /// The artefact could be restored.
    pub const RESTORE: &str = "restore.completed";
    /// The restored service became ready, and every health probe green.
    pub const SERVICE: &str = "service.recovered";
    /// Every row is back.
    pub const DATABASE: &str = "compare.database";
    /// Every other fact of the catalogue is back.
    pub const CATALOGUE: &str = "compare.catalogue";
    /// Every B-tree index holds what its table holds.
    pub const INDEXES: &str = "compare.indexes";
    /// Every file is back.
    pub const MEDIA: &str = "compare.media";
    /// Every reference from a row to a file resolves.
    pub const REFERENCES: &str = "compare.references";
    /// No acknowledged write older than the recovery point is lost.
    pub const LEDGER: &str = "ledger.kept";
    /// The recovery time objective is met.
    pub const RECOVERY_TIME: &str = "objective.recovery-time";
    /// The recovery point objective is met.
    pub const DATA_LOSS: &str = "objective.data-loss";
}

impl Plan {
    /// Plans a drill, or says why there can be none.
    pub fn new(request: &Request, config: &Config) -> Result<Self> {
        known("method", &request.method, &[pg_dump::NAME])?;
        known("disaster", &request.disaster, &[disaster::VOLUMES])?;
        if !config.probes.iter().any(|probe| probe.health) {
            return Err(Error::usage("drill.toml has no [[probe]] with health = true")
                .hint("nothing would prove that the service is back: add a request for its health endpoint"));
        }
        if config.dataset.generator == Generator::Korrigo {
            validate_requests(config)?;
        }
        Ok(Self {
            stack: request.stack_dir.display().to_string(),
            method: request.method.clone(),
            disaster: request.disaster.clone(),
            scale: request.scale.to_string(),
            seed: request.seed,
            steps: steps(request, config),
            checks: checks(config),
        })
    }
}

/// Checks the probes, and the ledger's write as the probe that it is.
fn validate_requests(config: &Config) -> Result<()> {
    let mut names = probe::facts::names();
    probe::validate(&config.probes, &names)?;
    names.declare(LEDGER_KEY);
    let ledger = config.ledger.journey().filter(|_| config.ledger.enabled);
    probe::validate(&config.probes.iter().cloned().chain(ledger).collect::<Vec<_>>(), &names)
}

/// Refuses a name that is not among the known ones, naming the nearest.
fn known(what: &str, name: &str, names: &[&str]) -> Result<()> {
    const SIMILAR: f64 = 0.7;
    if names.contains(&name) {
        return Ok(());
    }
    let all = names.join(", ");
    let likeness = |known: &&str| strsim::jaro_winkler(known, name);
    let nearest = names.iter().filter(|known| likeness(known) > SIMILAR);
    let nearest = nearest.max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    Err(Error::usage(format!("unknown {what} {name:?}")).hint(match nearest {
        Some(nearest) => format!("did you mean {nearest:?}? known: {all}"),
        None => format!("known: {all}"),
    }))
}

fn steps(request: &Request, config: &Config) -> Vec<Step> {
    let database = &config.database;
    let media = config.media.as_ref().map(|media| media.volume.as_str());
    let and_media =
        |what: &str| media.map_or_else(String::new, |volume| format!("{what} {volume}"));
    let seed = match config.dataset.generator {
        Generator::None => "load nothing: the stack starts with what it creates itself".to_owned(),
        Generator::Korrigo => {
            format!("load the dataset: scale {}, seed {}", request.scale, request.seed)
        }
    };
    let ledger = match (config.ledger.enabled, &config.ledger.request) {
        (false, _) => "keep no ledger".to_owned(),
        (true, None) => "write a heartbeat table until the disaster".to_owned(),
        (true, Some(request)) => format!("write until the disaster ({request})"),
    };
    let baseline = format!(
        "run the probes that only read; {ledger}; fingerprint database {}{}",
        database.service,
        and_media(" and volume")
    );
    let backup = format!(
        "pg_dump and pg_dumpall in service {} under the same snapshot{}",
        database.service,
        and_media("; tar + zstd of volume")
    );
    let disaster = format!(
        "remove every container, delete every volume, {}{} among them, prove them gone",
        database.volume,
        and_media(" and")
    );
    let probes = format!("run all {} probes, those that write included", config.probes.len());
    [
        (Phase::Prepare, "find the engine and compose, build images, seal the stack"),
        (Phase::Start, "create the sealed copy and wait until every service is ready"),
        (Phase::Seed, &seed),
        (Phase::Baseline, &baseline),
        (Phase::Backup, &backup),
        (Phase::ArtefactCheck, "read every part back in full before anything is destroyed"),
        (Phase::Disaster, &disaster),
        (
            Phase::Restore,
            "restore into fresh volumes with the application stopped; start it; wait for green",
        ),
        (
            Phase::Compare,
            "look up every write, evaluate every invariant, fingerprint what was restored and \
             hold it against the baseline",
        ),
        (Phase::Probes, &probes),
        (Phase::Report, "write report.json and the evidence"),
        (Phase::Teardown, "remove every container, volume and network of this run"),
    ]
    .map(|(phase, does)| Step { phase, does: does.to_owned() })
    .to_vec()
}

fn checks(config: &Config) -> Vec<PlannedCheck> {
    let mut checks = [
        (check::ARTEFACT_INTACT, "FR-4.1", "every part reads back as the manifest says"),
        (check::ARTEFACT_ROWS, "FR-4.1", "the dump holds every row of every table"),
        (check::DISASTER, "H-2", "the data was destroyed"),
        (check::RESTORE, "FR-4.2", "the artefact could be restored"),
        (check::SERVICE, "FR-4.2", "the service became ready and its health probes green"),
        (check::DATABASE, "H-2", "every row of every table is as it was"),
        (check::CATALOGUE, "H-2", "every other fact of the catalogue is as it was"),
        (check::INDEXES, "H-2", "every B-tree index holds what its table holds"),
    ]
    .map(|(id, requirement, title)| PlannedCheck::new(id, requirement, title))
    .to_vec();
    let mut add = |id, requirement, title: &str| {
        checks.push(PlannedCheck::new(id, requirement, title));
    };
    if let Some(media) = &config.media {
        add(check::ARTEFACT_MEDIA, "FR-4.1", "the archive holds every file, and nothing hostile");
        add(check::MEDIA, "H-2", "every file is as it was");
        if !media.references.is_empty() {
            add(check::REFERENCES, "FR-4.2", "every file that a row names is there");
        }
    }
    if config.ledger.enabled {
        add(check::LEDGER, "H-2", "no write acknowledged before the recovery point is lost");
    }
    if let Some(limit) = config.objectives.recovery_time_s {
        add(check::RECOVERY_TIME, "H-4", &format!("the recovery time is at most {limit} s"));
    }
    if let Some(limit) = config.objectives.data_loss_s {
        add(check::DATA_LOSS, "H-4", &format!("at most {limit} s of data are lost"));
    }
    checks.extend(config.invariants.iter().map(|invariant| {
        let Invariant { requirement, title, .. } = invariant;
        PlannedCheck::new(invariant.check_id(), requirement, title)
    }));
    checks.extend(probe::plan_checks(&config.probes));
    checks
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::LedgerConfig;

    fn plan(change: impl FnOnce(&mut Config)) -> Result<Plan> {
        let stack_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose");
        let mut config = Config::load(&stack_dir).expect("the reference stack is configured");
        change(&mut config);
        let (method, disaster) = (pg_dump::NAME.to_owned(), disaster::VOLUMES.to_owned());
        let request = Request { stack_dir, method, disaster, scale: Scale::SMALL, seed: 1 };
        Plan::new(&request, &config)
    }

    #[test]
    fn a_ledger_is_planned_unless_it_is_switched_off() {
        let is_planned = |plan: Plan| plan.checks.iter().any(|planned| planned.id == check::LEDGER);
        assert!(is_planned(plan(|_| {}).expect("planned")));
        assert!(is_planned(
            plan(|config| config.ledger = LedgerConfig::default()).expect("planned")
        ));
        assert!(!is_planned(plan(|config| config.ledger.enabled = false).expect("planned")));
    }

    #[test]
    fn a_ledger_that_cannot_sign_in_is_refused_before_anything_starts() {
        let error = plan(|config| config.ledger.begin_with = Some("login.teachr".to_owned()));
        let error = error.expect_err("no such probe");
        assert!(error.to_string().contains("login.teachr"), "{error}");
        assert!(error.next_step().expect("a hint").contains("login.teacher"), "{error:?}");
    }
}
