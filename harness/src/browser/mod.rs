//! A real browser on the sandbox's network: Debian's Chromium, headless, in a container of the
//! run, driven over its address. Does what `[browser]` says and keeps what the console and the
//! screen showed.
//!
//! Its own sandbox is off: it needs rights that a container does not have, and it sees nothing
//! but the copy of the stack.

mod driver;
mod violations;

use std::fs;
use std::time::{Duration, Instant};

use self::driver::Driver;
use self::violations::Line;
use crate::config::probe::Content;
use crate::config::{BrowserConfig, BrowserStep, Config};
use crate::drill::{RunFolder, Sandbox};
use crate::error::{Attempt, Error, Result};
use crate::model::event::Events;
use crate::model::mode::Mode;
use crate::model::observed::{Complaint, Visit};
use crate::probe::template::Template;
use crate::probe::upload;
use crate::stack::engine::ResourceKind;
use crate::stack::images::{Images, SUITE};
use crate::stack::{LABEL_RUN, RunLabels};

const DOCKERFILE: &str = include_str!("Dockerfile");
const PORT: u16 = 9515;

/// What a page may take to show what it must.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where the file to be uploaded is, in the container.
const FILE: &str = "/home/browser/copy.pdf";

/// Visits the service as `[browser]` says. Screenshots go to the run's evidence.
pub async fn observe(
    sandbox: &Sandbox,
    config: &Config,
    visit: &BrowserConfig,
    folder: &RunFolder,
) -> Result<Vec<Visit>> {
    let container = start(sandbox).await?;
    let seen = visited(sandbox, config, visit, folder, &container).await;
    let engine = sandbox.stack.engine().for_cleanup();
    engine.remove(ResourceKind::Container, std::slice::from_ref(&container)).await?;
    seen
}

/// Starts the browser's container; its image is built once.
async fn start(sandbox: &Sandbox) -> Result<String> {
    let stack = &sandbox.stack;
    let images = Images::new(stack.engine(), &Events::ignored());
    let debian = images.base(SUITE).await?;
    let context = tempfile::tempdir().attempt(|| "cannot create a temporary folder")?;
    let written = fs::write(context.path().join("Dockerfile"), DOCKERFILE);
    written.attempt(|| "cannot write the browser's Dockerfile")?;
    let build = serde_json::json!({ "services": { "browser": {
        "build": { "context": context.path(), "args": { "DEBIAN_IMAGE": debian } },
    }}});
    let image = images.build_all(&build, None, &debian).await?.remove("browser");
    let image = image.ok_or_else(|| Error::undecided("the browser's image was not built"))?;

    let label = format!("{LABEL_RUN}={}", stack.run());
    let networks = stack.engine().list(ResourceKind::Network, &label).await?;
    let network = networks.first().ok_or_else(|| Error::undecided("the copy has no network"))?;
    let run = stack.engine().docker(["run", "--detach", "--network", network]);
    let run = run.args(RunLabels::of(stack.run()).arguments());
    let run = run.args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges", &image]);
    let output = run.run().await?.require(|| "cannot start the browser's container")?;
    Ok(output.text().trim().to_owned())
}

async fn visited(
    sandbox: &Sandbox,
    config: &Config,
    visit: &BrowserConfig,
    folder: &RunFolder,
    container: &str,
) -> Result<Vec<Visit>> {
    let stack = &sandbox.stack;
    let put = |script: &str, content: Vec<u8>| {
        let command =
            stack.engine().docker(["exec", "--interactive", container, "sh", "-c", script]);
        async move {
            let output = command.run_with(content).await?;
            output.require(|| "cannot prepare the browser").map(drop)
        }
    };
    if let Some(ca) = &sandbox.ca_pem {
        // Its own tool cannot read a certificate from a pipe.
        let trust = "cat > run.pem && certutil -d sql:.pki/nssdb -A -t C,, -n run -a -i run.pem";
        put(trust, ca.clone().into_bytes()).await?;
    }
    put(&format!("cat > {FILE}"), upload::generate(Content::Pdf, 2, "browser")).await?;

    let containers = stack.containers().await?;
    let own = containers.iter().find(|known| known.id == container);
    let address = own.and_then(|own| stack.address_of(own));
    let address = address.ok_or_else(|| Error::undecided("the browser has no address"))?;
    let address = address.at(PORT).await?;
    let host = &config.service.host;
    // It is within: it reaches the entry by that one's own address.
    let entry = stack.address(config.service.entry()?).await?.ip();
    let arguments = [
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        // An engine gives a container 64 MB there.
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        // Of its own accord it would look for updates, on a network without a way out.
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--window-size=1280,900".to_owned(),
        format!("--host-resolver-rules=MAP {host} {entry}"),
    ];
    let driver = Driver::begin(&format!("http://{address}"), &arguments).await?;
    driver.inject(&violations::listener()).await?;
    let mut visits = Vec::new();
    for step in &visit.steps {
        let dead_end = act(&driver, sandbox, config, step).await?;
        let shot = driver.screenshot().await?;
        let scheme = sandbox.mode.scheme();
        folder.write(&format!("evidence/browser/{scheme}-{}.png", step.id), &shot)?;
        let url = driver.url().await?;
        let ends = dead_end.is_some();
        let id = step.id.clone();
        let mut seen =
            Visit { id, url, violations: Vec::new(), complaints: Vec::new(), stuck: dead_end };
        for line in driver.console().await? {
            take(&mut seen, line, visit);
        }
        visits.push(seen);
        // What comes after it would fail for this reason alone.
        if ends {
            break;
        }
    }
    Ok(visits)
}

/// Takes in a line of the console: what the policy blocked, once, and errors that are not meant.
fn take(seen: &mut Visit, line: Complaint, visit: &BrowserConfig) {
    match violations::read(line) {
        Line::Blocked(violation) if !seen.violations.contains(&violation) => {
            seen.violations.push(violation);
        }
        Line::Other(line) if line.level == "SEVERE" => {
            if !visit.tolerate.iter().any(|known| line.text.contains(known)) {
                seen.complaints.push(line);
            }
        }
        Line::Blocked(_) | Line::Reported | Line::Other(_) => {}
    }
}

/// Does a step. Gives back why it led nowhere, if it did.
async fn act(
    driver: &Driver,
    sandbox: &Sandbox,
    config: &Config,
    step: &BrowserStep,
) -> Result<Option<String>> {
    let render = |text: &str| {
        let wrong = |what: String| Error::usage(format!("browser step {:?}: {what}", step.id));
        let template = Template::parse(text).map_err(wrong)?;
        let missing = |name| wrong(format!("{name:?} has no value"));
        template.render(&sandbox.variables).map_err(missing)
    };
    if let Some(path) = &step.open {
        let port = match (sandbox.mode, &config.tls) {
            (Mode::Tls, Some(tls)) => tls.port,
            _ => config.service.port,
        };
        let (scheme, host) = (sandbox.mode.scheme(), &config.service.host);
        driver.open(&format!("{scheme}://{host}:{port}{}", render(path)?)).await?;
    }
    let fields = step.fill.iter().map(|(field, text)| Ok((field.as_str(), render(text)?)));
    let mut fields = fields.collect::<Result<Vec<_>>>()?;
    fields.extend(step.attach.as_deref().map(|field| (field, FILE.to_owned())));
    for (field, text) in fields {
        if let Some(stuck) = until(driver, field, "").await? {
            return Ok(Some(stuck));
        }
        driver.type_into(field, &text).await?;
    }
    if let Some(button) = &step.click {
        if let Some(stuck) = until(driver, button, "").await? {
            return Ok(Some(stuck));
        }
        driver.click(button).await?;
    }
    until(driver, &step.sees, &render(&step.says)?).await
}

/// Waits until an element is displayed and holds a text. Gives back what was seen instead.
async fn until(driver: &Driver, selector: &str, text: &str) -> Result<Option<String>> {
    let started = Instant::now();
    loop {
        let seen = driver.displayed(selector).await?;
        if seen.as_ref().is_some_and(|seen| seen.contains(text)) {
            return Ok(None);
        }
        if started.elapsed() > SEEN_WITHIN {
            let limit = SEEN_WITHIN.as_secs();
            return Ok(Some(match seen {
                Some(seen) => format!("{selector} says {seen:?} after {limit} s, not {text:?}"),
                None => format!("{selector} is not seen within {limit} s"),
            }));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
