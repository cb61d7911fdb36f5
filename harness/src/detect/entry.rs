//! The entry: the service and the port at which a stack answers requests from outside.

use super::application::leads_to;
use super::facts::{Facts, Service};
use super::table::{self, Purpose, may_be_http};

use serde::Serialize;

/// Where a stack answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The service.
    pub service: String,
    /// Port it listens on inside the sandbox.
    pub port: u16,
}

/// An entry, by what it is known, and what is to be said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) entry: Option<Entry>,
    pub(super) ground: String,
    /// Host name that a router's rule asks for.
    pub(super) host: Option<String>,
    pub(super) rivals: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Ports at which HTTP is likelier than at others, in that order.
const LIKELY: [u16; 14] =
    [80, 8080, 8000, 3000, 5000, 8888, 9000, 4000, 5173, 8069, 8081, 1337, 2368, 8443];

/// Finds the entry of a stack whose application and databases are known.
pub(super) fn find(facts: &Facts<'_>, application: Option<&str>, databases: &[&str]) -> Found {
    let services = facts.services().collect::<Vec<_>>();
    let app = application.and_then(|name| facts.service(name));
    let mut notes = Vec::new();
    let host = app.as_ref().and_then(routed_host).or_else(|| services.iter().find_map(routed_host));
    let proxies = services.iter().filter(|it| it.purpose() == Purpose::Proxy && http(it).is_some());
    let (sealed, commanding) =
        proxies.partition::<Vec<&Service<'_>>, _>(|proxy| proxy.engine_socket().is_none());
    for proxy in &commanding {
        notes.push(socket_note(proxy, app.as_ref(), &services, databases));
    }
    if let Some((proxy, rivals)) = prefer(&sealed, app.as_ref()) {
        let ground = format!("a proxy with published ports ({})", named(proxy));
        return found(proxy, http(proxy), ground, host, rivals, notes);
    }
    if let Some((service, port, ground)) = routed(app.as_ref(), &services, databases) {
        return found(service, Some(port), ground, host, Vec::new(), notes);
    }
    let serves = |service: &&Service<'_>| {
        !databases.contains(&service.name)
            && !matches!(service.purpose(), Purpose::Cache | Purpose::Server(_))
            && service.engine_socket().is_none()
            && http(service).is_some()
    };
    let is_tool =
        |service: &&Service<'_>| service.reference().is_some_and(|it| table::is_tool(it.name));
    if let Some(app) = app.as_ref().filter(|app| http(app).is_some()) {
        let front = services
            .iter()
            .filter(serves)
            .filter(|it| !is_tool(it))
            .find(|it| it.name != app.name && is_front(it) && leads_to(it, app));
        let ground = |what: &str| format!("{what} publishes the port");
        return match front {
            Some(front) => {
                found(front, http(front), ground("the front end"), host, Vec::new(), notes)
            }
            None => found(app, http(app), ground("the application"), host, Vec::new(), notes),
        };
    }
    let published = services.iter().filter(serves);
    let (tools, published) = published.partition::<Vec<&Service<'_>>, _>(is_tool);
    if let Some((service, rivals)) = prefer(&published, app.as_ref()) {
        let ground = "it publishes a port, and is no database, cache or tool".to_owned();
        return found(service, http(service), ground, host, rivals, notes);
    }
    match app.as_ref().and_then(|app| Some((app, likely(&app.exposed())?))) {
        Some((app, port)) => {
            let ground = "the application's image or service exposes the port".to_owned();
            found(app, Some(port), ground, host, Vec::new(), notes)
        }
        None => match prefer(&tools, None) {
            Some((tool, rivals)) => {
                let ground = "nothing else publishes a port".to_owned();
                found(tool, http(tool), ground, host, rivals, notes)
            }
            None => Found { host, notes, ..Found::default() },
        },
    }
}

fn found(
    service: &Service<'_>,
    port: Option<u16>,
    ground: String,
    host: Option<String>,
    rivals: Vec<String>,
    notes: Vec<String>,
) -> Found {
    let entry = port.map(|port| Entry { service: service.name.to_owned(), port });
    Found { entry, ground, host, rivals, notes }
}

/// The one that leads to the application, or the first; the others of the same standing.
fn prefer<'s, 'a>(
    candidates: &[&'s Service<'a>],
    app: Option<&Service<'_>>,
) -> Option<(&'s Service<'a>, Vec<String>)> {
    let leading = candidates.iter().filter(|it| app.is_some_and(|app| leads_to(it, app)));
    let leading = leading.copied().collect::<Vec<_>>();
    let chosen = if leading.is_empty() { candidates } else { &leading };
    let (first, rest) = chosen.split_first()?;
    Some((first, rest.iter().map(|service| service.name.to_owned()).collect()))
}

fn named<'a>(service: &Service<'a>) -> &'a str {
    service.reference().map_or("built here", |reference| reference.name)
}

fn socket_note(
    proxy: &Service<'_>,
    app: Option<&Service<'_>>,
    services: &[Service<'_>],
    databases: &[&str],
) -> String {
    let without =
        routed(app, services, databases).map(|(service, port, _)| (service.name, port)).or_else(
            || app.and_then(|app| Some((app.name, http(app).or_else(|| likely(&app.exposed()))?))),
        );
    let without = without.map_or_else(
        || "the entry without it is not known: write [service] entry and port".to_owned(),
        |(service, port)| format!("the entry without it is {service}:{port}"),
    );
    format!(
        "proxy {} has the engine's socket and cannot be sealed: leave it out with --without {}; {without}",
        proxy.name, proxy.name
    )
}

fn is_front(service: &Service<'_>) -> bool {
    table::parts(service.name).any(|part| {
        ["front", "frontend", "web", "ui", "webapp", "www", "client", "nginx", "proxy"]
            .contains(&part)
    })
}

/// The published port that answers HTTP, likely ones first.
fn http(service: &Service<'_>) -> Option<u16> {
    likely(&service.published())
}

fn likely(ports: &[u16]) -> Option<u16> {
    let known = LIKELY.into_iter().find(|port| ports.contains(port));
    let plain = ports.iter().copied().find(|port| may_be_http(*port));
    // TLS needs a certificate that the sandbox does not have: last.
    let open = plain.filter(|port| *port != 443);
    known
        .or(open)
        .or_else(|| ports.iter().copied().find(|port| may_be_http(*port) && *port != 443))
        .or(plain)
}

/// A service that a router's labels lead to, the application's first.
fn routed<'s, 'a>(
    app: Option<&'s Service<'a>>,
    services: &'s [Service<'a>],
    databases: &[&str],
) -> Option<(&'s Service<'a>, u16, String)> {
    let others = services.iter().filter(|it| !databases.contains(&it.name));
    let candidates = app.into_iter().chain(others);
    candidates.filter(|it| it.engine_socket().is_none()).find_map(|service| {
        let (port, ground) = route(service)?;
        Some((service, port, ground))
    })
}

fn route(service: &Service<'_>) -> Option<(u16, String)> {
    let labels = service.labels();
    let environment = service.own_environment();
    let known = || http(service).or_else(|| likely(&service.exposed()));
    let port_label = labels.iter().find(|(name, _)| {
        name.starts_with("traefik.http.services.") && name.ends_with(".loadbalancer.server.port")
    });
    if let Some((name, value)) = port_label {
        return Some((value.trim().parse().ok()?, format!("its label {name}")));
    }
    if let Some((name, _)) =
        labels.iter().find(|(name, _)| name.starts_with("traefik.http.routers."))
    {
        return Some((known().unwrap_or(80), format!("its label {name}")));
    }
    if let Some((name, value)) =
        labels.iter().find(|(name, _)| name.starts_with("caddy") && name.ends_with("reverse_proxy"))
    {
        let said = value.split(|c: char| !c.is_ascii_digit()).find_map(|text| text.parse().ok());
        return Some((said.or_else(known).unwrap_or(80), format!("its label {name}")));
    }
    environment.get("VIRTUAL_HOST").map(|_| {
        let said = environment.get("VIRTUAL_PORT").and_then(|port| port.parse().ok());
        (said.or_else(known).unwrap_or(80), "its variable VIRTUAL_HOST".to_owned())
    })
}

/// The host name of a router's rule, if it is a plain one.
fn routed_host(service: &Service<'_>) -> Option<String> {
    let labels = service.labels();
    let rule = labels.iter().find(|(name, _)| {
        name.starts_with("traefik.http.routers.") && name.rsplit('.').next() == Some("rule")
    });
    let of_rule = rule.and_then(|(_, rule)| {
        rule.split_once("Host(")?.1.split(['`', '\'', '"']).nth(1).map(str::to_owned)
    });
    let of_caddy = || labels.get("caddy").map(|it| first_host(it));
    let of_variable = || service.own_environment().get("VIRTUAL_HOST").map(|it| first_host(it));
    let host = of_rule.or_else(of_caddy).or_else(of_variable)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!host.is_empty() && host.chars().all(is_plain)).then_some(host)
}

fn first_host(text: &str) -> String {
    let first = text.split([',', ' ']).next().unwrap_or_default();
    first.trim_start_matches("https://").trim_start_matches("http://").to_owned()
}
