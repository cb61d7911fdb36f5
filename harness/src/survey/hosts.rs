//! Host names as no client library would send them (RFC 9112, 3.2; RFC 9110, 7.2), over raw
//! connections.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::wire::Wire;
use crate::error::Result;
use crate::model::observed::HostCase;

/// A name that nobody serves (RFC 2606).
const FORGED: &str = "forged.example";

/// A case: name, what it is, target of the request, lines after it, statuses that are right.
/// `{host}` is the service's name, `{path}` a path that it answers with 200.
const CASES: [(&str, &str, &str, &str, &[u16]); 17] = [
    ("own", "the service's own name", "{path} HTTP/1.1", "Host: {host}\r\n", &[200]),
    ("forged", "a forged Host", "{path} HTTP/1.1", "Host: forged.example\r\n", &[400]),
    (
        "forged-page",
        "a forged Host, for a file of the proxy's own",
        "/ HTTP/1.1",
        "Host: forged.example\r\n",
        &[400],
    ),
    ("below", "a name below the service's", "{path} HTTP/1.1", "Host: forged.{host}\r\n", &[400]),
    (
        "ending",
        "a name that ends like the service's",
        "{path} HTTP/1.1",
        "Host: forged-{host}\r\n",
        &[400],
    ),
    (
        "two-hosts",
        "two Host lines",
        "{path} HTTP/1.1",
        "Host: {host}\r\nHost: forged.example\r\n",
        &[400],
    ),
    (
        "absolute-forged",
        "an absolute target with a forged name",
        "http://forged.example{path} HTTP/1.1",
        "Host: {host}\r\n",
        &[400],
    ),
    (
        "absolute-own",
        "an absolute target with a forged Host line",
        "http://{host}{path} HTTP/1.1",
        "Host: forged.example\r\n",
        &[400],
    ),
    ("no-host", "HTTP/1.1 without Host", "{path} HTTP/1.1", "", &[400]),
    ("old-no-host", "HTTP/1.0 without Host", "{path} HTTP/1.0", "", &[400]),
    ("empty", "an empty Host", "{path} HTTP/1.1", "Host:\r\n", &[400]),
    ("space", "a space inside Host", "{path} HTTP/1.1", "Host: {host} forged.example\r\n", &[400]),
    (
        "ipv6",
        "an IPv6 literal that is not served",
        "{path} HTTP/1.1",
        "Host: [2001:db8::1]\r\n",
        &[400],
    ),
    ("port", "the name with a port", "{path} HTTP/1.1", "Host: {host}:8443\r\n", &[200]),
    ("upper-case", "the name in capitals", "{path} HTTP/1.1", "Host: {HOST}\r\n", &[200]),
    ("dot", "the name with the root's dot", "{path} HTTP/1.1", "Host: {host}.\r\n", &[200, 400]),
    (
        "forwarded-host",
        "a forged X-Forwarded-Host",
        "{path} HTTP/1.1",
        "Host: {host}\r\nX-Forwarded-Host: forged.example\r\nForwarded: host=forged.example\r\n",
        &[200],
    ),
];

/// Asks all cases, and those about the scheme.
pub(super) async fn observe(wire: &Wire, over_tls: bool, path: &str) -> Result<Vec<HostCase>> {
    let fill = |text: &str| {
        let text = text.replace("{host}", &wire.host).replace("{path}", path);
        text.replace("{HOST}", &wire.host.to_ascii_uppercase())
    };
    let cases = CASES.iter().map(|(id, title, target, lines, right)| {
        let sent = format!("GET {}\r\n{}Connection: close\r\n\r\n", fill(target), fill(lines));
        (*id, *title, sent, *right, vec![FORGED.to_owned()])
    });
    let claimed = if over_tls { "http" } else { "https" };
    // Over TLS, believing "http" would redirect for ever; over HTTP, believing "https" would
    // announce HSTS and set cookies that never come back.
    let scheme = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nX-Forwarded-Proto: {claimed}\r\nConnection: close\r\n\r\n",
        wire.host
    );
    let lacks = if over_tls { Vec::new() } else { vec!["Strict-Transport-Security".to_owned()] };
    let spoofed =
        ("forwarded-proto", "a forged X-Forwarded-Proto", scheme, [200].as_slice(), lacks);
    stream::iter(cases.chain([spoofed]))
        .map(|(id, title, sent, right, lacks)| async move {
            let (id, title, right) = (id.to_owned(), title.to_owned(), right.to_vec());
            let answer = wire.send(over_tls, sent.as_bytes()).await?;
            Ok(HostCase { id, title, sent, right, lacks, answer })
        })
        .buffered(8)
        .try_collect()
        .await
}

/// What of this the backend would let through if it were asked without the proxy before it: the
/// proxy's own refusal hides whether Django refuses too.
pub(super) async fn observe_backend(
    wire: &Wire,
    over_tls: bool,
    path: &str,
) -> Result<Vec<HostCase>> {
    // As the proxy would say: otherwise Django redirects before it answers.
    let scheme = if over_tls { "https" } else { "http" };
    let ask = |id: &str, title: &str, lines: &str, right: u16| {
        let sent = format!(
            "GET {path} HTTP/1.1\r\n{lines}X-Forwarded-Proto: {scheme}\r\nConnection: close\r\n\r\n"
        );
        let (id, title) =
            (format!("backend-{id}"), format!("{title}, asked of the backend itself"));
        async move {
            let answer = wire.send(false, sent.as_bytes()).await?;
            let lacks = vec![FORGED.to_owned()];
            Ok(HostCase { id, title, sent, right: vec![right], lacks, answer })
        }
    };
    let forwarded = format!("Host: {}\r\nX-Forwarded-Host: {FORGED}\r\n", wire.host);
    let (forged, forwarded) = tokio::try_join!(
        ask("forged", "a forged Host", &format!("Host: {FORGED}\r\n"), 400),
        ask("forwarded-host", "a forged X-Forwarded-Host", &forwarded, 200),
    )?;
    Ok(vec![forged, forwarded])
}
