//! A server that insists on TLS, as managed providers do: the right authority is believed, and
//! whatever else answers is refused by name.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::text;
use scenarios::scratch::{FIFTEEN, Postgres};
use scenarios::xtask::{Answer, answer, xtask};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Has a server answer with a certificate for `name`, signed by an authority.
fn certify(server: &Postgres, authority: &CertifiedIssuer<'static, KeyPair>, name: &str) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let _ = server.shell(&format!(
        "umask 077 && cd /var/lib/postgresql/memory/cluster && \
         printf '%s' '{certificate}' > server.crt && printf '%s' '{key}' > server.key && \
         psql -q -c 'ALTER SYSTEM SET ssl = on' -c 'SELECT pg_reload_conf()' && \
         for turn in $(seq 100); do \
            [ \"$(psql -At -c 'SHOW ssl')\" = on ] && exit; sleep 0.1; \
         done; echo 'TLS is still off' >&2; exit 1"
    ));
}

/// From now on nobody signs in over the network without TLS.
fn insist(server: &Postgres) {
    let _ = server.shell(
        "sed -i 's/^host all all all trust/hostssl all all all trust/' \
           /var/lib/postgresql/memory/cluster/pg_hba.conf && psql -q -c 'SELECT pg_reload_conf()'",
    );
}

#[track_caller]
fn fingerprint(server: &Postgres, tls: &str, exit_code: i32) -> Answer {
    let url = format!("{}?{tls}", server.url("postgres"));
    let mut command = xtask(&["fingerprint", "--database", &url]);
    // What the machine's own user trusts is no part of this.
    command.env_remove("PGSSLMODE").env_remove("PGSSLROOTCERT");
    answer(command, exit_code)
}

#[test]
fn a_server_is_believed_only_as_far_as_the_mode_says() {
    let server = Postgres::start(FIFTEEN);
    server.execute("postgres", "CREATE TABLE mark (id int)");
    let (ours, theirs) = (authority(), authority());
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right.pem"), folder.path().join("wrong.pem"));
    fs::write(&right, ours.pem()).unwrap();
    fs::write(&wrong, theirs.pem()).unwrap();
    let (right, wrong) = (text(&right), text(&wrong));

    // A server without TLS.
    for mode in ["require", "verify-ca", "verify-full"] {
        let tls = format!("sslmode={mode}&sslrootcert={right}");
        fingerprint(&server, &tls, 3).names(&["server does not support TLS", "hint"]);
    }
    fingerprint(&server, "sslmode=prefer", 0);

    // A certificate with another name.
    certify(&server, &ours, "db.example");
    insist(&server);
    fingerprint(&server, "sslmode=disable", 3).names(&["no encryption"]);
    fingerprint(&server, "sslmode=prefer", 0);
    fingerprint(&server, "sslmode=require", 0);
    fingerprint(&server, &format!("sslmode=verify-ca&sslrootcert={right}"), 0);
    let other = fingerprint(&server, &format!("sslmode=verify-full&sslrootcert={right}"), 3);
    other.names(&["not valid for name", "db.example", "hint: connect by a name"]);

    // A certificate with its own name, of one authority.
    let address = server.url("postgres");
    let address = address.split(['@', ':']).nth(2).expect("a host").to_owned();
    certify(&server, &ours, &address);
    fingerprint(&server, &format!("sslmode=verify-full&sslrootcert={right}"), 0);
    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = fingerprint(&server, &format!("sslmode={mode}&sslrootcert={wrong}"), 3);
        refused.names(&["invalid peer certificate", wrong, "sslrootcert=FILE"]);
    }
    // No authority of this machine has signed it.
    fingerprint(&server, "sslmode=verify-full&sslrootcert=system", 3).names(&["UnknownIssuer"]);

    // The environment says what the address does not, and compare asks the same way.
    let certificate = folder.path().join("certificate.json");
    let url = server.url("postgres");
    let asked = |args: &[&str], roots: &str, exit_code| {
        let mut command = xtask(args);
        command.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", roots);
        answer(command, exit_code)
    };
    asked(&["fingerprint", "--database", &url, "--out", text(&certificate)], right, 0);
    asked(&["compare", text(&certificate), &url], right, 0).names(&["equal"]);
    asked(&["compare", text(&certificate), &url], wrong, 3).names(&[wrong]);
}
