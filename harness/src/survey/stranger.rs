//! Looks at a copy of a stack of which no matrix is known: at what its entry answers, as at any
//! service, and within at nginx where it is the entry, and at Django where a service is found to be.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Zoned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::outside::{Outside, skipped, undecided};
use super::wire::{Ports, Wire};
use super::{Survey, Surveyed, django, judged, volumes};
use crate::audit::headers::Policy;
use crate::config::{Config, DjangoConfig};
use crate::drill::{Drill, Sandbox};
use crate::error::{Attempt, Error, Result};
use crate::model::check::Check;
use crate::model::django::Facts;
use crate::model::event::Events;
use crate::model::observed::Observed;
use crate::visit::{self, Answering};

/// How long a copy whose services are ready may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// What a shell answers when a program is not there, and an engine when it cannot start it.
const NOT_THERE: [Option<i32>; 2] = [Some(126), Some(127)];

/// Whether a `manage.py` in the working folder is Django's.
const FIND_DJANGO: [&str; 4] = ["grep", "-qi", "django", "manage.py"];

/// Brings up a sealed copy of a stack on empty volumes, looks at it, and removes it again.
///
/// # Errors
/// Usage when no service is known to answer requests; undecided when it does not answer.
pub async fn stranger(
    drill: &Drill,
    policy: &Policy,
    events: &Events,
    cancelled: CancellationToken,
) -> Result<Surveyed> {
    drill.config().service.entry()?;
    let standing = drill.stand(events, cancelled.clone()).await?;
    let dir = &drill.request().stack_dir;
    let surveyed = tokio::select! {
        surveyed = look(&standing.sandbox, drill.config(), dir, policy) => surveyed,
        () = cancelled.cancelled() => Err(Error::interrupted()),
    };
    let run = standing.run.to_string();
    standing.remove().await?;
    Ok(Surveyed { run, ..surveyed? })
}

async fn look(sandbox: &Sandbox, config: &Config, dir: &Path, policy: &Policy) -> Result<Surveyed> {
    let (started, service) = (Instant::now(), &config.service);
    let address = sandbox.stack.address(service.entry()?).await?;
    let name = service.host.split(':').next().unwrap_or_default();
    let ports = Ports::of(&address, service.port, 443).await?;
    let wire = Wire::new(ports, name, None)?.only_reading();
    let target = visit::Target { address: ports.http, host: service.host.clone(), tls: false };
    if let Answering::NotHttp(seen) = visit::until_answering(&target, ANSWER_LIMIT).await? {
        let message = format!("the entry {:?} does not speak HTTP", service.entry()?);
        return Err(Error::undecided(message).because(seen));
    }
    let first = "/".to_owned();
    let (usual_ports, insecure, sealed) = (false, false, true);
    let outside = Outside { target, first, wire, usual_ports, insecure, sealed };
    let mut seen = Box::pin(outside.look()).await?;
    let matrix_s = started.elapsed().as_secs_f64();

    let asked = Instant::now();
    let (django, facts) = match Box::pin(find_django(sandbox)).await? {
        Ok((django, facts)) => (Some(django), Some(facts)),
        Err(check) => {
            seen.checks.push(check);
            (None, None)
        }
    };
    let django_s = asked.elapsed().as_secs_f64();
    let config = Config { django, ..config.clone() };
    let survey = Survey::new(sandbox, &config).await?;
    let mut observed = survey.files(dir).await.unwrap_or_else(|cause| {
        let why = format!("findings name no line of the stack's files: {}", cause.chain());
        seen.checks.push(skipped("places", why));
        let day = Zoned::now().date().to_string();
        Observed { host: service.host.clone(), day, ..Observed::default() }
    });
    match nginx(&survey).await? {
        Ok(proxy) => observed.proxy = proxy,
        Err(check) => seen.checks.push(check),
    }
    seen.checks.push(skipped("browser", "no [browser] of a drill.toml says what to do with it"));
    (observed.mode, observed.tls) = (seen.mode, seen.tls);
    (observed.exchanges, observed.hosts) = (seen.exchanges, seen.hosts);
    (observed.foreign, observed.django) = (facts.is_none(), facts);
    let judged = judged(&observed, None, policy, &config.accepts);
    let volumes = volumes::of(sandbox, &config)?;
    Ok(Surveyed { checks: seen.checks, volumes, django_s, matrix_s, ..judged })
}

/// The configuration of the entry, or why there is none.
async fn nginx(survey: &Survey<'_>) -> Result<std::result::Result<Vec<(String, String)>, Check>> {
    let entry = survey.config.service.entry()?;
    let command = survey.sandbox.stack.exec(entry, None, ["nginx", "-T"]).await?;
    let output = command.run().await?;
    if NOT_THERE.contains(&output.exit_code) {
        return Ok(Err(skipped("nginx", format!("the entry {entry:?} has no nginx"))));
    }
    if !output.succeeded() {
        let why = format!("nginx -T in {entry:?}: {}", output.complaint());
        return Ok(Err(undecided("nginx", why)));
    }
    Ok(Ok(crate::audit::nginx::dump(&output.text())))
}

/// The first service whose working folder has Django's `manage.py`, and what that says; or why
/// there is none. One that is there and does not answer leaves it open.
async fn find_django(
    sandbox: &Sandbox,
) -> Result<std::result::Result<(DjangoConfig, Facts), Check>> {
    let mut mute = None;
    for service in services(sandbox)? {
        // Jobs have ended, and what has no grep is no image with Django.
        let Ok(command) = sandbox.stack.exec(&service, None, FIND_DJANGO).await else { continue };
        if !command.run().await?.succeeded() {
            continue;
        }
        for python in ["python", "python3"] {
            let manage = vec![python.to_owned(), "manage.py".to_owned()];
            let config = DjangoConfig { service: service.clone(), manage };
            match django::observe(&sandbox.stack, &config).await {
                Ok(facts) => return Ok(Ok((config, facts))),
                Err(cause) => {
                    let why = format!("{service} has Django's manage.py: {}", cause.chain());
                    mute.get_or_insert(undecided("django", why));
                }
            }
        }
    }
    let none = "no service that runs has Django's manage.py in its working folder";
    Ok(Err(mute.unwrap_or_else(|| skipped("django", none))))
}

/// The services of the copy.
fn services(sandbox: &Sandbox) -> Result<Vec<String>> {
    let file = sandbox.stack.file();
    let text = fs::read_to_string(file).attempt(|| format!("cannot read {}", file.display()))?;
    let compose = serde_json::from_str::<Value>(&text);
    let compose = compose.attempt(|| format!("cannot understand {}", file.display()))?;
    let services = compose["services"].as_object();
    Ok(services.map(|services| services.keys().cloned().collect()).unwrap_or_default())
}
