//! TLS: which certificate is accepted; and the port that is connected to.

use std::net::SocketAddr;
use std::sync::Arc;

use harness::ErrorKind;
use harness::model::check::Outcome;
use harness::probe::{Prober, Target, Variables};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::server::{Server, text};
use super::{assert_outcome, one_step, probes, round};

/// A certificate authority of this test's own.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA")
}

async fn server(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Server {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocols")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start_tls(acceptor, |request| text(200, request.header("host"))).await
}

fn target(address: SocketAddr, ca_pem: Option<String>, insecure: bool) -> Target {
    Target {
        base_url: "https://service.test:8443".to_owned(),
        resolve: Some(address.into()),
        ca_pem: ca_pem.map(String::into_bytes),
        insecure,
        read_only: false,
    }
}

const STEP: &str = "request = 'GET /'\nexpect.contains = 'service.test:8443'";

#[tokio::test]
async fn the_given_authority_is_trusted_and_no_other() {
    let ours = authority();
    let server = server(&ours, "service.test").await;
    let trusted = target(server.address(), Some(ours.pem()), false);
    let trusted = round(&one_step(STEP), &trusted, &Variables::new()).await;
    assert_outcome(&trusted.checks[0], Outcome::Passed, "");

    let other = target(server.address(), Some(authority().pem()), false);
    let other = round(&one_step(STEP), &other, &Variables::new()).await;
    assert_outcome(&other.checks[0], Outcome::Failed, "certificate");

    let insecure = target(server.address(), None, true);
    let insecure = round(&one_step(STEP), &insecure, &Variables::new()).await;
    assert_outcome(&insecure.checks[0], Outcome::Passed, "");
}

#[tokio::test]
async fn a_certificate_for_another_name_fails() {
    let ours = authority();
    let server = server(&ours, "another.test").await;
    let target = target(server.address(), Some(ours.pem()), false);
    let round = round(&one_step(STEP), &target, &Variables::new()).await;
    assert_outcome(&round.checks[0], Outcome::Failed, "certificate");
}

#[tokio::test]
async fn probes_for_the_other_mode_are_skipped() {
    let ours = authority();
    let server = server(&ours, "service.test").await;
    let probe = |id: &str, when: &str| {
        format!(
            "[[probe]]\nid = '{id}'\nrequirement = 'FR-5'\ntitle = 'it holds'\nwhen = '{when}'\n\
             [[probe.step]]\nrequest = 'GET /'\nexpect.status = 200\n"
        )
    };
    let list = probes(&format!("{}{}", probe("t", "tls"), probe("p", "plain")));
    let target = target(server.address(), Some(ours.pem()), false);
    let round = round(&list, &target, &Variables::new()).await;
    assert_outcome(&round.checks[0], Outcome::Passed, "");
    assert_outcome(&round.checks[1], Outcome::Skipped, "only without TLS");
}

#[test]
fn a_wrong_target_is_a_usage_error() {
    let address = "127.0.0.1:1".parse().expect("an address");
    let wrong = [
        Target { base_url: "korrigo.test".to_owned(), ..target(address, None, false) },
        Target { base_url: "ftp://korrigo.test".to_owned(), ..target(address, None, false) },
        Target { base_url: "http://u:p@korrigo.test".to_owned(), ..target(address, None, false) },
        Target { base_url: "http://10.0.0.1".to_owned(), ..target(address, None, false) },
        target(address, Some("no certificate".to_owned()), false),
    ];
    for target in wrong {
        let error = Prober::new(&one_step(STEP), &target, &Variables::new(), None).err();
        let error = error.unwrap_or_else(|| panic!("{target:?} is accepted"));
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}
