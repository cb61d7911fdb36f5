//! `[[volume]]`: what a volume of the stack is worth, and what is known of its growth (FR-4.4).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Fewer points would fit any line.
const POINTS_MIN: usize = 3;

/// A volume of the stack.
#[derive(Debug, Clone, Deserialize)]
pub struct VolumeConfig {
    /// Its name in the compose files.
    pub name: String,
    /// What becomes of it in a disaster.
    pub class: VolumeClass,
    /// What its loss costs, in one line.
    pub loss: String,
    /// Its size with so many copies in the stack, as `cargo xtask volumes` measured it.
    #[serde(default)]
    pub measured: Vec<Measured>,
}

/// What becomes of a volume in a disaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeClass {
    /// It must come back.
    Critical,
    /// The stack makes it again by itself.
    Rebuildable,
    /// It only saves time.
    Cache,
}

impl VolumeClass {
    /// The word used in `drill.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Rebuildable => "rebuildable",
            Self::Cache => "cache",
        }
    }
}

/// One measurement of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Files in the media store.
    pub copies: u64,
    /// Bytes that the volume takes on disk.
    pub bytes: u64,
}

/// Bytes that each copy adds: the slope of the least-squares line through the points; nothing
/// without three different numbers of copies.
#[must_use]
pub fn growth(points: &[Measured]) -> Option<f64> {
    let distinct = points.iter().map(|point| point.copies).collect::<BTreeSet<_>>();
    if distinct.len() < POINTS_MIN {
        return None;
    }
    let count = points.len() as f64;
    let mean =
        |of: fn(&Measured) -> u64| points.iter().map(|it| of(it) as f64).sum::<f64>() / count;
    let (copies, bytes) = (mean(|it| it.copies), mean(|it| it.bytes));
    let (mut above, mut below) = (0.0, 0.0);
    for point in points {
        let distance = point.copies as f64 - copies;
        above += distance * (point.bytes as f64 - bytes);
        below += distance * distance;
    }
    Some(above / below)
}

/// Refuses volumes that are named twice or of whose loss nothing is said.
pub(super) fn validate(volumes: &[VolumeConfig]) -> Result<()> {
    let mut names = BTreeSet::new();
    for VolumeConfig { name, loss, measured, .. } in volumes {
        let wrong = |what: &str| Error::usage(format!("volume {name:?} {what}"));
        if !names.insert(name) {
            return Err(wrong("is there twice in drill.toml"));
        }
        if loss.trim().is_empty() {
            return Err(wrong("does not say what its loss costs").hint("say it in loss = \"…\""));
        }
        if !measured.is_empty() && growth(measured).is_none() {
            return Err(wrong("is measured at fewer than three numbers of copies")
                .hint("cargo xtask volumes measures it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(points: &[(u64, u64)]) -> Vec<Measured> {
        points.iter().map(|&(copies, bytes)| Measured { copies, bytes }).collect()
    }

    #[test]
    fn growth_is_the_slope_of_what_was_measured() {
        let exact = growth(&points(&[(50, 1_500), (200, 3_000), (1_000, 11_000)]));
        assert!((exact.expect("three points") - 10.0).abs() < 1e-9, "{exact:?}");
        let flat = growth(&points(&[(50, 700), (200, 700), (1_000, 700)]));
        assert!(flat.expect("three points").abs() < 1e-9);
        assert_eq!(growth(&points(&[(50, 1), (50, 2), (60, 3)])), None);
    }

    #[test]
    fn a_volume_that_says_too_little_is_refused_by_name() {
        let volume = |loss: &str, measured: &[(u64, u64)]| VolumeConfig {
            name: "data".to_owned(),
            class: VolumeClass::Critical,
            loss: loss.to_owned(),
            measured: points(measured),
        };
        validate(&[volume("all", &[])]).expect("it says enough");
        let cases = [
            (vec![volume("all", &[]), volume("all", &[])], "twice"),
            (vec![volume(" ", &[])], "does not say"),
            (vec![volume("all", &[(1, 1), (2, 2)])], "fewer than three"),
        ];
        for (volumes, what) in cases {
            let error = validate(&volumes).expect_err(what).to_string();
            assert!(error.contains(what) && error.contains("\"data\""), "{error}");
        }
    }
}
