//! Goes through a runbook against a sandbox, block by block, and stops at the first that does
//! not do what its marker says. What blocks print is evidence, secrets replaced.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::receiver::Receiver;
use super::{Fault, Place, Role, Runbook, Step};
use crate::backup::Bound;
use crate::drill::{Drill, Standing};
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::process::{Command, Output};
use crate::stack::RunLabels;
use crate::stack::images::{BaseSpec, Images, SUITE};

/// No block may take longer.
const STEP_TIMEOUT: Duration = Duration::from_secs(600);
/// Lines of a block's output that a failure shows.
const SHOWN_LINES: usize = 30;

const DOCKERFILE: &str = include_str!("host/Dockerfile");
const ON_HOST: &str = include_str!("host/step.sh");
const IN_CONTAINER: &str = include_str!("host/container.sh");

/// A block that was gone through.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// How long it took, in seconds; nothing if it was not run.
    pub seconds: Option<f64>,
}

/// How far the runbook held.
#[derive(Debug, Default)]
pub struct Walked {
    /// The blocks that did what they must.
    pub done: Vec<Done>,
    /// The one that did not.
    pub broken: Option<Broken>,
}

/// A block that does not do what the text says.
#[derive(Debug)]
pub struct Broken {
    /// Its line, what was expected and what was seen.
    pub fault: Fault,
    /// The end of what it printed.
    pub printed: Vec<String>,
}

/// Goes through the runbook against a sandbox that is up.
pub async fn walk(
    runbook: &Runbook,
    standing: &Standing,
    drill: &Drill,
    events: &Events,
) -> Result<Walked> {
    let walk = Walk::prepare(runbook, standing, drill, events).await?;
    let mut walked = Walked::default();
    for step in &runbook.steps {
        let Step { name, line, role, .. } = step;
        let started = Instant::now();
        walked.broken = walk.step(step).await?;
        if walked.broken.is_some() {
            break;
        }
        let is_run = matches!(role, Role::Run { .. });
        let seconds = is_run.then(|| started.elapsed().as_secs_f64());
        if let Some(seconds) = seconds {
            events.note(format!("{line:>5}  {name}  {seconds:.1} s"));
        }
        walked.done.push(Done { name: name.clone(), line: *line, seconds });
    }
    Ok(walked)
}

fn last_lines(output: &str, error: &str) -> Vec<String> {
    let lines = output.lines().chain(error.lines()).map(str::to_owned).collect::<Vec<_>>();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].to_vec()
}

/// A sandbox and a folder in which blocks are run one after the other.
pub struct Walk<'a> {
    standing: &'a Standing,
    drill: &'a Drill,
    bound: Bound,
    folder: PathBuf,
    receiver: Receiver,
    /// Has what a server has; nothing if no step needs it.
    image: Option<String>,
}

impl<'a> Walk<'a> {
    /// Makes what the blocks of a runbook need.
    pub async fn prepare(
        runbook: &Runbook,
        standing: &'a Standing,
        drill: &'a Drill,
        events: &Events,
    ) -> Result<Self> {
        let folder = standing.folder.work().join("runbook");
        let written = || {
            for inner in ["files", "backups", "offsite", "image", "curl"] {
                fs::create_dir_all(folder.join(inner))?;
            }
            fs::write(folder.join("image/Dockerfile"), DOCKERFILE)?;
            fs::write(folder.join("step.sh"), ON_HOST)?;
            fs::write(folder.join("container.sh"), IN_CONTAINER)
        };
        written().attempt(|| format!("cannot write {}", folder.display()))?;
        let bound = Bound::new(&standing.sandbox.site())?;
        let receiver = Receiver::start().await?;
        let further = drill.config().methods.iter().map(|method| &method.files);
        for files in further.filter(|files| !files.is_empty()) {
            standing.sandbox.seal_with(drill, files, events).await?;
        }
        let in_container = |step: &Step| {
            matches!(step.role, Role::Run { place: Place::Container | Place::Night(_), .. })
        };
        let mut walk = Self { standing, drill, bound, folder, receiver, image: None };
        if runbook.steps.iter().any(in_container) {
            if !standing.sandbox.stack.has_files() {
                return Err(Error::undecided("the engine does not have this host's files")
                    .hint("blocks that run in a container see the stack's folder by a mount: check the runbook where the engine is"));
            }
            walk.image = Some(walk.build(events).await?);
        }
        Ok(walk)
    }

    async fn build(&self, events: &Events) -> Result<String> {
        let images = Images::new(self.standing.sandbox.stack.engine(), events);
        let debian = images.base(SUITE).await?;
        let stack_dir = self.standing.sandbox.dir();
        let base = self.drill.config().stack.base.as_ref();
        let base = base.map(|base| BaseSpec { context: stack_dir.join(base) });
        let context = self.folder.join("image");
        let config = json!({ "services": { "server": { "build": { "context": context } } } });
        let mut built = images.build_all(&config, base.as_ref(), &debian).await?;
        built
            .remove("server")
            .ok_or_else(|| Error::undecided("the image of a server was not built"))
    }

    /// Does with a block what its marker says. Gives back what it did otherwise.
    pub async fn step(&self, step: &Step) -> Result<Option<Broken>> {
        let (place, expected) = match &step.role {
            Role::NotRun(_) => return Ok(None),
            Role::File(path) => return self.file(path, &step.text).map(|()| None),
            Role::Run { place, expected } => (*place, expected),
        };
        let output = self.run(step.line, place, &step.text).await?;
        let printed = self.standing.sandbox.stack.runner().redact(&output.text());
        let unmet = expected.unmet(output.exit_code, &printed, &output.stderr);
        if unmet.is_empty() {
            return Ok(None);
        }
        let what = format!("step {:?}: {}", step.name, unmet.join("; "));
        let fault = Fault { line: step.line, what };
        Ok(Some(Broken { fault, printed: last_lines(&printed, &output.stderr) }))
    }

    /// Puts the content of a block where steps in the container find it.
    fn file(&self, path: &str, text: &str) -> Result<()> {
        let file = self.folder.join("files").join(path.trim_start_matches('/'));
        let parent = file.parent().unwrap_or(&self.folder);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&file, text));
        written.attempt(|| format!("cannot write {}", file.display()))
    }

    async fn run(&self, line: usize, place: Place, text: &str) -> Result<Output> {
        let block = format!("block-{line}.sh");
        let written = fs::write(self.folder.join(&block), text);
        written.attempt(|| format!("cannot write {block}"))?;
        let command = match place {
            Place::Host => self.on_host(&block).await?,
            Place::Container => self.in_container(&block),
            // By this clock cron starts.
            Place::Night(time) => self.in_container(&block).arg(time.to_string()),
        };
        command.timeout(STEP_TIMEOUT).run().await
    }

    async fn on_host(&self, block: &str) -> Result<Command> {
        let sandbox = &self.standing.sandbox;
        let service = &self.drill.config().service;
        // A container that was made anew has another address.
        if let Ok(address) = sandbox.stack.address(service.entry()?).await {
            let (host, port, at) = (&service.host, service.port, address.at(service.port).await?);
            let options = format!("connect-to = \"{host}:{port}:{at}\"\nnoproxy = \"*\"\n");
            let written = fs::write(self.folder.join("curl/.curlrc"), options);
            written.attempt(|| "cannot write curl's options")?;
        }
        let words = ["bash", "--noprofile", "--norc"].map(str::to_owned).into_iter();
        let files =
            ["step.sh", "state", block].map(|name| self.folder.join(name).display().to_string());
        let words = words.chain(files).collect::<Vec<_>>();
        let site = sandbox.site();
        let mut command = self.bound.command(&site, &self.folder.join("backups"), &words);
        for (name, value) in self.environment(site.dir) {
            command = command.env(name, value);
        }
        Ok(command)
    }

    /// What the runbook has its reader set once, as it is in the sandbox.
    fn environment(&self, stack_dir: &Path) -> BTreeMap<&'static str, String> {
        let shown = |path: &Path| path.display().to_string();
        let service = &self.drill.config().service;
        BTreeMap::from([
            ("KORRIGO_DIR", shown(stack_dir)),
            ("SITE_URL", format!("http://{}:{}", service.host, service.port)),
            ("OFFSITE_REMOTE", shown(&self.folder.join("offsite"))),
            ("NOTIFY_WEBHOOK", self.receiver.url("webhook")),
            ("NOTIFY_PING", self.receiver.url("ping")),
            ("RCLONE_CONFIG", shown(&self.folder.join("rclone.conf"))),
            ("CURL_HOME", shown(&self.folder.join("curl"))),
        ])
    }

    fn in_container(&self, block: &str) -> Command {
        let sandbox = &self.standing.sandbox;
        let command = sandbox.stack.engine().docker(["run", "--rm", "--interactive"]);
        let command = command.args(["--network", "none", "--log-driver", "none"]);
        // The names that the text has: the mail server, and two at which nobody listens.
        let hosts =
            ["smtp", "chat", "hc"].map(|host| format!("--add-host={host}.example.org:127.0.0.1"));
        let command = command.args(hosts);
        let mounted = |path: &Path, at: &str| format!("{}:{at}:ro", path.display());
        command
            .args(RunLabels::of(&self.standing.run).arguments())
            .args(["--volume".to_owned(), mounted(sandbox.dir(), "/opt/korrigo")])
            .args(["--volume".to_owned(), mounted(&self.folder, "/runbook")])
            .args(["--entrypoint", "", "--workdir", "/opt/korrigo"])
            .args(self.image.iter())
            .args(["bash", "/runbook/container.sh", "/runbook/files"])
            .arg(format!("/runbook/{block}"))
    }
}
