//! Whole drills, sabotaged on the way, and artefacts that are judged by restoring them.

mod alone;
mod artefact;
mod disasters;
mod drill;
mod durability;
mod elsewhere;
mod interrupt;
mod ledger;
mod live;
mod methods;
mod mistake;
mod naive;
mod retention;
mod stacks;
mod verify;
