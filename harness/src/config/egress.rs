//! `[egress]`: what the services are known to send.

use std::str::FromStr;

use glob::Pattern;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::egress::Attempt;

/// What the services are known to send.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EgressConfig {
    /// Names with or without a port: `smtp.example.org`, `*.stripe.com:443`.
    pub expected: Vec<String>,
}

impl EgressConfig {
    /// Whether an attempt is one of those. Who only asked for a name had no port yet.
    #[must_use]
    pub fn expects(&self, attempt: &Attempt) -> bool {
        let patterns = self.expected.iter().filter_map(|it| it.parse::<Destination>().ok());
        let name = attempt.target().unwrap_or_default().to_lowercase();
        let is_port = |port: u16| attempt.port.is_none_or(|it| it == port);
        patterns.into_iter().any(|it| it.name.matches(&name) && it.port.is_none_or(is_port))
    }

    pub(super) fn validate(&self) -> Result<()> {
        self.expected.iter().try_for_each(|text| text.parse::<Destination>().map(drop))
    }
}

/// A name that may have `*` and `?` for any text and any letter, and a port.
struct Destination {
    name: Pattern,
    port: Option<u16>,
}

impl FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("egress.expected: {text:?} is no name of a host"))
                .hint("write a name, and a port where one alone is meant: \"*.example.org:443\"")
        };
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let is_name = |it: char| it.is_alphanumeric() || "-_.*?".contains(it);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(wrong());
        }
        let name = Pattern::new(&name.to_lowercase()).map_err(|_| wrong())?;
        Ok(Self { name, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::egress::{Protocol, When};

    fn attempt(name: &str, port: Option<u16>) -> Attempt {
        let protocol = if port.is_some() { Protocol::Tcp } else { Protocol::Dns };
        Attempt { port, ..Attempt::new(When::After, "app", protocol, name) }
    }

    #[test]
    fn a_name_is_expected_with_its_port_or_with_any() {
        let expected = ["smtp.example.org", "*.Stripe.com:443"].map(str::to_owned).to_vec();
        let config = EgressConfig { expected };
        for (name, port, is_expected) in [
            ("smtp.example.org", Some(25), true),
            ("smtp.example.org", None, true),
            ("api.stripe.com", Some(443), true),
            ("API.stripe.com", None, true),
            ("api.stripe.com", Some(80), false),
            ("stripe.com", Some(443), false),
            ("smtp.example.org.evil.net", Some(25), false),
        ] {
            assert_eq!(config.expects(&attempt(name, port)), is_expected, "{name} {port:?}");
        }
        let nameless = Attempt { name: None, ..attempt("", Some(25)) };
        assert!(!config.expects(&nameless));
    }

    #[test]
    fn what_is_no_name_is_refused_with_an_example() {
        for wrong in ["https://example.org", "example.org:smtp", "", ":25", "a/b", "a.org:70000"] {
            let config = EgressConfig { expected: vec![wrong.to_owned()] };
            let error = config.validate().expect_err(wrong);
            assert!(error.to_string().contains(wrong) && error.next_step().is_some(), "{error}");
        }
    }
}
