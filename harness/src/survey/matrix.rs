//! Asks every cell of the audit's matrix: through the proxy, and the backend by itself, so that
//! each header line can be attributed. Reads what came back; judges nothing.

use std::fmt::Write as _;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::wire::Wire;
use crate::config::Route;
use crate::error::{Error, Result};
use crate::model::observed::{Answer, Exchange};
use crate::probe::template::{Template, Variables};

/// Cells asked at once.
const AT_ONCE: usize = 8;

/// Where a matrix is asked.
#[derive(Debug, Clone)]
pub(super) struct Matrix<'a> {
    /// The proxy.
    pub proxy: &'a Wire,
    /// The backend, by itself.
    pub backend: Option<&'a Wire>,
    /// Whether the service is one over TLS: every route is asked over both schemes then.
    pub tls: bool,
    /// What templates refer to.
    pub variables: &'a Variables,
    /// `Cookie` of a signed-in account.
    pub cookies: &'a str,
}

impl Matrix<'_> {
    /// Asks all cells of some routes.
    pub(super) async fn ask(&self, routes: &[&Route]) -> Result<Vec<Exchange>> {
        let schemes: &[bool] = if self.tls { &[true, false] } else { &[false] };
        let cells = routes.iter().flat_map(|route| {
            let lines = route.request.as_slice().iter();
            lines
                .flat_map(move |line| schemes.iter().map(move |over_tls| (*route, line, *over_tls)))
        });
        stream::iter(cells)
            .map(|(route, line, over_tls)| self.cell(route, line, over_tls))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn cell(&self, route: &Route, line: &str, over_tls: bool) -> Result<Exchange> {
        let (method, path) = line.split_once(' ').ok_or_else(|| {
            Error::usage(format!("route {:?}: {line:?} is no request", route.id))
                .hint("write a method and a path: \"GET /\"")
        })?;
        let path = self.render(route, path.trim_start())?;
        let redirected = self.tls && !over_tls;
        let own_host = route.headers.keys().find(|name| name.eq_ignore_ascii_case("host"));
        let own_host = own_host.map(|name| route.headers[name].clone());
        let mut answer = self.send(self.proxy, route, (method, &path), over_tls, None).await?;
        if route.revalidate && !redirected {
            let tag = answer.value("ETag").map(str::to_owned);
            answer =
                self.send(self.proxy, route, (method, &path), over_tls, tag.as_deref()).await?;
        }
        let backend = match self.backend.filter(|_| route.backend && !redirected) {
            Some(wire) => Some(self.send(wire, route, (method, &path), over_tls, None).await?),
            None => None,
        };
        let expected = if redirected && own_host.is_none() {
            vec![301, 308]
        } else {
            route.status.as_slice().to_vec()
        };
        let (id, method) = (route.id.clone(), method.to_owned());
        Ok(Exchange { id, method, path, host: own_host, over_tls, expected, answer, backend })
    }

    /// Sends a request to the proxy, or to the backend as the proxy would.
    async fn send(
        &self,
        wire: &Wire,
        route: &Route,
        (method, path): (&str, &str),
        over_tls: bool,
        tag: Option<&str>,
    ) -> Result<Answer> {
        let to_backend = !std::ptr::eq(wire, self.proxy);
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nUser-Agent: dr-drill\r\n");
        if !route.headers.keys().any(|name| name.eq_ignore_ascii_case("host")) {
            let _ = write!(head, "Host: {}\r\n", self.proxy.host);
        }
        for (name, value) in &route.headers {
            let _ = write!(head, "{name}: {}\r\n", self.render(route, value)?);
        }
        if route.signed_in_by.is_some() && !self.cookies.is_empty() {
            let _ = write!(head, "Cookie: {}\r\n", self.cookies);
        }
        if let Some(tag) = tag {
            let _ = write!(head, "If-None-Match: {tag}\r\n");
        }
        if to_backend {
            let _ =
                write!(head, "X-Forwarded-Proto: {}\r\n", if over_tls { "https" } else { "http" });
        }
        let body = route.body.as_deref().unwrap_or_default();
        match (route.announce, body.len()) {
            (Some(bytes), _) => drop(write!(head, "Content-Length: {bytes}\r\n")),
            (None, 0) if method == "GET" || method == "HEAD" => {}
            (None, bytes) => drop(write!(head, "Content-Length: {bytes}\r\n")),
        }
        let request = format!("{head}\r\n{body}");
        let answer = wire.send(over_tls && !to_backend, request.as_bytes()).await?;
        answer.ok_or_else(|| {
            Error::undecided(format!("route {:?}: {method} {path} got no answer", route.id))
        })
    }

    fn render(&self, route: &Route, text: &str) -> Result<String> {
        let wrong = |what: String| Error::usage(format!("route {:?}: {what}", route.id));
        let template = Template::parse(text).map_err(wrong)?;
        template.render(self.variables).map_err(|name| wrong(format!("{name:?} has no value")))
    }
}
