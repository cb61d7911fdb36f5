//! What compiling a probe knows of its place in the configuration, and of the names in force there.

use std::collections::BTreeSet;

use reqwest::header::HeaderName;

use super::template::{Template, Variables};
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// Names that every journey may use beside the facts of the drill.
pub(super) const UNIQUE: &str = "unique";
/// The public name of the target.
pub(super) const TARGET_HOST: &str = "target.host";

/// Where in the configuration an error is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) probe: &'a str,
    pub(super) step: Option<usize>,
}

impl Place<'_> {
    pub(super) fn usage(self, what: impl AsRef<str>) -> Error {
        let (probe, what) = (self.probe, what.as_ref());
        Error::usage(match self.step {
            Some(number) => format!("probe \"{probe}\", step {number}: {what}"),
            None => format!("probe \"{probe}\" {what}"),
        })
    }

    pub(super) fn header_name(self, name: &str) -> Result<HeaderName> {
        HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| self.usage(format!("\"{name}\" cannot name a header")))
    }
}

/// Adds the nearest of the known names to an error, or where they are explained.
pub(super) fn with_nearest<'a>(
    error: Error,
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Error {
    match nearest(wanted, known) {
        Some(name) => error.hint(format!("did you mean \"{name}\"?")),
        None => error.hint("docs/probes.md explains the names that there are"),
    }
}

/// The names that a step may use: the drill's, and those that earlier steps made.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    variables: &'a Variables,
    made: BTreeSet<String>,
    pub(super) unknown_values: BTreeSet<String>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        let made = [UNIQUE, TARGET_HOST].map(str::to_owned).into();
        Self { variables, made, unknown_values: BTreeSet::new() }
    }

    pub(super) fn make(&mut self, name: String, place: Place<'_>) -> Result<()> {
        if self.variables.knows(&name) || name == UNIQUE || name == TARGET_HOST {
            return Err(place.usage(format!("captures \"{name}\", which is a fact of the drill")));
        }
        self.made.insert(name);
        Ok(())
    }

    pub(super) fn template(&mut self, text: &str, place: Place<'_>) -> Result<Template> {
        let template = Template::parse(text).map_err(|wrong| place.usage(wrong))?;
        self.check(template.names(), place)?;
        Ok(template)
    }

    pub(super) fn check<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n str>,
        place: Place<'_>,
    ) -> Result<()> {
        for name in names {
            if self.made.contains(name) {
                continue;
            }
            if !self.variables.knows(name) {
                let known = self.variables.names().chain(self.made.iter().map(String::as_str));
                return Err(with_nearest(
                    place.usage(format!("unknown variable \"{name}\"")),
                    name,
                    known,
                ));
            }
            if self.variables.value(name).is_none() {
                self.unknown_values.insert(name.to_owned());
            }
        }
        Ok(())
    }
}
