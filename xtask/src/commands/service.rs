//! `--url` and what goes with it: a target that is only read. And the modes of a stack.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use harness::config::Config;
use harness::drill::Drill;
use harness::model::mode::Mode;
use harness::plan::Request;
use harness::probe::{Endpoint, Target, Variables, facts};
use harness::{Error, Result};

use crate::flags::{ModeFlag, ReachOptions};
use crate::selection::StackOptions;

/// The target at an address.
pub(crate) fn target(url: &str, options: &ReachOptions) -> Result<Target> {
    let ca_pem = options.ca.as_ref().map(|file| {
        fs::read(file).map_err(|cause| {
            Error::usage(format!("cannot read {}", file.display()))
                .because(cause)
                .hint("--ca takes a file of certificates in PEM")
        })
    });
    let base_url = url.trim_end_matches('/').to_owned();
    let resolve = options.resolve.as_deref().map(|text| resolved(text, &base_url)).transpose()?;
    let resolve = resolve.map(Endpoint::from);
    let (ca_pem, insecure) = (ca_pem.transpose()?, options.insecure);
    Ok(Target { base_url, resolve, ca_pem, insecure, read_only: true })
}

/// What probes know of a service that nobody seeded: the account in the environment.
pub(crate) fn variables() -> Variables {
    let mut variables = facts::names();
    let given = (std::env::var("SMOKE_USER"), std::env::var("SMOKE_PASSWORD"));
    if let (Ok(user), Ok(password)) = given
        && !user.is_empty()
    {
        facts::give_account(&mut variables, &user, &password);
    }
    variables
}

/// A copy of a stack for each mode asked for, or for each it has.
pub(crate) fn copies(
    options: &StackOptions,
    report: &std::path::Path,
    mode: Option<ModeFlag>,
) -> Result<Vec<Drill>> {
    let config = Config::load_selected(options.dir(), &options.selection())?;
    let modes = match mode {
        Some(ModeFlag::Tls) => vec![Mode::Tls],
        None if config.tls.is_some() => Mode::ALL.to_vec(),
        Some(ModeFlag::Http) | None => vec![Mode::Http],
    };
    let copy = |mode| {
        let request = Request { mode, report_base: report.to_owned(), ..options.request() };
        Drill::new(request, config.clone())
    };
    modes.into_iter().map(copy).collect()
}

/// `HOST:PORT:ADDR` for the host and port of an address.
fn resolved(text: &str, base_url: &str) -> Result<SocketAddr> {
    let wrong = |what: &str| {
        Error::usage(format!("--resolve {text:?}: {what}")).hint(
            "write the name and port of --url, then the address: korrigo.example:443:192.0.2.1",
        )
    };
    let parts = text.splitn(3, ':').collect::<Vec<_>>();
    let [host, port, address] = parts[..] else { return Err(wrong("it has not three parts")) };
    let port = port.parse::<u16>().map_err(|_| wrong("the port is no number"))?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>().map_err(|_| wrong("the address is none"))?;
    let (scheme, rest) = base_url.split_once("://").unwrap_or(("", base_url));
    let authority = rest.split('/').next().unwrap_or_default();
    let usual = if scheme == "https" { 443 } else { 80 };
    let (name, of_url) = match authority.rsplit_once(':') {
        Some((name, digits)) => (name, digits.parse().unwrap_or(usual)),
        None => (authority, usual),
    };
    if !name.eq_ignore_ascii_case(host) || of_url != port {
        return Err(wrong(&format!("--url is {name}:{of_url}")));
    }
    Ok(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_used_for_the_name_and_port_of_the_url_alone() {
        let at = |text, url| resolved(text, url).map(|address| address.to_string());
        assert_eq!(at("a.test:443:192.0.2.1", "https://a.test").expect("fits"), "192.0.2.1:443");
        assert_eq!(at("a.test:81:[::1]", "http://a.test:81/x").expect("fits"), "[::1]:81");
        for (text, url) in [
            ("b.test:443:192.0.2.1", "https://a.test"),
            ("a.test:80:192.0.2.1", "https://a.test"),
            ("a.test:443", "https://a.test"),
            ("a.test:443:a.test", "https://a.test"),
        ] {
            assert!(at(text, url).is_err(), "{text} is accepted for {url}");
        }
    }
}
