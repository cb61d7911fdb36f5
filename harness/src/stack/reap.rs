//! Removing what killed runs left behind, found by label. A run whose process is alive is
//! left alone.

use std::collections::BTreeMap;

use super::engine::{Engine, ResourceKind};
use super::run::{self, LABEL_HOST, LABEL_PROCESS, LABEL_RUN};
use crate::error::Result;

/// What the engine still holds of one run.
#[derive(Debug, Clone, Default)]
pub struct Leftover {
    /// Whether the run's process is alive.
    pub alive: bool,
    /// Kind and name of each thing, in the order in which they can be removed.
    pub things: Vec<(ResourceKind, String)>,
}

/// Everything that carries a run's label, by run.
pub async fn find(engine: &Engine) -> Result<BTreeMap<String, Leftover>> {
    let mut runs = BTreeMap::<String, Leftover>::new();
    for kind in ResourceKind::ALL {
        let names = engine.list(kind, LABEL_RUN).await?;
        for (name, labels) in engine.labels(kind, &names).await? {
            let label = |key: &str| labels.get(key).map(String::as_str).unwrap_or_default();
            let leftover = runs.entry(label(LABEL_RUN).to_owned()).or_default();
            leftover.alive |= run::is_alive(label(LABEL_HOST), label(LABEL_PROCESS));
            leftover.things.push((kind, name));
        }
    }
    Ok(runs)
}

/// Removes what is left of one run.
pub async fn remove(engine: &Engine, leftover: &Leftover) -> Result<()> {
    for kind in ResourceKind::ALL {
        let of_kind = leftover.things.iter().filter(|(is, _)| *is == kind);
        let names = of_kind.map(|(_, name)| name.clone()).collect::<Vec<_>>();
        engine.remove(kind, &names).await?;
    }
    Ok(())
}
