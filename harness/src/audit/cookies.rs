//! Rules on cookies: every `Set-Cookie` line of every answer, and whether one can log in at all.

use std::collections::BTreeMap;

use super::{given, settings};
use crate::model::finding::{Finding, Place, Priority, Status};
use crate::model::mode::Mode;
use crate::model::observed::{Exchange, Observed};

/// A session should not outlive this without a reason, in seconds: two weeks, Django's default.
const SESSION_MAX_S: i64 = 14 * 24 * 3600;

/// A `Set-Cookie` line, taken apart (RFC 6265, 5.2).
#[derive(Debug, Default)]
pub(super) struct Cookie<'a> {
    pub(super) name: &'a str,
    attributes: BTreeMap<String, &'a str>,
}

impl<'a> Cookie<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let mut parts = line.split(';');
        let name =
            parts.next().and_then(|pair| pair.split_once('=')).map_or("", |(name, _)| name.trim());
        let attributes = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), value.trim())
        });
        Self { name, attributes: attributes.collect() }
    }

    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attributes.contains_key(attribute)
    }

    fn get(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).copied().unwrap_or_default()
    }

    fn is_session(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        name.contains("sess") || name.contains("login")
    }

    /// A line that takes a cookie away protects nothing.
    pub(super) fn is_removal(&self) -> bool {
        self.get("max-age") == "0"
    }

    /// Its attributes, without the date on which it ends: that one changes.
    pub(super) fn undated(&self) -> Vec<String> {
        let lasting = self.attributes.iter().filter(|(name, _)| *name != "expires");
        let shown = lasting.map(|(name, value)| match *value {
            "" => name.clone(),
            value => format!("{name}={value}"),
        });
        shown.collect()
    }

    /// The raw line without its value.
    pub(super) fn shown(&self) -> String {
        let attributes = self.attributes.iter().map(|(name, value)| match *value {
            "" => format!("; {name}"),
            value => format!("; {name}={value}"),
        });
        format!("Set-Cookie: {}=…{}", self.name, attributes.collect::<String>())
    }
}

/// Judges cookies and the login.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    let mut found: BTreeMap<(String, String), Finding> = BTreeMap::new();
    for exchange in &observed.exchanges {
        for line in exchange.answer.values("Set-Cookie") {
            let cookie = Cookie::parse(line);
            for (rule, priority, detail) in troubles(&cookie, observed.mode, exchange) {
                let key = (rule.to_owned(), cookie.name.to_owned());
                let evidence = format!("{}: {}", exchange.subject(), cookie.shown());
                let known = found
                    .entry(key)
                    .or_insert_with(|| finding(observed, rule, priority, cookie.name, detail));
                known.evidence.push(evidence);
            }
        }
    }
    found.into_values().chain(login(observed)).collect()
}

type Trouble = (&'static str, Priority, String);

fn troubles(cookie: &Cookie<'_>, mode: Mode, exchange: &Exchange) -> Vec<Trouble> {
    let mut found = Vec::new();
    if cookie.is_removal() {
        return found;
    }
    let mut add = |rule, priority, detail: String| found.push((rule, priority, detail));
    match (mode, cookie.has("secure")) {
        (Mode::Tls, false) => {
            add("cookies.secure", Priority::P1, "without Secure it is sent over plain HTTP too".to_owned());
        }
        (Mode::Http, true) => add(
            "cookies.secure-over-http",
            Priority::P1,
            "with Secure, browsers do not send it back over plain HTTP: logging in starts over for ever".to_owned(),
        ),
        _ => {}
    }
    if cookie.is_session() && !cookie.has("httponly") {
        add(
            "cookies.httponly",
            Priority::P1,
            "without HttpOnly, scripts can read the session".to_owned(),
        );
    }
    match cookie.get("samesite").to_ascii_lowercase().as_str() {
        "lax" | "strict" => {}
        "none" => add(
            "cookies.samesite",
            Priority::P1,
            "SameSite=None: every site's requests carry it".to_owned(),
        ),
        _ => add(
            "cookies.samesite",
            Priority::P2,
            "without SameSite, what is sent depends on the browser".to_owned(),
        ),
    }
    if cookie.has("domain") {
        add(
            "cookies.domain",
            Priority::P2,
            format!("Domain={}: every host below gets it", cookie.get("domain")),
        );
    }
    let prefix_kept = cookie.has("secure")
        && exchange.over_tls
        && (!cookie.name.starts_with("__Host-")
            || (!cookie.has("domain") && cookie.get("path") == "/"));
    if (cookie.name.starts_with("__Host-") || cookie.name.starts_with("__Secure-")) && !prefix_kept
    {
        add(
            "cookies.prefix",
            Priority::P1,
            "browsers reject it: its prefix promises more than it keeps".to_owned(),
        );
    }
    let age_s = cookie.get("max-age").parse::<i64>().unwrap_or_default();
    if cookie.is_session() && age_s > SESSION_MAX_S {
        add(
            "cookies.lifetime",
            Priority::P3,
            format!("the session lives for {} days", age_s / 86_400),
        );
    }
    found
}

fn finding(
    observed: &Observed,
    rule: &'static str,
    priority: Priority,
    cookie: &str,
    detail: String,
) -> Finding {
    let (title, attribute, remedy) = match rule {
        "cookies.secure" => ("a cookie over TLS is not Secure", "SECURE", "= True over TLS"),
        "cookies.secure-over-http" => (
            "a cookie over plain HTTP is Secure",
            "SECURE",
            "= False without TLS: let SSL_ENABLED decide",
        ),
        "cookies.httponly" => ("the session is open to scripts", "HTTPONLY", "= True"),
        "cookies.samesite" => {
            ("a cookie is sent with other sites' requests", "SAMESITE", "= \"Lax\"")
        }
        "cookies.domain" => ("a cookie is not of one host", "DOMAIN", ": leave it unset"),
        "cookies.prefix" => {
            ("a cookie's prefix does not hold", "NAME", ": a name whose prefix holds")
        }
        _ => ("a session lives long", "AGE", ": two weeks or less"),
    };
    let kind = if cookie.starts_with("csrf") { "CSRF" } else { "SESSION" };
    let setting = format!("{kind}_COOKIE_{attribute}");
    let remedy =
        if observed.foreign { in_general(rule).to_owned() } else { format!("{setting} {remedy}") };
    Finding {
        id: rule.to_owned(),
        requirement: "FR-3".to_owned(),
        priority,
        status: Status::Open,
        title: title.to_owned(),
        subject: format!("cookie {cookie}"),
        detail,
        place: flags(observed, attribute).or_else(|| cause(observed, attribute, &setting)),
        remedy,
        patch: None,
        decision: None,
        evidence: Vec::new(),
    }
}

/// A remedy, where nobody knows what sets the cookie.
fn in_general(rule: &str) -> &'static str {
    match rule {
        "cookies.secure" => "set it with Secure",
        "cookies.secure-over-http" => "set it with Secure over TLS, and only there",
        "cookies.httponly" => "set it with HttpOnly",
        "cookies.samesite" => "set it with SameSite=Lax",
        "cookies.domain" => "set it without Domain",
        "cookies.prefix" => "give it a name whose prefix holds",
        _ => "let it end after two weeks or less",
    }
}

/// Where a setting gets its value; or where the environment does, if the setting follows it and
/// a compose file says otherwise than the mode needs.
fn cause(observed: &Observed, attribute: &str, setting: &str) -> Option<Place> {
    let place = settings::place(&observed.files, setting);
    let text = place.as_ref().and_then(|place| {
        let at = usize::try_from(place.line?).ok()?.checked_sub(1)?;
        observed.files.get(&place.file)?.lines().nth(at)
    });
    let value = text.and_then(|text| text.split_once('=')).map_or("", |(_, value)| value.trim());
    let follows = attribute == "SECURE" && !matches!(value, "" | "True" | "False");
    let variable = follows.then(|| settings::contradicted(observed)).flatten();
    let variable = variable.map(|known| known.place);
    variable.or_else(|| place.map(|place| given::cause(observed, place)))
}

/// A line of the proxy that changes this attribute of cookies: it has the last word.
fn flags(observed: &Observed, attribute: &str) -> Option<Place> {
    let directive =
        if attribute == "DOMAIN" { "proxy_cookie_domain" } else { "proxy_cookie_flags" };
    observed.proxy.iter().find_map(|(file, text)| {
        let at = text.lines().position(|line| {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            words.any(|word| word == directive)
        })?;
        let place = Place { file: file.clone(), line: u32::try_from(at + 1).ok() };
        Some(super::place_in_stack(observed, &place))
    })
}

fn login(observed: &Observed) -> Option<Finding> {
    let login = observed.login.as_ref()?;
    let steps = login.statuses.iter().map(|(step, status)| format!("{step} → {status}"));
    let steps = steps.collect::<Vec<_>>();
    if login.statuses.iter().all(|(_, status)| (200..300).contains(status)) {
        return None;
    }
    let looped = !login.withheld.is_empty();
    let setting = cause(observed, "SECURE", "SESSION_COOKIE_SECURE");
    Some(Finding {
        id: if looped { "cookies.login-loop" } else { "cookies.login" }.to_owned(),
        requirement: "FR-3".to_owned(),
        priority: Priority::P0,
        status: Status::Open,
        title: "nobody can log in".to_owned(),
        subject: format!("logging in over {}", observed.mode.scheme()),
        detail: if looped {
            let kept = login.withheld.join(", ");
            format!("the browser keeps {kept} to itself: Secure, over plain HTTP")
        } else {
            "a step of logging in fails".to_owned()
        },
        place: if looped { flags(observed, "SECURE").or(setting) } else { None },
        remedy: "Secure cookies where there is TLS, and only there: let SSL_ENABLED decide"
            .to_owned(),
        patch: None,
        decision: None,
        evidence: steps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::{Answer, Login};

    fn findings(mode: Mode, line: &str) -> Vec<String> {
        let exchange = Exchange {
            id: "it".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: None,
            over_tls: mode == Mode::Tls,
            expected: vec![200],
            answer: Answer {
                status: 200,
                lines: vec![("set-cookie".to_owned(), line.to_owned())],
                body: String::new(),
            },
            backend: None,
        };
        let observed = Observed { mode, exchanges: vec![exchange], ..Observed::default() };
        let found = judge(&observed);
        assert!(found.iter().all(|finding| !finding.evidence.concat().contains("s3cret")));
        found.into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn each_attribute_is_judged_in_its_mode() {
        let good = "sessionid=s3cret; HttpOnly; Path=/; SameSite=Lax; Max-Age=1209600";
        assert_eq!(findings(Mode::Http, good), Vec::<String>::new());
        assert_eq!(findings(Mode::Tls, &format!("{good}; Secure")), Vec::<String>::new());
        assert_eq!(findings(Mode::Tls, good), ["cookies.secure"]);
        assert_eq!(findings(Mode::Http, &format!("{good}; Secure")), ["cookies.secure-over-http"]);
        let bad = "sessionid=s3cret; Path=/; Domain=a.test; Max-Age=9999999; Secure";
        let named =
            ["domain", "httponly", "lifetime", "samesite"].map(|rule| format!("cookies.{rule}"));
        assert_eq!(findings(Mode::Tls, bad), named);
        let host = "__Host-csrf=s3cret; Path=/admin; SameSite=Lax; Secure";
        assert_eq!(findings(Mode::Tls, host), ["cookies.prefix"]);
        assert_eq!(findings(Mode::Tls, "sessionid=; Max-Age=0"), Vec::<String>::new());
    }

    #[test]
    fn a_login_that_loops_names_what_the_browser_kept() {
        let login = Login {
            statuses: vec![("POST /api/auth/login/".to_owned(), 403)],
            withheld: vec!["csrftoken".to_owned()],
        };
        let found = judge(&Observed { login: Some(login), ..Observed::default() });
        assert_eq!(found[0].id, "cookies.login-loop");
        assert!(found[0].detail.contains("csrftoken"));
    }
}
