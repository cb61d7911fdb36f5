//! What a drill will do and what it promises to find out, before it does anything.
//! `--dry-run` prints exactly this and what sealing changes; the verdict is computed from its checks.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::backup::{Consistency, Method};
use crate::config::{Config, Generator, Invariant, LEDGER_KEY, Selection};
use crate::dataset::Scale;
use crate::disaster::Disaster;
use crate::error::{Error, Result};
use crate::model::artefact::Store;
use crate::model::check::{PlannedCheck, id};
use crate::model::fingerprint::Strength;
use crate::model::mode::Mode;
use crate::model::not_proved::NotProved;
use crate::model::origin::Origin;
use crate::model::phase::Phase;
use crate::model::profile::Profile;
use crate::probe;
use crate::stack::isolation::Limits;

/// Where runs leave their reports.
pub const DEFAULT_BASE: &str = "target/drill";

/// Phases that an artefact which was taken earlier has behind it.
const BEFORE_RESTORE: [Phase; 6] =
    [Phase::Fill, Phase::Start, Phase::Seed, Phase::Baseline, Phase::Backup, Phase::Disaster];

/// Checks of these phases, and of what was written during them.
const OF_THE_SOURCE: [&str; 6] =
    [id::FILLED, id::UNTOUCHED, id::BACKUP, id::DISASTER, id::LEDGER, id::DATA_LOSS];

/// The disaster of a drill that has none.
const NO_DISASTER: &str = "none";

/// What the operator asked for. Every field has a value of its own type: a request that was
/// built is one that can be planned, or refused for what its stack is.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder of the stack.
    pub stack_dir: PathBuf,
    /// What of it is asked for.
    pub selection: Selection,
    /// How it is backed up and restored.
    pub method: Method,
    /// What is lost.
    pub disaster: Disaster,
    /// Where its data comes from, if that is not for the stack's settings to say.
    pub data: Option<Origin>,
    /// How fast the running project may be read, in bytes a second.
    pub max_rate: Option<u64>,
    /// What each container of the copy may use.
    pub limits: Limits,
    /// Scale of the dataset.
    pub scale: Scale,
    /// Seed of the dataset.
    pub seed: u64,
    /// How strong the digests of the rows are.
    pub strength: Strength,
    /// Folder in which the artefact stays, with its certificate. Gone with the run without one.
    pub artefact: Option<PathBuf>,
    /// Compose command to use instead of the one that would be found.
    pub compose: Option<String>,
    /// How the server is set while it is restored.
    pub profile: Profile,
    /// How the copy is reached.
    pub mode: Mode,
    /// Folder below which the run's own folder is made.
    pub report_base: PathBuf,
    /// Whether the sandbox stays after the run.
    pub keep: bool,
    /// Whether values of rows that differ are shown as they are.
    pub show_values: bool,
    /// What is known to stay unproved, whatever the drill finds.
    pub not_proved: Vec<NotProved>,
    /// Whether the drill ends with plain copies of the volumes, to measure a restore against.
    pub copies: bool,
}

impl Request {
    /// The request of a drill that nothing else is said of: `pg-dump` against the loss of all
    /// volumes, a small dataset, over HTTP.
    #[must_use]
    pub fn of(stack_dir: impl Into<PathBuf>) -> Self {
        Self {
            stack_dir: stack_dir.into(),
            selection: Selection::default(),
            method: Method::PgDump,
            disaster: Disaster::Volumes,
            data: None,
            max_rate: None,
            limits: Limits::default(),
            scale: Scale::SMALL,
            seed: 1,
            strength: Strength::Exact,
            artefact: None,
            compose: None,
            profile: Profile::Production,
            mode: Mode::Http,
            report_base: PathBuf::from(DEFAULT_BASE),
            keep: false,
            show_values: false,
            not_proved: Vec::new(),
            copies: false,
        }
    }

    /// Where the data of a drill comes from: what is asked for, or what the stack's settings have.
    #[must_use]
    pub fn origin(&self, config: &Config) -> Origin {
        self.data.unwrap_or(match config.dataset.generator {
            Generator::None => Origin::Empty,
            Generator::Korrigo => Origin::Sample,
        })
    }
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

impl Plan {
    /// Plans a drill, or says why there can be none.
    pub fn new(request: &Request, config: &Config) -> Result<Self> {
        request.disaster.require(&request.method)?;
        if request.data == Some(Origin::Sample) && config.dataset.generator == Generator::None {
            return Err(Error::usage("nobody knows how to generate data for this stack").hint(
                "choose --data live (the running project) or --data empty (what images make)",
            ));
        }
        let needs_database = matches!(request.method, Method::PgDump)
            || request.disaster.strikes().contains(&Store::Database);
        if needs_database {
            let known = config.require_database();
            known.map_err(|error| error.hint("or choose --method cold and --disaster volumes"))?;
        }
        if request.disaster.strikes().contains(&Store::Media) && config.media.is_none() {
            return Err(Error::usage("the stack has no media store to lose")
                .hint("drill.toml names it under [media]; choose another --disaster"));
        }
        Self::with(request, config, steps(request, config, request.disaster))
    }

    /// Plans to judge an artefact that was taken earlier, in `dir`.
    pub fn of_artefact(request: &Request, config: &Config, dir: &Path) -> Result<Self> {
        let mut steps = steps(request, config, Disaster::Volumes);
        steps.retain(|step| !BEFORE_RESTORE.contains(&step.phase));
        for step in steps.iter_mut().filter(|step| step.phase == Phase::ArtefactCheck) {
            step.does = format!("copy {} and read every part back in full", dir.display());
        }
        let mut plan = Self::with(request, config, steps)?;
        plan.checks.retain(|check| !OF_THE_SOURCE.contains(&check.id.as_str()));
        NO_DISASTER.clone_into(&mut plan.disaster);
        Ok(plan)
    }

    fn with(request: &Request, config: &Config, steps: Vec<Step>) -> Result<Self> {
        validate_requests(config)?;
        Ok(Self {
            stack: request.stack_dir.display().to_string(),
            method: request.method.name().to_owned(),
            disaster: request.disaster.name().to_owned(),
            scale: request.scale.to_string(),
            seed: request.seed,
            steps,
            checks: checks(config, request),
        })
    }
}

/// Checks the probes, and the ledger's write as the probe that it is. A stack that is not seeded
/// has no facts that they could ask for.
fn validate_requests(config: &Config) -> Result<()> {
    let mut names = match config.dataset.generator {
        Generator::Korrigo => probe::facts::names(),
        Generator::None => probe::Variables::new(),
    };
    probe::validate(&config.probes, &names)?;
    names.declare(LEDGER_KEY);
    let ledger = config.ledger.journey().filter(|_| config.keeps_ledger());
    probe::validate(&config.probes.iter().cloned().chain(ledger).collect::<Vec<_>>(), &names)
}

fn steps(request: &Request, config: &Config, disaster: Disaster) -> Vec<Step> {
    let method = &request.method;
    let media = config.media.as_ref().map(|media| media.volume.as_str());
    let and_media =
        |what: &str| media.map_or_else(String::new, |volume| format!("{what} {volume}"));
    let origin = request.origin(config);
    let seed = match origin {
        Origin::Sample => {
            format!("load the dataset: scale {}, seed {}", request.scale, request.seed)
        }
        Origin::Live => "load nothing: the copy has the project's data".to_owned(),
        Origin::Empty | Origin::Artefact => {
            "load nothing: the stack starts with what it creates itself".to_owned()
        }
    };
    let ledger = match (config.keeps_ledger(), &config.ledger.request) {
        (false, _) => "keep no ledger".to_owned(),
        (true, None) => "write a heartbeat table until the disaster".to_owned(),
        (true, Some(request)) => format!("write until the disaster ({request})"),
    };
    let hold = match method.consistency() {
        _ if !config.keeps_ledger() => "",
        Consistency::Snapshot => "",
        Consistency::Quiet => "; hold the writes until the backup is complete",
    };
    let look = if config.asks_unasked() {
        "ask the entry for / and what it links to"
    } else if config.probes.is_empty() {
        "ask nothing, as nobody is known to answer"
    } else {
        "run the probes that only read"
    };
    let stores = match &config.database {
        Some(database) => {
            format!("fingerprint database {}{}", database.service, and_media(" and volume"))
        }
        None => "fingerprint every volume".to_owned(),
    };
    let baseline = format!("{look}; {ledger}; {stores}{hold}");
    let backup = method.describe_backup(config);
    let to_mistake = method.salvages() && disaster.spares_server();
    let strike = if to_mistake {
        format!("take the baseline anew; {}", disaster.describe())
    } else {
        disaster.describe().to_owned()
    };
    let salvage = if to_mistake { "collect the log until the mistake; " } else { "" };
    let restore = format!(
        "{salvage}restore into fresh volumes with the application stopped: {}",
        method.describe_restore()
    );
    let probes = if config.asks_unasked() {
        "ask again for what was asked for before the backup".to_owned()
    } else if config.probes.is_empty() {
        "ask nothing, as before".to_owned()
    } else {
        format!("run all {} probes, those that write included", config.probes.len())
    };
    let green = format!("{}: the recovery clock stops", green(config).0);
    let fill =
        "read the running project, fill the copy with it, and hold the one against the other";
    let steps = [
        (Phase::Prepare, "find the engine and compose, get the images, seal the stack"),
        (Phase::Fill, fill),
        (Phase::Start, "create the sealed copy and wait until every service is ready"),
        (Phase::Seed, &seed),
        (Phase::Baseline, &baseline),
        (Phase::Backup, &backup),
        (Phase::ArtefactCheck, "read every part back in full before anything is destroyed"),
        (Phase::Disaster, &strike),
        (Phase::Restore, &restore),
        (Phase::Boot, "start the application and wait until it is ready"),
        (Phase::Green, &green),
        (
            Phase::Compare,
            "look up every write, evaluate every invariant, fingerprint what was restored and \
             hold it against the baseline",
        ),
        (Phase::Probes, &probes),
        (Phase::Report, "write report.json and the evidence"),
        (Phase::Teardown, "remove every container, volume and network of this run"),
    ];
    let steps =
        steps.into_iter().filter(|(phase, _)| *phase != Phase::Fill || origin == Origin::Live);
    steps.map(|(phase, does)| Step { phase, does: does.to_owned() }).collect()
}

/// What stops the recovery clock, and what is proved by it.
fn green(config: &Config) -> (&'static str, &'static str) {
    if config.asks_unasked() {
        ("ask the entry until it answers", "the service became ready and its entry answers")
    } else if config.probes.iter().any(|probe| probe.health) {
        (
            "ask until every health probe is green",
            "the service became ready and its health probes green",
        )
    } else {
        ("ask nothing, as no health probe is given", "every service became ready")
    }
}

fn checks(config: &Config, request: &Request) -> Vec<PlannedCheck> {
    let method = &request.method;
    let mut checks = [
        (id::COVERED, "FR-4.4", "the method covers every critical volume"),
        (id::BACKUP, "FR-4.1", "the backup could be taken"),
        (id::ARTEFACT_INTACT, "FR-4.1", "every part reads back as the manifest says"),
        (id::DISASTER, "H-2", "the data was destroyed"),
        (id::RESTORE, "FR-4.2", "the artefact could be restored"),
        (id::SERVICE, "FR-4.2", green(config).1),
        (id::STAYS, "FR-4.2", "every service still runs when all was asked"),
        (id::EGRESS, "H-2", "what was restored tried to send nothing that is not expected"),
        (id::IMAGES, "FR-4.2", "no image was replaced under its tag while the drill ran"),
    ]
    .map(|(id, requirement, title)| PlannedCheck::new(id, requirement, title))
    .to_vec();
    let mut add = |check, requirement, title: &str| {
        checks.push(PlannedCheck::new(check, requirement, title));
    };
    if request.origin(config) == Origin::Live {
        add(id::FILLED, "H-2", "the copy holds what the running project held when it was read");
        add(id::UNTOUCHED, "H-2", "the running project is as it was before it was read");
    }
    if config.database.is_some() {
        add(
            id::DURABLE,
            "FR-4.2",
            "the server is as durable as its source before the service starts",
        );
        add(id::DATABASE, "H-2", "every row of every table is as it was");
        add(id::CATALOGUE, "H-2", "every other fact of the catalogue is as it was");
        add(id::INDEXES, "H-2", "every B-tree index holds what its table holds");
        add(id::KEEPS, "FR-4.2", "no table lost rows when the application started");
    }
    if method.archives_any(config) {
        add(id::ARTEFACT_VOLUMES, "FR-4.1", "the archives hold every file, and nothing hostile");
        add(id::VOLUMES, "H-2", "every file of every volume is as it was");
    }
    if config.asks_unasked() {
        add(id::ALIKE, "FR-4.2", "the service answers the same requests as before");
        add(id::NOT_EMPTY, "FR-4.2", "the service is not one that begins anew");
    }
    if let Some(media) = &config.media {
        add(id::MEDIA, "H-2", "every file is as it was");
        if media.has_references() {
            add(id::REFERENCES, "FR-4.2", "every file that a row names is there");
        }
    }
    if config.accepts.iter().any(|accept| accept.kind.is_some()) {
        add(id::ACCEPTED, "H-2", "every acceptance is about a divergence, and within its date");
    }
    if config.keeps_ledger() {
        add(id::LEDGER, "H-2", "no write acknowledged before the recovery point is lost");
    }
    if let Some(limit) = config.objectives.recovery_time_s {
        add(id::RECOVERY_TIME, "H-4", &format!("the recovery time is at most {limit} s"));
    }
    if let Some(limit) = config.objectives.data_loss_s {
        add(id::DATA_LOSS, "H-4", &format!("at most {limit} s of data are lost"));
    }
    checks.extend(method.checks(config));
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
        Plan::new(&Request::of(stack_dir), &config)
    }

    #[test]
    fn a_ledger_is_planned_unless_it_is_switched_off() {
        let is_planned = |plan: Plan| plan.checks.iter().any(|planned| planned.id == id::LEDGER);
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
