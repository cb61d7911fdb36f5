//! Signs in as a browser does, over raw connections: a cookie that is `Secure` stays at home
//! when the connection is not, and every `Set-Cookie` line is kept as it came.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::wire::Wire;
use crate::config::probe::{Csrf, OneOrMany, Probe};
use crate::error::{Error, Result};
use crate::model::observed::{Exchange, Login};
use crate::probe::template::{JsonTemplate, Variables};

/// What signing in left.
#[derive(Debug, Clone, Default)]
pub(super) struct SignedIn {
    /// How it went.
    pub login: Login,
    /// Its answers, which set cookies.
    pub exchanges: Vec<Exchange>,
    /// The `Cookie` header of whoever is signed in now.
    pub cookies: String,
}

#[derive(Debug, Default)]
struct Jar(BTreeMap<String, (String, bool)>);

impl Jar {
    fn keep(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let secure = parts.any(|part| part.eq_ignore_ascii_case("secure"));
        self.0.insert(name.to_owned(), (value.to_owned(), secure));
    }

    fn header(&self, over_tls: bool) -> String {
        let sent = self.0.iter().filter(|(_, (_, secure))| over_tls || !secure);
        sent.map(|(name, (value, _))| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn withheld(&self, over_tls: bool) -> Vec<String> {
        let kept = self.0.iter().filter(|(_, (_, secure))| !over_tls && *secure);
        kept.map(|(name, _)| name.clone()).collect()
    }
}

/// Goes through the requests of a probe that signs in. Ends at the first that fails.
pub(super) async fn sign_in(
    wire: &Wire,
    over_tls: bool,
    probe: &Probe,
    variables: &Variables,
) -> Result<SignedIn> {
    let mut jar = Jar::default();
    let mut done = SignedIn::default();
    for step in &probe.steps {
        let Some(OneOrMany::One(line)) = &step.request else { continue };
        let json = step.json.as_ref().map(|json| {
            let json = JsonTemplate::parse(json).map_err(|wrong| refuse(probe, &wrong))?;
            json.render(variables).map_err(|name| refuse(probe, &format!("{name:?} has no value")))
        });
        let json = json.transpose()?;
        let body = json.map(|json| json.to_string()).unwrap_or_default();
        let request = request(wire, over_tls, line, &body, probe.csrf.as_ref(), &jar);
        let answer = wire.send(over_tls, request.as_bytes()).await?;
        let answer = answer.ok_or_else(|| Error::undecided(format!("{line} got no answer")))?;
        for set in answer.values("Set-Cookie") {
            jar.keep(set);
        }
        let (method, path) = line.split_once(' ').unwrap_or(("GET", line));
        let status = answer.status;
        done.login.statuses.push((line.clone(), status));
        done.exchanges.push(Exchange {
            id: probe.id.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            host: None,
            over_tls,
            expected: vec![status],
            answer,
            backend: None,
        });
        if status >= 300 {
            break;
        }
    }
    done.login.withheld = jar.withheld(over_tls);
    done.cookies = jar.header(over_tls);
    Ok(done)
}

fn request(
    wire: &Wire,
    over_tls: bool,
    line: &str,
    body: &str,
    csrf: Option<&Csrf>,
    jar: &Jar,
) -> String {
    let host = &wire.host;
    let mut head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    let cookies = jar.header(over_tls);
    if !cookies.is_empty() {
        let _ = write!(head, "Cookie: {cookies}\r\n");
    }
    if !line.starts_with("GET ") {
        let scheme = if over_tls { "https" } else { "http" };
        let _ = write!(head, "Origin: {scheme}://{host}\r\nReferer: {scheme}://{host}/\r\n");
        let token = csrf.and_then(|csrf| Some((csrf, jar.0.get(&csrf.cookie)?)));
        if let Some((csrf, (token, _))) = token.filter(|(_, (_, secure))| over_tls || !secure) {
            let _ = write!(head, "{}: {token}\r\n", csrf.header);
        }
        let _ =
            write!(head, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    format!("{head}\r\n{body}")
}

fn refuse(probe: &Probe, what: &str) -> Error {
    Error::usage(format!("probe {:?} cannot sign in: {what}", probe.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secure_cookie_stays_at_home_over_plain_http() {
        let mut jar = Jar::default();
        jar.keep("a=1; Path=/; secure");
        jar.keep("b=2; Path=/");
        assert_eq!(jar.header(true), "a=1; b=2");
        assert_eq!(jar.header(false), "b=2");
        assert_eq!(jar.withheld(false), ["a"]);
        assert_eq!(jar.withheld(true), Vec::<String>::new());
    }
}
