//! Data to lose and to get back: rows, large objects and PDF files, all from a seed and a
//! scale, the same on every machine and day. Needs a migrated, empty database to load into;
//! refuses one that holds anything of its own.

mod accounts;
pub mod capacity;
mod load;
mod media;
mod pdf;
mod random;
mod rows;
mod samples;
mod scale;
mod school;
mod text;

pub use accounts::{Account, Accounts};
pub use load::Loaded;
pub use media::WrittenMedia;
pub use samples::{CopySample, Samples};
pub use scale::Scale;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use school::School;

/// What a drill's stack is filled with.
#[derive(Debug, Clone)]
pub struct Dataset {
    scale: Scale,
    seed: u64,
    school: School,
}

/// How much a dataset will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Rows to load into each table, parents first.
    pub tables: Vec<(&'static str, u64)>,
    /// Rows over all tables.
    pub rows: u64,
    /// Large objects.
    pub large_objects: u64,
    /// PDF files.
    pub files: u64,
    /// Bytes of all files together.
    pub media_bytes: u64,
}

impl Dataset {
    /// Decides the head count only; rows and files are made when they are asked for.
    #[must_use]
    pub fn new(scale: Scale, seed: u64) -> Self {
        Self { scale, seed, school: School::new(scale, seed) }
    }

    /// The scale asked for.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The seed asked for.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How much it will be, exactly. Lays out every file, without drawing its contents.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let count = &self.school.count;
        Plan {
            tables: rows::TABLES.iter().map(|table| (table.name, (table.count)(count))).collect(),
            rows: self.scale.rows(),
            large_objects: count.exams_sat(),
            files: count.copies,
            media_bytes: (0..count.copies)
                .map(|copy| self.school.document(copy).size_bytes() as u64)
                .sum(),
        }
    }

    /// The accounts that probes can sign in with.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        Accounts::of(&self.school)
    }

    /// Facts that the restored service can be held to.
    #[must_use]
    pub fn samples(&self) -> Samples {
        Samples::of(&self.school)
    }

    /// The PDF of the copy at `index`: valid, and a function of seed and index alone.
    #[must_use]
    pub fn pdf(&self, index: u64) -> Vec<u8> {
        self.school.document(index).into_bytes()
    }
}

/// SHA-256 as the worker stores it.
fn sha256_hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests;
