//! Looks at the TLS end of a service: versions, one by one, and the certificates it sends.

use std::net::IpAddr;

use jiff::Timestamp;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{DigitallySignedStruct, SignatureScheme, version};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::wire::Wire;
use crate::config::probe::OldTls;
use crate::model::observed::{Certificate, Tls};
use crate::probe::old_tls;

/// Looks. That a version is refused or a certificate is not trusted is what was seen, no error.
pub(super) async fn observe(wire: &Wire) -> Tls {
    let mut seen = Tls { seen_at_s: Timestamp::now().as_second(), ..Tls::default() };
    for version in [OldTls::V1_0, OldTls::V1_1] {
        let offered = tokio::time::timeout(
            std::time::Duration::from_secs(5),
            old_tls::offer(wire.ports.https, &wire.host, version),
        );
        let answer = match offered.await {
            Ok(answer) => answer.map_err(|cause| cause.to_string()),
            Err(_) => Err("no answer within 5 s".to_owned()),
        };
        seen.old.push((version.name(), answer));
    }
    let blind = wire.connect_blindly().await;
    if let Ok(stream) = &blind {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        seen.chain = chain.iter().filter_map(|der| read(der)).collect();
    }
    for (name, version) in [("TLS 1.2", &version::TLS12), ("TLS 1.3", &version::TLS13)] {
        let cause = wire.connect(version).await.err();
        let distrust =
            cause.as_ref().and_then(|cause| is_distrust(cause).then(|| cause.to_string()));
        let answer = match (cause, &distrust) {
            (Some(cause), None) => Err(cause.to_string()),
            _ => Ok(()),
        };
        seen.distrust = seen.distrust.or(distrust);
        seen.modern.push((name, answer));
    }
    seen
}

fn is_distrust(cause: &std::io::Error) -> bool {
    use tokio_rustls::rustls::Error;
    let inner = cause.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(inner, Some(Error::InvalidCertificate(_)))
}

fn read(der: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, known) = X509Certificate::from_der(der).ok()?;
    let names = known.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.iter().filter_map(name).collect());
    let valid = known.validity();
    Some(Certificate {
        subject: known.subject().to_string(),
        issuer: known.issuer().to_string(),
        names: names.unwrap_or_default(),
        valid_s: (valid.not_before.timestamp(), valid.not_after.timestamp()),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
                .ok()
                .map(|ip| ip.to_string())
        }
        _ => None,
    }
}

/// Accepts any certificate, so that it can be looked at. Nothing is sent over such a connection.
#[derive(Debug)]
pub(super) struct Blind;

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, tokio_rustls::rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
