//! The commands, a file each.

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod dist;
pub(crate) mod doctor;
mod document;
pub(crate) mod dr_drill;
pub(crate) mod fingerprint;
pub(crate) mod init;
mod interrupt;
pub(crate) mod pages;
pub(crate) mod report;
pub(crate) mod retention;
pub(crate) mod runbook;
mod service;
pub(crate) mod settings;
pub(crate) mod smoke;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod volumes;
