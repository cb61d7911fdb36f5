//! What a drill would do and find out.

use std::fmt::{self, Write};

use super::{sealing, wrapped};
use crate::plan::Plan;
use crate::stack::isolation::Change;

/// Columns of a phase.
const PHASE: usize = 16;

/// Columns of a check's id, with its indent.
const CHECK: usize = 31;

/// The plan of a drill, and what its copy would not have.
#[must_use]
pub fn plan(plan: &Plan, sealing: &[Change]) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut out, plan).and_then(|()| sealing::write(&mut out, sealing));
    out
}

fn write(out: &mut String, plan: &Plan) -> fmt::Result {
    let Plan { stack, method, disaster, scale, seed, .. } = plan;
    let of = format!("drill of {stack}: {method}, {disaster}, scale {scale}, seed {seed}");
    wrapped(out, "", 0, &of)?;
    writeln!(out)?;
    for step in &plan.steps {
        wrapped(out, step.phase.name(), PHASE, &step.does)?;
    }
    writeln!(out, "\n{} checks", plan.checks.len())?;
    for check in &plan.checks {
        let text = format!("{} ({})", check.title, check.requirement);
        wrapped(out, &format!("  {}", check.id), CHECK, &text)?;
    }
    Ok(())
}
