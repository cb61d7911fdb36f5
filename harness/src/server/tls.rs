//! What `sslmode` and `sslrootcert` ask for, as a connector; and what to do when a handshake
//! fails.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::Config;
use postgres::config::SslMode;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Tls;
use super::verifier::{Trust, Verifier};
use crate::error::{Attempt, Error, Result};

/// What libpq looks for below the home folder when no file is named.
const DEFAULT_ROOTS: &str = ".postgresql/root.crt";

/// The names of the modes, as libpq has them.
const MODES: &str = "disable, allow, prefer, require, verify-ca, verify-full";

/// How much a session wants of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// None.
    Disable,
    /// Whatever the server offers, unchecked.
    Prefer,
    /// Encrypted; checked as [`Mode::VerifyCa`] only where root certificates are named.
    Require,
    /// The server's certificate must come from a trusted authority.
    VerifyCa,
    /// And carry the server's name.
    VerifyFull,
}

impl Mode {
    pub(super) fn named(name: &str) -> Result<Self> {
        match name {
            "disable" => Ok(Self::Disable),
            // libpq tries without first; here the order makes no difference to what is read.
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => {
                Err(Error::usage(format!("unknown sslmode {name:?}"))
                    .hint(format!("known: {MODES}")))
            }
        }
    }
}

/// Whose word is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The authorities that this machine trusts.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

impl Roots {
    pub(super) fn named(name: String) -> Self {
        if name == "system" { Self::System } else { Self::File(PathBuf::from(name)) }
    }

    fn describe(&self) -> String {
        match self {
            Self::System => "this machine's certificate store".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let unread = || format!("cannot read root certificates from {}", self.describe());
        let found = match self {
            Self::System => rustls_native_certs::load_native_certs().certs,
            Self::File(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|cause| Error::usage(unread()).because(cause))?,
        };
        if found.is_empty() {
            return Err(Error::usage(unread()).hint("there is no PEM certificate in it"));
        }
        Ok(found)
    }
}

/// A connector that checks as much as the mode asks for.
pub(super) fn connector(mode: Mode, roots: Option<Roots>, home: Option<&str>) -> Result<Tls> {
    if roots == Some(Roots::System) && mode != Mode::VerifyFull {
        return Err(Error::usage("sslrootcert=system needs sslmode=verify-full")
            .hint("anybody can have a certificate from one of the system's authorities"));
    }
    let roots = roots.or_else(|| default_roots(home)).or(match mode {
        Mode::VerifyCa | Mode::VerifyFull => Some(Roots::System),
        Mode::Disable | Mode::Prefer | Mode::Require => None,
    });
    let trusts = roots.as_ref().map_or_else(|| "nobody".to_owned(), Roots::describe);
    let trust = match (mode, roots) {
        (Mode::Disable | Mode::Prefer, _) | (_, None) => Trust::Anybody,
        (mode, Some(roots)) => {
            let certificates = roots.certificates()?;
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(certificates.iter().cloned());
            Trust::Roots { store, certificates, check_name: mode == Mode::VerifyFull }
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .attempt(|| "cannot set TLS up")?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust, provider }))
        .with_no_client_auth();
    Ok(Tls { connector: MakeRustlsConnect::new(config), trusts })
}

fn default_roots(home: Option<&str>) -> Option<Roots> {
    let file = Path::new(home?).join(DEFAULT_ROOTS);
    file.is_file().then_some(Roots::File(file))
}

/// What to do about a connection that failed, where TLS may be why.
pub(super) fn hint(cause: &postgres::Error, config: &Config, trusts: &str) -> Option<String> {
    let mut source = std::error::Error::source(cause);
    let mut of_the_network = false;
    while let Some(error) = source {
        let inner = error.downcast_ref::<io::Error>().map(io::Error::get_ref);
        of_the_network |= inner.is_some();
        let handshake = inner.flatten().and_then(|inner| inner.downcast_ref());
        if let Some(found) = handshake.or_else(|| error.downcast_ref()) {
            return hint_of(found, trusts);
        }
        source = error.source();
    }
    let demanded = config.get_ssl_mode() == SslMode::Require;
    // The client library tells a server without TLS and an absent password in words only.
    (demanded && !of_the_network && cause.as_db_error().is_none()).then(|| {
        let password = match config.get_password() {
            Some(_) => "",
            None => ", and the password that it may ask for in PGPASSWORD",
        };
        format!("this sslmode needs a server with ssl = on{password}")
    })
}

fn hint_of(error: &rustls::Error, trusts: &str) -> Option<String> {
    let rustls::Error::InvalidCertificate(why) = error else { return None };
    Some(match why {
        // The signature is bad where another authority goes by the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "no authority in {trusts} vouches for it: give your provider's certificate with \
             sslrootcert=FILE"
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "connect by a name that its certificate carries; sslmode=verify-ca does not compare \
             names"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has run out, or this machine's clock is wrong".to_owned()
        }
        _ => format!("its certificate is not acceptable, whatever {trusts} says"),
    })
}
