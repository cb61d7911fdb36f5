//! The sandbox's answer to every outside name: one container of the run on all networks of a copy.
//! The engine asks it for the names that it does not know itself; what connects to them is taken down
//! and forwarded nowhere. It is no service of the stack.
//!
//! Its networks are made first, under the labels by which compose takes them for its own: services
//! are told its address when they are created.

mod log;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use self::log::Log;
use super::engine::{Engine, LABEL_NETWORK, LABEL_PROJECT};
use super::images::{Images, SUITE};
use super::isolation::SealedStack;
use super::run::{RunId, RunLabels};
use crate::error::{Attempt, Error, Result};

pub use log::Seen;

const DOCKERFILE: &str = include_str!("image/Dockerfile");
const PROGRAM: &str = include_str!("image/sink.py");

/// Label of the container, beside those of the run.
pub(super) const LABEL_SINK: &str = "dr-drill.sink";

/// What it may use. A log that grows beyond this is said to have lost its beginning.
const BOUNDS: [&str; 8] = [
    "--memory=256m",
    "--pids-limit=64",
    "--read-only",
    "--security-opt=no-new-privileges",
    "--cap-drop=ALL",
    "--log-driver=json-file",
    "--log-opt=max-size=32m",
    // Nobody but itself: so it hears whether the engine passes on what it does not know.
    "--dns=127.0.0.1",
];

/// Lines of its log that are read; it writes fewer.
const LOG_LINES: u32 = 1_000_000;

/// The image of the sink, built if the engine does not have it.
pub async fn image(images: &Images) -> Result<String> {
    let debian = images.base(SUITE).await?;
    let context = tempfile::tempdir().attempt(|| "cannot create a temporary folder")?;
    for (name, content) in [("Dockerfile", DOCKERFILE), ("sink.py", PROGRAM)] {
        let written = fs::write(context.path().join(name), content);
        written.attempt(|| "cannot write the sink's image")?;
    }
    let build = json!({ "services": { "sink": {
        "build": { "context": context.path(), "args": { "DEBIAN_IMAGE": debian } },
    }}});
    let image = images.build_all(&build, None, &debian).await?.remove("sink");
    image.ok_or_else(|| Error::undecided("the sink's image was not built"))
}

/// A sink that runs.
#[derive(Debug, Clone)]
pub(super) struct OpenSink {
    container: String,
    /// Its address on each network, by the network's name in the stack.
    pub(super) addresses: BTreeMap<String, IpAddr>,
    /// How often it was told to begin a new part.
    parts: u64,
}

impl OpenSink {
    /// Makes the networks of a copy, of which nothing is there yet, and starts its sink on them.
    pub(super) async fn start(
        engine: &Engine,
        run: &RunId,
        sealed: &SealedStack,
        image: &str,
    ) -> Result<Self> {
        let networks = sealed.networks();
        make_networks(engine, run, sealed).await?;
        let mut others = networks.values();
        let first = others.next().ok_or_else(|| Error::undecided("the copy has no network"))?;
        let create = engine.docker(["container", "create", "--network", first]).args(BOUNDS);
        let create = create.args(["--cap-add=NET_ADMIN", "--label"]).arg(LABEL_SINK);
        let create = create.args(RunLabels::of(run).arguments());
        let create = create.arg(format!("--name={}-egress", sealed.project)).arg(image);
        let created = create.run().await?.require(|| "cannot create the sink")?;
        let container = created.text().trim().to_owned();
        for network in others {
            let join = engine.docker(["network", "connect", network, &container]);
            join.run().await?.require(|| "cannot lead a network to the sink")?;
        }
        let start = engine.docker(["container", "start", &container]);
        start.run().await?.require(|| "cannot start the sink")?;
        let addresses = addresses(engine, &container, &networks).await?;
        Ok(Self { container, addresses, parts: 0 })
    }

    /// Has a new part of its log begin, and gives back its number.
    pub(super) async fn turn(&mut self, engine: &Engine) -> Result<u64> {
        let told = engine.docker(["container", "kill", "--signal=USR1", &self.container]);
        let told = told.run().await?;
        if told.succeeded() {
            self.parts += 1;
            return Ok(self.parts);
        }
        let why = match engine.logs(&self.container, 1).await {
            Ok(last) if last.is_empty() => told.complaint(),
            Ok(last) => last.concat(),
            Err(_) => "its container is gone".to_owned(),
        };
        Err(Error::undecided(format!("the sink has ended: {why}")))
    }

    /// What it has seen up to its present part, if it has said all of that yet.
    pub(super) async fn seen(&self, engine: &Engine) -> Result<Option<Seen>> {
        let log = Log::read(&engine.logs(&self.container, LOG_LINES).await?);
        if log.part < self.parts {
            return Ok(None);
        }
        match log.forwards {
            None => {
                Err(Error::undecided("the sink was not ready, or the beginning of its log is gone"))
            }
            Some(false) => Err(Error::undecided(
                "the engine passes no name on that it does not know, on networks without a way out",
            )
            .hint(
                "some engines of the first half of 2024 do not (moby/moby#47822): take a newer one",
            )),
            Some(true) => Ok(Some(log.seen)),
        }
    }
}

/// Makes the networks of a copy as compose would.
async fn make_networks(engine: &Engine, run: &RunId, sealed: &SealedStack) -> Result<()> {
    let labels = RunLabels::of(run).arguments();
    let networks = sealed.networks();
    let made = networks.into_iter().map(|(name, actual)| {
        let own = [
            format!("--label={LABEL_PROJECT}={}", sealed.project),
            format!("--label={LABEL_NETWORK}={name}"),
        ];
        let make = engine.docker(["network", "create", "--internal"]);
        let make = make.args(labels.iter().cloned()).args(own).arg(actual);
        async move { make.run().await?.require(|| "cannot make a network").map(drop) }
    });
    try_join_all(made).await.map(drop)
}

async fn addresses(
    engine: &Engine,
    container: &str,
    networks: &BTreeMap<&str, &str>,
) -> Result<BTreeMap<String, IpAddr>> {
    let format = "--format={{json .NetworkSettings.Networks}}";
    let looked = engine.docker(["container", "inspect", format, container]).run().await?;
    let looked = looked.require(|| "cannot look at the sink")?;
    let found = serde_json::from_slice::<Map<String, Value>>(&looked.stdout)
        .attempt(|| "cannot read the engine's description of the sink")?;
    let address = |actual: &str| found.get(actual)?["IPAddress"].as_str()?.parse().ok();
    let known = networks.iter().map(|(name, actual)| {
        let address = address(actual);
        let address = address.ok_or_else(|| Error::undecided("the sink has ended at once"))?;
        Ok(((*name).to_owned(), address))
    });
    known.collect()
}
