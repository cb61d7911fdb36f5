//! The volumes of a copy, with what is known of their growth.

use std::fs;

use serde_json::Value;

use crate::config::{Config, growth};
use crate::drill::Sandbox;
use crate::error::{Attempt, Result};
use crate::model::audit::VolumeRecord;
use crate::volumes;

/// A slope as whole bytes: volumes do not shrink with what is put into them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, and not negative"
)]
fn bytes(slope: f64) -> u64 {
    slope.max(0.0).round() as u64
}

/// The volumes of the copy, with the services that mount them.
pub(super) fn of(sandbox: &Sandbox, config: &Config) -> Result<Vec<VolumeRecord>> {
    let file = sandbox.stack.file();
    let text = fs::read_to_string(file).attempt(|| format!("cannot read {}", file.display()))?;
    let compose = serde_json::from_str::<Value>(&text);
    let compose = compose.attempt(|| format!("cannot understand {}", file.display()))?;
    let services = compose["services"].as_object();
    let mounting = |volume: &str| {
        let mounts = |service: &Value| {
            let mounts = service["volumes"].as_array().into_iter().flatten();
            mounts.into_iter().any(|mount| mount["source"] == volume)
        };
        let all = services.into_iter().flatten().filter(|(_, service)| mounts(service));
        all.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let names = sandbox.stack.volumes().map(|volume| volume.name).collect::<Vec<_>>();
    let found = volumes::classified(&names, config).into_iter().map(|volume| {
        let measured = volume.said.map(|said| said.measured.as_slice()).unwrap_or_default();
        VolumeRecord {
            name: volume.name.to_owned(),
            class: volume.class.name().to_owned(),
            classified: volume.said.is_some(),
            services: mounting(volume.name),
            measured: measured.iter().map(|point| (point.copies, point.bytes)).collect(),
            growth_bytes: growth(measured).map(bytes),
        }
    });
    let mut found = found.collect::<Vec<_>>();
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}
