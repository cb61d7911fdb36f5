//! Images of a stack: one Debian base, and what the services build on it. A tag is a digest of
//! everything that goes into the image, so an image that is there is never built again.
//!
//! Needs no registry: where none answers, the base is bootstrapped from Debian's archive.
//! Refuses build sections whose result it could not identify.

mod base;
mod build;
mod certificates;
mod exclusive;
mod follow;
mod ignore;
mod recipe;
mod scratch;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use self::recipe::Recipe;
use super::engine::Engine;
use crate::error::{Error, Result};
use crate::model::event::Events;

pub use scratch::{remove_stale, stale};

/// Debian release on which a stack's base is built.
pub const SUITE: &str = "bookworm";

/// Label of every image that a drill made.
pub const LABEL_IMAGE: &str = "dr-drill.image";

/// Argument that receives the Debian image in the Dockerfile of the stack's base.
const ARG_DEBIAN: &str = "DEBIAN_IMAGE";
/// Argument that receives the stack's base in the Dockerfiles of its services.
const ARG_BASE: &str = "BASE_IMAGE";

/// Where the Dockerfile of the base finds the host's extra certificates, in its context.
const CERTIFICATES_DIR: &str = "extra-ca";

/// Variables of the host that a Dockerfile may declare as arguments of the same name.
const INHERITED: [&str; 2] = ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"];

/// The folder from which a stack builds the base of its images.
#[derive(Debug, Clone)]
pub struct BaseSpec {
    /// Absolute path of the build context. Its Dockerfile declares `ARG DEBIAN_IMAGE` and
    /// copies `extra-ca/`.
    pub context: PathBuf,
}

/// The images of an engine, and how to get those that are missing.
#[derive(Debug, Clone)]
pub struct Images {
    engine: Engine,
    events: Events,
}

/// What to do about an image that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Build,
    Report,
}

/// Images of the engine: tag to id.
type Present = BTreeMap<String, String>;

impl Images {
    /// Images of `engine`; what takes long is told to `events`.
    #[must_use]
    pub fn new(engine: &Engine, events: &Events) -> Self {
        Self { engine: engine.clone(), events: events.clone() }
    }

    /// Builds what is missing of a stack's images: first its base, on the Debian image `debian`,
    /// then every service of `config` (as `compose config` resolved it) with a `build` section.
    /// Gives back the image of each of these services.
    pub async fn build_all(
        &self,
        config: &Value,
        base: Option<&BaseSpec>,
        debian: &str,
    ) -> Result<BTreeMap<String, String>> {
        if let Some(images) = self.gather(config, base, debian, Missing::Report).await? {
            return Ok(images);
        }
        // Two runs that start together on a fresh machine would both build everything.
        let _turn = exclusive::turn(&self.engine, &self.events).await?;
        let images = self.gather(config, base, debian, Missing::Build).await?;
        images.ok_or_else(|| Error::undecided("an image that was just built is not in the engine"))
    }

    /// The image of each service that has a `build` section, if all of them are there.
    pub async fn find_all(
        &self,
        config: &Value,
        base: Option<&BaseSpec>,
        debian: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        self.gather(config, base, debian, Missing::Report).await
    }

    /// Removes every image that a drill made. Gives back their names.
    pub async fn remove_all(&self) -> Result<Vec<String>> {
        let filter = format!("label={LABEL_IMAGE}");
        let command = self.engine.docker(["image", "ls", "--filter", &filter]);
        let command = command.args(["--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]);
        let listing = command.run().await?.require(|| "cannot list images")?.text();
        let mut removed = Vec::new();
        let mut complaints = Vec::new();
        // Newest first, as they are listed: an image goes before the one it was built on.
        for target in listing.lines().filter_map(removable) {
            let output = self.engine.docker(["image", "rm", target]).run().await?;
            if output.succeeded() {
                removed.push(target.to_owned());
            } else {
                complaints.push(output.complaint());
            }
        }
        if complaints.is_empty() {
            return Ok(removed);
        }
        Err(Error::undecided(format!("{} images cannot be removed", complaints.len()))
            .details(complaints)
            .hint("end what uses them: `docker ps --all`, `cargo xtask clean`"))
    }

    async fn gather(
        &self,
        config: &Value,
        base: Option<&BaseSpec>,
        debian: &str,
        missing: Missing,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let mut present = self.present().await?;
        let recipes = recipe::of_services(config)?;
        let mut parent = None;
        if let Some(spec) = base {
            let (recipe, _staged) = self.base_recipe(spec).await?;
            let debian = (ARG_DEBIAN, debian.to_owned());
            match self.ensure(recipe, Some(debian), &mut present, missing).await? {
                Some(image) => parent = Some((ARG_BASE, image)),
                None => return Ok(None),
            }
        }
        let mut images = BTreeMap::new();
        for recipe in recipes {
            let services = recipe.services.clone();
            match self.ensure(recipe, parent.clone(), &mut present, missing).await? {
                Some(image) => {
                    images.extend(services.into_iter().map(|service| (service, image.clone())));
                }
                None => return Ok(None),
            }
        }
        Ok(Some(images))
    }

    /// The recipe of the stack's base, from a copy of its context with the host's certificates.
    async fn base_recipe(&self, spec: &BaseSpec) -> Result<(Recipe, TempDir)> {
        let staged = scratch::folder()?;
        let copy = self.engine.runner().command("cp").args(["-a", "--"]);
        let copy = copy.arg(spec.context.join(".")).arg(staged.path());
        copy.run().await?.require(|| format!("cannot read {}", spec.context.display()))?;
        certificates::stage(&staged.path().join(CERTIFICATES_DIR), &self.events)?;
        let recipe = Recipe::of_folder(&spec.context, staged.path());
        Ok((recipe, staged))
    }

    /// The image of a recipe: there already, built now, or absent.
    async fn ensure(
        &self,
        mut recipe: Recipe,
        parent: Option<(&str, String)>,
        present: &mut Present,
        missing: Missing,
    ) -> Result<Option<String>> {
        let declared = recipe.declared_arguments()?;
        recipe.args.retain(|name, _| declared.contains(name));
        let mut parent_id = None;
        if let Some((name, image)) = parent.filter(|(name, _)| declared.contains(*name)) {
            let Some(id) = present.get(&image) else {
                return Err(Error::undecided(format!("the engine has no image {image}"))
                    .hint("it was removed while the drill ran; run it again"));
            };
            parent_id = Some(id.clone());
            recipe.parent = Some(image.clone());
            recipe.args.insert(name.to_owned(), image);
        }
        for name in INHERITED.into_iter().filter(|name| declared.contains(*name)) {
            if let Ok(value) = std::env::var(name) {
                recipe.inherited.insert(name.to_owned(), value);
            }
        }
        let image = recipe.image(parent_id.as_deref())?;
        if present.contains_key(&image) {
            return Ok(Some(image));
        }
        if missing == Missing::Report {
            return Ok(None);
        }
        self.build(&recipe, &image).await?;
        *present = self.present().await?;
        Ok(present.contains_key(&image).then_some(image))
    }

    async fn present(&self) -> Result<Present> {
        let command = self.engine.docker(["image", "ls", "--no-trunc"]);
        let command = command.args(["--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]);
        let listing = command.run().await?.require(|| "cannot list images")?.text();
        let pairs = listing.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.map(|(tag, id)| (tag.to_owned(), id.to_owned())).collect())
    }
}

/// What to remove for a line of the listing. Labels are inherited: an image under another
/// name was built by someone else on one of ours.
fn removable(line: &str) -> Option<&str> {
    let (name, id) = line.split_once(' ')?;
    match name {
        name if name.starts_with("dr-drill/") => Some(name),
        "<none>:<none>" => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_others_built_on_ours_are_not_removed() {
        assert_eq!(removable("dr-drill/base:01 5f2d"), Some("dr-drill/base:01"));
        assert_eq!(removable("<none>:<none> 5f2d"), Some("5f2d"));
        assert_eq!(removable("korrigo/base:bookworm 5f2d"), None);
    }
}
