//! What the MDN HTTP Observatory would look at, of a service that it cannot reach: where the
//! landing page leads over HTTPS and over HTTP, and one CORS preflight.

use url::Url;

use super::wire::Wire;
use crate::audit::observatory::{Headers, Hop, Landing, Preflight, PreloadList, SetCookie, Site};
use crate::error::{Error, Result};
use crate::model::observed::Answer;

/// Redirects followed.
const HOPS_MAX: usize = 10;

/// The origin that the preflight comes from.
const ORIGIN: &str = "https://http-observatory.security.mozilla.org";

/// Walks from `/` over both schemes.
pub(super) async fn observe(wire: &Wire, tls: bool) -> Result<Site> {
    let mut http_route = Vec::new();
    let http = walk(wire, "http", &mut http_route).await?;
    let https = if tls { walk(wire, "https", &mut Vec::new()).await? } else { None };
    let preflight = format!(
        "OPTIONS / HTTP/1.1\r\nHost: {}\r\nOrigin: {ORIGIN}\r\nAccess-Control-Request-Method: GET\r\n\
         Connection: close\r\n\r\n",
        wire.host
    );
    let preflight = wire.send(tls, preflight.as_bytes()).await?;
    let preflight = preflight
        .map(|answer| Preflight { origin: Some(ORIGIN.to_owned()), headers: headers(&answer) });
    let host = wire.host.to_ascii_lowercase();
    Ok(Site { host, https, http, http_route, preflight, preload: PreloadList::default() })
}

/// The same of a service that is only read: without the preflight, and over plain HTTP only where
/// something answers there.
pub(super) async fn read(wire: &Wire, plain: bool, verified: bool) -> Result<Site> {
    let mut http_route = Vec::new();
    let http = if plain { walk(wire, "http", &mut http_route).await? } else { None };
    let https = walk(wire, "https", &mut Vec::new()).await?;
    let https = https.map(|landing| Landing { verified, ..landing });
    let (host, preload) = (wire.host.to_ascii_lowercase(), PreloadList::default());
    Ok(Site { host, https, http, http_route, preflight: None, preload })
}

async fn walk(wire: &Wire, scheme: &str, route: &mut Vec<Hop>) -> Result<Option<Landing>> {
    let parse = |text: &str| {
        Url::parse(text)
            .map_err(|cause| Error::undecided(format!("{text:?} is no address")).because(cause))
    };
    let mut url = parse(&format!("{scheme}://{}/", wire.host))?;
    let mut cookies_on_the_way = Vec::new();
    for _ in 0..HOPS_MAX {
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
            wire.host
        );
        let Some(answer) = wire.send(url.scheme() == "https", request.as_bytes()).await? else {
            return Ok(None);
        };
        route.push(Hop { url: url.clone(), status: answer.status });
        let next = answer.value("Location").filter(|_| (300..400).contains(&answer.status));
        match next.map(|location| url.join(location)) {
            Some(Ok(next)) if next.host_str() == Some(wire.host.as_str()) => {
                let lines = answer.values("Set-Cookie").into_iter();
                cookies_on_the_way.extend(
                    lines.map(|line| SetCookie { url: url.clone(), line: line.to_owned() }),
                );
                url = next;
            }
            _ => {
                let (status, headers) = (answer.status, headers(&answer));
                let body = answer.body;
                let verified = true;
                return Ok(Some(Landing {
                    url,
                    status,
                    headers,
                    body,
                    verified,
                    cookies_on_the_way,
                }));
            }
        }
    }
    Err(Error::undecided(format!("{scheme}://{}/ redirects for ever", wire.host)))
}

fn headers(answer: &Answer) -> Headers {
    Headers::new(answer.lines.iter().cloned())
}
