//! From an address and the environment to a server. `sslmode` and `sslrootcert` are read here,
//! because the client library knows neither checking mode; all else is left to it.

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use postgres::Config;
use postgres::config::SslMode;

use super::Server;
use super::tls::{self, Mode, Roots};
use crate::error::{Error, Result};

/// Reads an address; `variable` gives what the environment says.
pub(super) fn read(address: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Server> {
    let Asked { rest, mode, roots } = asked(address)?;
    let mut config = Config::from_str(&rest).map_err(|cause| {
        Error::usage("the address of the database cannot be understood")
            .because(cause)
            .hint("write it as postgres://user@host:5432/name, the password in PGPASSWORD")
    })?;
    if config.get_password().is_none()
        && let Some(password) = variable("PGPASSWORD")
    {
        config.password(password);
    }
    let mode = mode.or_else(|| variable("PGSSLMODE"));
    let mode = mode.map_or(Ok(Mode::Prefer), |name| Mode::named(&name))?;
    config.ssl_mode(match mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    let roots = roots.or_else(|| variable("PGSSLROOTCERT")).map(Roots::named);
    let home = variable("HOME");
    let tls = match mode {
        Mode::Disable => None,
        checking => Some(tls::connector(checking, roots, home.as_deref())?),
    };
    Ok(Server { config, tls })
}

/// What an address says of TLS, and the address without it.
struct Asked {
    rest: String,
    mode: Option<String>,
    roots: Option<String>,
}

fn asked(address: &str) -> Result<Asked> {
    let mut asked = Asked { rest: address.to_owned(), mode: None, roots: None };
    let Some((place, query)) = address.split_once('?') else { return Ok(asked) };
    let mut others = Vec::new();
    for parameter in query.split('&') {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let kept = match key {
            "sslmode" => &mut asked.mode,
            "sslrootcert" => &mut asked.roots,
            _ => {
                others.push(parameter);
                continue;
            }
        };
        let value = percent_decode_str(value).decode_utf8().map_err(|cause| {
            Error::usage(format!("{key} of the database's address is not UTF-8")).because(cause)
        })?;
        *kept = Some(value.into_owned()).filter(|value| !value.is_empty());
    }
    asked.rest = match others.as_slice() {
        [] => place.to_owned(),
        others => format!("{place}?{}", others.join("&")),
    };
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent(_: &str) -> Option<String> {
        None
    }

    fn error(address: &str, variable: impl Fn(&str) -> Option<String>) -> Error {
        read(address, variable).expect_err("refused")
    }

    #[test]
    fn an_address_without_a_word_on_tls_takes_what_the_server_offers() {
        let server = read("postgres://reader@db.example:5433/grades?connect_timeout=3", silent)
            .expect("understood");
        assert_eq!(server.config().get_ssl_mode(), SslMode::Prefer);
        assert_eq!(server.config().get_dbname(), Some("grades"));
        assert!(server.config().get_connect_timeout().is_some());
        assert!(server.tls.is_some());
    }

    #[test]
    fn the_address_says_more_than_the_environment() {
        let environment = |name: &str| (name == "PGSSLMODE").then(|| "disable".to_owned());
        let server = read("postgres://db/x", environment).expect("understood");
        assert_eq!(
            (server.config().get_ssl_mode(), server.tls.is_none()),
            (SslMode::Disable, true)
        );
        let server = read("postgres://db/x?sslmode=require", environment).expect("understood");
        assert_eq!(server.config().get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let unknown = error("postgres://db/x?sslmode=verify", silent);
        assert_eq!(unknown.kind(), crate::ErrorKind::Usage);
        assert!(unknown.to_string().contains("\"verify\""), "{unknown}");
        assert!(unknown.next_step().expect("a hint").contains("verify-full"));
        let absent = error("postgres://db/x?sslmode=verify-ca&sslrootcert=%2Fno%2Fca.pem", silent);
        assert!(absent.to_string().contains("/no/ca.pem"), "{absent}");
        let weak = error("postgres://db/x?sslmode=require&sslrootcert=system", silent);
        assert!(weak.to_string().contains("verify-full"), "{weak}");
    }

    #[test]
    fn an_address_that_cannot_be_understood_is_not_repeated() {
        let error = error("postgres://reader:secret@[/grades?sslmode=require", silent);
        assert!(!error.chain().contains("secret"), "{}", error.chain());
    }
}
