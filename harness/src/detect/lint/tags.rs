//! Images that may be others tomorrow, under data that only today's can read.

use super::Warning;
use crate::config::VolumeClass;
use crate::detect::DatabaseFound;
use crate::detect::facts::Facts;
use crate::detect::table::EngineKind;
use crate::detect::volumes::VolumeFound;

/// Services that keep data, and whose tag names no version.
pub(super) fn floating(
    facts: &Facts<'_>,
    databases: &[DatabaseFound],
    volumes: &[VolumeFound],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for service in facts.services().filter(|service| !service.is_built()) {
        let name = service.name;
        let database = databases.iter().find(|it| it.service == name);
        let keeps = database.is_some()
            || volumes.iter().any(|it| it.service == name && it.class == VolumeClass::Critical);
        let image = service.spec["image"].as_str().unwrap_or_default();
        if !keeps || !service.reference().is_some_and(|it| it.is_floating()) {
            continue;
        }
        let more = match database.map(|it| it.engine) {
            Some(EngineKind::PostgreSql) => {
                ": a server of another major version does not start on them, and from 18 on it keeps them in another folder"
            }
            Some(_) => {
                ": a server of another major version may not start on them, or changes them for good"
            }
            None => {
                ": another version may change them for good, and a restore may meet one that cannot read them"
            }
        };
        warnings.push(Warning::new(
            "floating-tag",
            name,
            format!("services.{name}.image: {image} may be another version at the next pull, under files that this one wrote{more}"),
            "name the version that runs now, such as `image: NAME:MAJOR.MINOR`, or its digest".to_owned(),
        ));
    }
    warnings
}
