//! Images of a stack: one Debian base, what the services build on it, and what they name. A tag is
//! a digest of everything that goes into the image, so an image that is there is never built again.
//!
//! Needs no registry for what it builds: where none answers, the base is bootstrapped from Debian's archive.
//! Refuses build sections whose result it could not identify.

mod base;
mod build;
mod certificates;
mod exclusive;
mod follow;
mod ignore;
mod pull;
mod recipe;
mod scratch;
mod tags;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use futures_util::{StreamExt, stream};
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
            let wanted = Wanted::identify(recipe, Some((ARG_DEBIAN, debian)), &present)?;
            let image = wanted.image.clone();
            if !self.provide(&[wanted], &mut present, missing).await? {
                return Ok(None);
            }
            parent = Some(image);
        }
        let parent = parent.as_deref().map(|image| (ARG_BASE, image));
        let wanted = recipes
            .into_iter()
            .map(|recipe| Wanted::identify(recipe, parent, &present))
            .collect::<Result<Vec<_>>>()?;
        if !self.provide(&wanted, &mut present, missing).await? {
            return Ok(None);
        }
        let images = wanted.into_iter().flat_map(|wanted| {
            let image = wanted.image;
            wanted.recipe.services.into_iter().map(move |service| (service, image.clone()))
        });
        Ok(Some(images.collect()))
    }

    /// Whether all of these images are there, after building those that are not.
    async fn provide(
        &self,
        wanted: &[Wanted],
        present: &mut Present,
        missing: Missing,
    ) -> Result<bool> {
        let absent = |present: &Present| {
            let absent = wanted.iter().filter(|wanted| !present.contains_key(&wanted.image));
            absent.collect::<Vec<_>>()
        };
        let to_build = absent(present);
        if to_build.is_empty() || missing == Missing::Report {
            return Ok(to_build.is_empty());
        }
        // Builds mostly wait for the network and the disk. All of them are heard to their end,
        // so that none is left to the engine when another fails.
        let builds = to_build.iter().map(|wanted| self.build(&wanted.recipe, &wanted.image));
        let at_once = thread::available_parallelism().map_or(1, NonZero::get);
        let results = stream::iter(builds).buffer_unordered(at_once).collect::<Vec<_>>().await;
        results.into_iter().collect::<Result<()>>()?;
        *present = self.present().await?;
        Ok(absent(present).is_empty())
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

    async fn present(&self) -> Result<Present> {
        let command = self.engine.docker(["image", "ls", "--no-trunc"]);
        let command = command.args(["--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]);
        let listing = command.run().await?.require(|| "cannot list images")?.text();
        let pairs = listing.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.map(|(tag, id)| (tag.to_owned(), id.to_owned())).collect())
    }
}

/// An image that has to be there.
#[derive(Debug)]
struct Wanted {
    recipe: Recipe,
    image: String,
}

impl Wanted {
    /// Completes a recipe with the arguments that its Dockerfile declares, the parent's among
    /// them, and names the image that it makes.
    fn identify(
        mut recipe: Recipe,
        parent: Option<(&str, &str)>,
        present: &Present,
    ) -> Result<Self> {
        let declared = recipe.declared_arguments()?;
        recipe.args.retain(|name, _| declared.contains(name));
        let mut parent_id = None;
        if let Some((name, image)) = parent.filter(|(name, _)| declared.contains(*name)) {
            parent_id = present.get(image).map(String::as_str);
            if parent_id.is_none() {
                return Err(Error::undecided(format!("the engine has no image {image}"))
                    .hint("it was removed while the drill ran; run it again"));
            }
            recipe.parent = Some(image.to_owned());
            recipe.args.insert(name.to_owned(), image.to_owned());
        }
        for name in INHERITED.into_iter().filter(|name| declared.contains(*name)) {
            if let Ok(value) = std::env::var(name) {
                recipe.inherited.insert(name.to_owned(), value);
            }
        }
        let image = recipe.image(parent_id)?;
        Ok(Self { recipe, image })
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
    fn a_recipe_takes_only_the_arguments_that_its_dockerfile_declares() {
        let dir = TempDir::new().expect("temporary folder");
        let declares = |text: &str| {
            std::fs::write(dir.path().join("Dockerfile"), text).expect("written");
            let mut recipe = Recipe::of_folder(dir.path(), dir.path());
            recipe.args = BTreeMap::from([("A".into(), "1".into()), (ARG_BASE.into(), "x".into())]);
            let present = BTreeMap::from([("ours:1".to_owned(), "sha256:1".to_owned())]);
            let wanted = Wanted::identify(recipe, Some((ARG_BASE, "ours:1")), &present);
            wanted.expect("identified").recipe
        };
        let recipe = declares("ARG BASE_IMAGE=korrigo\nFROM $BASE_IMAGE\n");
        assert_eq!(recipe.args, BTreeMap::from([(ARG_BASE.to_owned(), "ours:1".to_owned())]));
        assert_eq!(recipe.parent.as_deref(), Some("ours:1"));
        let recipe = declares("FROM debian\nARG A\n");
        assert_eq!(recipe.args, BTreeMap::from([("A".to_owned(), "1".to_owned())]));
        assert_eq!(recipe.parent, None);
    }

    #[test]
    fn a_parent_that_is_gone_is_named() {
        let dir = TempDir::new().expect("temporary folder");
        std::fs::write(dir.path().join("Dockerfile"), "ARG BASE_IMAGE\n").expect("written");
        let recipe = Recipe::of_folder(dir.path(), dir.path());
        let parent = Some((ARG_BASE, "ours:2"));
        let error = Wanted::identify(recipe, parent, &Present::new()).expect_err("gone");
        assert!(error.to_string().contains("ours:2"));
    }

    #[test]
    fn images_that_others_built_on_ours_are_not_removed() {
        assert_eq!(removable("dr-drill/base:01 5f2d"), Some("dr-drill/base:01"));
        assert_eq!(removable("<none>:<none> 5f2d"), Some("5f2d"));
        assert_eq!(removable("korrigo/base:bookworm 5f2d"), None);
    }
}
