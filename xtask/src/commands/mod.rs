//! The commands, a file each.

pub(crate) mod clean;
pub(crate) mod doctor;
pub(crate) mod dr_drill;
mod interrupt;
pub(crate) mod up;
