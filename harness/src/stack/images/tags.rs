//! What the names of a stack's images mean: a tag is moved by whoever pulls or builds, so a drill
//! records the ids, and says when one is another after the restore.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::error::{Attempt, Error, Result};
use crate::model::image::{ImageRecord, MovedImage};
use crate::stack::OwnedStack;
use crate::stack::engine::Engine;

use super::Images;

impl OwnedStack {
    /// The image of each service, by service, as the engine has it now.
    ///
    /// # Errors
    /// Undecided when the engine has one no more.
    pub async fn images(&self) -> Result<BTreeMap<String, ImageRecord>> {
        let found = self.describe_images().await?;
        let mut images = BTreeMap::new();
        for (service, reference) in self.sealed().images() {
            let Some(image) = found.get(reference) else {
                return Err(Error::undecided(format!(
                    "the engine has no image {reference} for service {service:?}"
                ))
                .hint("it was removed while the drill ran; run it again"));
            };
            images.insert(service.to_owned(), image.clone());
        }
        Ok(images)
    }

    /// Services whose image's name means another image than in `before`, which
    /// [`images`](Self::images) gave.
    pub async fn moved_images(
        &self,
        before: &BTreeMap<String, ImageRecord>,
    ) -> Result<Vec<MovedImage>> {
        Ok(moved(before, &self.describe_images().await?))
    }

    /// Images by their names.
    async fn describe_images(&self) -> Result<BTreeMap<String, ImageRecord>> {
        let references = self.sealed().images().map(|(_, it)| it).collect::<BTreeSet<_>>();
        let described = references.into_iter().map(|it| described(self.engine(), it));
        let described = try_join_all(described).await?;
        Ok(described.into_iter().flatten().map(|it| (it.reference.clone(), it)).collect())
    }
}

impl Images {
    /// Paths at which the image of each service declares a volume, by service; `built` are the
    /// images of those with a build section.
    pub async fn declared_volumes(
        &self,
        config: &Value,
        built: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Vec<String>>> {
        let services = config["services"].as_object().into_iter().flatten();
        let images = services.filter_map(|(name, service)| {
            let image = built.get(name).map(String::as_str).or_else(|| service["image"].as_str());
            Some((name.clone(), image?.to_owned()))
        });
        let images = images.collect::<BTreeMap<_, _>>();
        let references = images.values().cloned().collect::<BTreeSet<_>>();
        let references = references.into_iter().collect::<Vec<_>>();
        let format = "{{json .Config.Volumes}}";
        let command = self.engine.docker(["image", "inspect", "--format", format]);
        let output = command.args(references.iter().cloned()).run().await?;
        let output = output.require(|| "cannot ask what volumes the images declare")?;
        let text = output.text();
        let declared = text.lines().map(|line| {
            let paths = serde_json::from_str::<Option<BTreeMap<String, Value>>>(line);
            paths.ok().flatten().unwrap_or_default().into_keys().collect::<Vec<_>>()
        });
        let declared = references.iter().zip(declared).collect::<BTreeMap<_, _>>();
        let of = |image: &String| declared.get(image).cloned().unwrap_or_default();
        Ok(images.iter().map(|(service, image)| (service.clone(), of(image))).collect())
    }
}

fn moved(
    before: &BTreeMap<String, ImageRecord>,
    now: &BTreeMap<String, ImageRecord>,
) -> Vec<MovedImage> {
    let compared = before.iter().map(|(service, was)| (service, was, now.get(&was.reference)));
    let moved = compared.filter(|(_, was, is)| is.is_none_or(|is| is.id != was.id));
    moved
        .map(|(service, was, is)| MovedImage {
            service: service.clone(),
            was: was.clone(),
            is: is.cloned(),
        })
        .collect()
}

/// What a name means in the engine, if it has such an image.
pub(super) async fn described(engine: &Engine, reference: &str) -> Result<Option<ImageRecord>> {
    let output = engine.docker(["image", "inspect", reference]).run().await?;
    if !output.succeeded() {
        // The client says so in words only; that the engine answers was seen before.
        return Ok(None);
    }
    let found = serde_json::from_slice::<Value>(&output.stdout)
        .attempt(|| format!("cannot read the engine's description of image {reference}"))?;
    Ok(Some(record(reference, &found[0])))
}

fn record(reference: &str, found: &Value) -> ImageRecord {
    let digests = found["RepoDigests"].as_array().into_iter().flatten();
    let digests = digests.filter_map(Value::as_str).collect::<Vec<_>>();
    // An image may be in several repositories: the one that was asked for says most.
    let repository = repository(reference);
    let own = digests.iter().find(|digest| digest.split('@').next() == Some(repository));
    ImageRecord {
        reference: reference.to_owned(),
        id: found["Id"].as_str().unwrap_or_default().to_owned(),
        digest: own.or(digests.first()).map(|digest| (*digest).to_owned()),
    }
}

/// The name without tag and digest; a colon before a slash is that of a port.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(reference: &str, id: &str) -> ImageRecord {
        ImageRecord { reference: reference.to_owned(), id: id.to_owned(), digest: None }
    }

    #[test]
    fn a_name_that_means_another_image_is_said_and_one_that_does_not_is_not() {
        let before = BTreeMap::from([
            ("db".to_owned(), image("postgres:16", "sha256:1")),
            ("web".to_owned(), image("web:1", "sha256:2")),
        ]);
        let now = |id: &str| {
            let images = [image("postgres:16", id), image("web:1", "sha256:2")];
            images.into_iter().map(|it| (it.reference.clone(), it)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(moved(&before, &now("sha256:1")), []);
        let found = moved(&before, &now("sha256:9"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].service, "db");
        assert_eq!(found[0].is.as_ref().map(|it| it.id.as_str()), Some("sha256:9"));
        let mut gone = now("sha256:1");
        gone.remove("web:1");
        assert_eq!(moved(&before, &gone)[0].is, None);
    }

    #[test]
    fn the_digest_is_that_of_the_repository_that_was_asked_for() {
        let found =
            json!({ "Id": "sha256:1", "RepoDigests": ["a/x@sha256:2", "r:5000/x@sha256:3"] });
        let digest = |reference: &str| record(reference, &found).digest;
        assert_eq!(digest("r:5000/x:16"), Some("r:5000/x@sha256:3".to_owned()));
        assert_eq!(digest("a/x"), Some("a/x@sha256:2".to_owned()));
        assert_eq!(digest("other"), Some("a/x@sha256:2".to_owned()));
        assert_eq!(record("built", &json!({ "Id": "sha256:1", "RepoDigests": [] })).digest, None);
    }
}
