//! The commands, a file each.

pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod doctor;
pub(crate) mod dr_drill;
pub(crate) mod fingerprint;
mod interrupt;
pub(crate) mod up;
