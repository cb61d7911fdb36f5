//! Images that a stack names and does not build: those that the engine lacks are pulled before
//! anything is created. One that cannot be had leaves the drill undecided, by name.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Images;
use super::follow::{both_streams, follow};
use super::tags::described;
use crate::error::{Error, ErrorKind, Result};

/// Bounds one pull: large images come over slow lines.
const PULL_LIMIT: Duration = Duration::from_secs(3600);

/// Lines of a pull that failed, in the error.
const LINES_SHOWN: usize = 3;

/// An image that services name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named<'a> {
    image: &'a str,
    platform: Option<&'a str>,
}

impl Images {
    /// Pulls every image that a service of `config` (as `compose config` resolved it) names
    /// without a build section, and that the engine does not have.
    ///
    /// # Errors
    /// Undecided when one cannot be had: the service, the image, and what would be needed.
    pub async fn pull_all(&self, config: &Value) -> Result<()> {
        let mut failed = Vec::new();
        for (named, services) in named(config) {
            if described(&self.engine, named.image).await?.is_some() {
                continue;
            }
            match self.pull(&named).await {
                Ok(None) => {}
                Ok(Some(lines)) => failed.push((named, services, lines)),
                Err(cause) if cause.kind() == ErrorKind::Interrupted => return Err(cause),
                Err(cause) => failed.push((named, services, vec![cause.chain()])),
            }
        }
        match error(&failed) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The end of what a pull that failed said.
    async fn pull(&self, named: &Named<'_>) -> Result<Option<Vec<String>>> {
        let image = named.image;
        self.events.note(format!("image {image} is not here: it is pulled"));
        let mut words = ["docker", "pull"].map(str::to_owned).to_vec();
        words.extend(named.platform.iter().flat_map(|it| ["--platform", it]).map(str::to_owned));
        words.push(image.to_owned());
        let command = both_streams(self.engine.runner(), words).timeout(PULL_LIMIT);
        let (output, lines) = follow(command, &format!("pull {image}"), &self.events).await?;
        if output.succeeded() {
            return Ok(None);
        }
        Ok(Some(lines.split_at(lines.len().saturating_sub(LINES_SHOWN)).1.to_vec()))
    }
}

/// Images that no build section makes, each with the services that name it.
fn named(config: &Value) -> BTreeMap<Named<'_>, Vec<&str>> {
    let mut images = BTreeMap::<_, Vec<_>>::new();
    for (service, keys) in config["services"].as_object().into_iter().flat_map(Map::iter) {
        let Some(image) = keys["image"].as_str().filter(|_| keys["build"].is_null()) else {
            continue;
        };
        let named = Named { image, platform: keys["platform"].as_str() };
        images.entry(named).or_default().push(service.as_str());
    }
    images
}

fn error(failed: &[(Named<'_>, Vec<&str>, Vec<String>)]) -> Option<Error> {
    let text = |(named, services, _): &(Named<'_>, Vec<&str>, Vec<String>)| {
        let services = services.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>();
        format!("image {} of service {}", named.image, services.join(" and "))
    };
    let (first, others) = failed.split_first()?;
    let (named, services, lines) = first;
    let others = others.iter().map(|other| format!("nor {}", text(other)));
    let (image, service) = (named.image, services.first().copied().unwrap_or_default());
    Some(
        Error::undecided(format!("{} cannot be had", text(first)))
            .details(lines.iter().cloned().chain(others))
            .hint(format!(
                "it takes a registry that answers (and `docker login`, if it asks who you are), the \
                image from elsewhere (`docker save {image}` there, `docker load` here), or a build \
                section; or leave the service out: --without {service}"
            )),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_images_that_nothing_builds_are_asked_for_and_each_once() {
        let config = json!({ "services": {
            "a": { "image": "x:1" }, "b": { "image": "x:1" }, "c": { "build": ".", "image": "y:1" },
            "d": { "image": "x:1", "platform": "linux/arm64" },
        }});
        let found = named(&config).into_iter().map(|(named, services)| (named.platform, services));
        let expected = [(None, vec!["a", "b"]), (Some("linux/arm64"), vec!["d"])];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_image_that_cannot_be_had_is_named_with_its_services() {
        assert!(error(&[]).is_none());
        let of =
            |image, services| (Named { image, platform: None }, services, vec!["no".to_owned()]);
        let error = error(&[of("x:1", vec!["a", "b"]), of("y:1", vec!["c"])]).expect("two");
        assert_eq!(error.kind(), ErrorKind::Undecided);
        assert_eq!(error.to_string(), r#"image x:1 of service "a" and "b" cannot be had"#);
        assert_eq!(error.detail_lines(), ["no", r#"nor image y:1 of service "c""#]);
        for way in ["docker login", "docker load", "build", "--without a"] {
            assert!(error.next_step().is_some_and(|hint| hint.contains(way)), "{way}");
        }
    }
}
