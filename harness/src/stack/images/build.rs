//! Runs one build. Both of docker's builders do: `BuildKit` where the client has it, otherwise
//! the classic one, whose containers are seen off when a build does not end by itself.

use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, Instant};

use super::recipe::Recipe;
use super::{Images, LABEL_IMAGE, follow};
use crate::error::{Error, Result};
use crate::stack::engine::Engine;

/// Downloads and installs of one image, on a slow line.
const BUILD_TIMEOUT: Duration = Duration::from_secs(1800);

/// The engine ends the container of a build soon after its client is gone.
const SEE_OFF_TIMEOUT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Variables of the host that a build needs to reach the network. They do not change what is
/// built; docker accepts them undeclared, and keeps them out of the image.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

impl Images {
    /// Builds `image` by its recipe.
    pub(super) async fn build(&self, recipe: &Recipe, image: &str) -> Result<()> {
        self.events.note(format!("building image {image}, once"));
        // Asking for BuildKit by DOCKER_BUILDKIT=1 would fail where the client does not have it.
        let classic = !self.engine.docker(["buildx", "version"]).run().await?.succeeded();
        let words = words(recipe, image, classic, |name| env::var_os(name).is_some());
        let runner = self.engine.runner();
        let mut command = follow::both_streams(runner, words).timeout(BUILD_TIMEOUT);
        if classic {
            command = command.env("DOCKER_BUILDKIT", "0");
        }
        let before = containers_on(&self.engine, recipe).await?;
        let what = format!("image {}", recipe.name);
        let ended = follow::follow(command, &what, &self.events).await;
        let failure = match ended {
            Ok((output, _)) if output.succeeded() => return Ok(()),
            Ok((_, tail)) => {
                self.events.note(format!("image {image} cannot be built"));
                failure(recipe).details(tail.iter().map(|line| runner.redact(line)))
            }
            Err(cause) => cause,
        };
        if classic && !see_off(&self.engine.for_cleanup(), recipe, &before).await? {
            let waited = SEE_OFF_TIMEOUT.as_secs();
            self.events.note(format!("containers of {what} are still there after {waited} s"));
        }
        Err(failure)
    }
}

fn failure(recipe: &Recipe) -> Error {
    let (name, source) = (&recipe.name, recipe.source.display());
    Error::undecided(format!("cannot build image {name:?} from {source}"))
        .hint("the last lines of the build are above; what it installs must be reachable from here")
}

/// The command line of a build.
fn words(
    recipe: &Recipe,
    image: &str,
    classic: bool,
    is_set: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut words = ["docker", "build", "--tag", image, "--label"].map(str::to_owned).to_vec();
    words.push(format!("{LABEL_IMAGE}=1"));
    if classic {
        // Otherwise the container of a failed step stays behind.
        words.push("--force-rm".to_owned());
    }
    if let Some(target) = &recipe.target {
        words.extend(["--target".to_owned(), target.clone()]);
    }
    for (name, value) in &recipe.args {
        words.extend(["--build-arg".to_owned(), format!("{name}={value}")]);
    }
    // By name only, and so taken from the environment: an address may hold a password.
    let proxies = PROXIES.into_iter().filter(|name| is_set(name));
    for name in recipe.inherited.keys().map(String::as_str).chain(proxies) {
        words.extend(["--build-arg".to_owned(), name.to_owned()]);
    }
    words.extend(["--file".to_owned(), recipe.dockerfile.to_string_lossy().into_owned()]);
    words.push(recipe.context.to_string_lossy().into_owned());
    words
}

/// Containers of the image that a recipe builds on, and of what was built on it.
async fn containers_on(engine: &Engine, recipe: &Recipe) -> Result<BTreeSet<String>> {
    let Some(parent) = &recipe.parent else { return Ok(BTreeSet::new()) };
    let filter = format!("ancestor={parent}");
    let command = engine.docker(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]);
    let output = command.run().await?.require(|| "cannot list containers")?;
    Ok(output.text().lines().map(str::to_owned).collect())
}

/// Waits, not for long, until the containers that a build made are gone: whoever looks when the
/// run has ended shall find none. They carry no label by which they could be removed. Gives back
/// whether they are.
async fn see_off(engine: &Engine, recipe: &Recipe, before: &BTreeSet<String>) -> Result<bool> {
    let started = Instant::now();
    loop {
        // Containers that others made on the same image meanwhile only cost the wait.
        if containers_on(engine, recipe).await?.is_subset(before) {
            return Ok(true);
        }
        if started.elapsed() >= SEE_OFF_TIMEOUT {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn values_of_the_stack_are_shown_and_values_of_the_host_are_not() {
        let mut recipe = Recipe::of_folder(Path::new("/stack/base"), Path::new("/copy"));
        recipe.args.insert("A".into(), "1".into());
        recipe.inherited.insert("PIP_INDEX_URL".into(), "https://me:secret@pypi.example".into());
        recipe.target = Some("final".into());
        let words = words(&recipe, "dr-drill/base:0", true, |name| name == "https_proxy");
        assert_eq!(
            words.join(" "),
            "docker build --tag dr-drill/base:0 --label dr-drill.image=1 --force-rm --target final \
             --build-arg A=1 --build-arg PIP_INDEX_URL --build-arg https_proxy \
             --file /copy/Dockerfile /copy"
        );
    }

    #[test]
    fn only_the_classic_builder_is_told_to_remove_containers() {
        let recipe = Recipe::of_folder(Path::new("/stack/base"), Path::new("/copy"));
        let words = words(&recipe, "dr-drill/base:0", false, |_| false);
        assert!(!words.contains(&"--force-rm".to_owned()));
    }
}
