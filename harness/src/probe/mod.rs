//! Probes: journeys of requests and what they must see, as [`config::probe`](crate::config::probe)
//! reads them from `drill.toml`.
//!
//! Owns their judgement and their trace. Refuses to assert nothing,
//! to write where it may only read, and to print what a person must not see. Needs a
//! [`Target`], the [`Variables`] that templates name, and an [`Exec`] for commands in services.

mod connection;
mod excerpt;
mod expect;
pub mod facts;
mod fault;
mod journey;
pub mod old_tls;
mod prober;
mod repeat;
mod run;
mod scope;
mod secrets;
mod session;
mod step;
pub(crate) mod template;
mod trace;
pub(crate) mod upload;

pub use connection::{Endpoint, Target};
pub use journey::validate;
pub use prober::{Exec, ExecFuture, Limits, Prober, Recovery, Round};
pub use repeat::Repetition;
pub use template::Variables;
pub use trace::{ProbeTrace, StepTrace};

use crate::config::probe::Probe;
use crate::model::check::PlannedCheck;

/// The id under which a probe reports: `probe.<id>`.
#[must_use]
pub fn check_id(probe: &Probe) -> String {
    check_id_of(&probe.id)
}

fn check_id_of(id: &str) -> String {
    format!("probe.{id}")
}

/// What these probes promise to find out.
#[must_use]
pub fn plan_checks(probes: &[Probe]) -> Vec<PlannedCheck> {
    probes
        .iter()
        .map(|probe| PlannedCheck::new(check_id(probe), &probe.requirement, &probe.title))
        .collect()
}
