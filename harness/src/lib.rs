//! Rehearses disaster recovery of a Docker Compose stack and proves or refutes the result.
//!
//! Data flows one way: `config` → `plan` → act (`stack`, `backup`, `disaster`) → observe
//! (`fingerprint`, `probe`, `audit`) → `compare` → verdict → `report`. Progress leaves
//! sideways as [`model::event::Event`]s. `docs/architecture.md` has the picture.

pub mod archive;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod browser;
pub mod certificate;
pub mod compare;
pub mod config;
pub mod dataset;
pub mod detect;
pub mod disaster;
pub mod disk;
pub mod doctor;
pub mod drill;
pub mod error;
pub mod fingerprint;
pub mod model;
pub mod nearest;
pub mod packages;
pub mod plan;
pub mod printable;
pub mod probe;
pub mod process;
pub mod recognise;
pub mod report;
pub mod runbook;
pub mod running;
pub mod server;
pub mod smoke;
pub mod stack;
pub mod survey;
mod tar_stream;
pub mod tree_path;
pub mod verify;
pub mod visit;
pub mod volumes;

pub use error::{Error, ErrorKind, Result};
