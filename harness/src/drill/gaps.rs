//! What the verdict of a drill does not cover, as far as that is known before anything runs.

use super::Drill;
use super::sandbox::Sandbox;
use crate::config::VolumeClass;
use crate::model::not_proved::{Gap, NotProved};
use crate::model::origin::Origin;
use crate::volumes;

impl Drill {
    /// What will not be proved of the copy, whatever becomes of it.
    pub(super) fn gaps(&self, sandbox: &Sandbox) -> Vec<NotProved> {
        let mut gaps = self.request.not_proved.clone();
        let origin = self.origin();
        if !origin.is_real() {
            gaps.push(NotProved::new(
                Gap::RealData,
                "",
                format!("the drill ran {}", origin.describe()),
            ));
        }
        if origin == Origin::Artefact && !self.taken_of.is_real() {
            let why = format!("the artefact was taken {}", self.taken_of.describe());
            gaps.push(NotProved::new(Gap::RealData, "", why));
        }
        gaps.extend(self.spared(sandbox));
        gaps.extend(sandbox.unread.iter().cloned());
        gaps.extend(sandbox.stack.outside());
        if self.config.service.entry.is_none() && self.config.probes.is_empty() {
            let why = "no service is known that answers requests: that containers run is all that was seen";
            gaps.push(NotProved::new(Gap::Answers, "", why));
        }
        if !self.config.keeps_ledger() {
            let why = "nothing was written between backup and disaster: data loss is the age of the backup";
            gaps.push(NotProved::new(Gap::DataLoss, "", why));
        }
        gaps.sort();
        gaps.dedup();
        gaps
    }

    /// Volumes that do not come back, and are said not to be missed.
    fn spared(&self, sandbox: &Sandbox) -> Vec<NotProved> {
        let names = sandbox.stack.volumes().map(|volume| volume.name).collect::<Vec<_>>();
        let archived = |name: &str| sandbox.cold.iter().any(|volume| volume.name == name);
        let spared = volumes::classified(&names, &self.config).into_iter();
        let spared = spared.filter(|it| it.store.is_none() && !archived(it.name));
        let spared = spared.filter(|it| it.class != VolumeClass::Critical);
        let gap = |it: volumes::Volume<'_>| {
            let ground = it.said.map_or_else(String::new, |said| format!(": {}", said.loss));
            let why = format!("it counts as {}{ground}", it.class.name());
            NotProved::new(Gap::Volume, it.name, why)
        };
        spared.map(gap).collect()
    }
}
