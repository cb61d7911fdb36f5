//! Where a request ends up, and what is in force there: the server by port and name, the
//! location by nginx's own order, error pages and internal redirects followed. Inheritance as
//! nginx has it: one directive of a kind at a level replaces all those above it.

use super::parse::{Directive, Tree};
use crate::model::finding::Place;
use crate::model::observed::Exchange;

/// Statuses for which `add_header` works without `always` (`ngx_http_headers_module`).
const WITHOUT_ALWAYS: [u16; 10] = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

/// Where an exchange ended up: `http`, server and location, the outer ones first.
#[derive(Debug, Clone)]
pub struct Destination<'a> {
    levels: Vec<(&'a [Directive], Option<&'a Place>)>,
    status: u16,
}

/// An `add_header` that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderLine<'a> {
    /// Where it is written.
    pub place: &'a Place,
    /// Name of the header.
    pub name: &'a str,
    /// Whether it is sent with this status.
    pub sent: bool,
}

impl Tree {
    /// Where an exchange ended up. Nothing if no server listens there.
    #[must_use]
    pub fn destination(&self, exchange: &Exchange, host: &str) -> Option<Destination<'_>> {
        let (http, server, mut place) = self.entrance(exchange, host)?;
        let backend = exchange.backend.as_ref();
        let redirect = backend.and_then(|answer| answer.value("X-Accel-Redirect"));
        let page = (!exchange.is_of_backend())
            .then(|| error_page(&[http, server], place, exchange.answer.status));
        if let Some(uri) = redirect.or(page.flatten()) {
            place = location(server, uri).or(place);
        }
        let mut levels = vec![(http.block.as_slice(), Some(&http.place))];
        levels.push((&server.block, Some(&server.place)));
        levels.extend(place.map(|place| (place.block.as_slice(), Some(&place.place))));
        Some(Destination { levels, status: exchange.answer.status })
    }

    /// The location that a request comes to first, whatever page stands in for its status; or
    /// its server, if no location matches.
    #[must_use]
    pub fn entered(&self, exchange: &Exchange, host: &str) -> Option<&Place> {
        let (_, server, location) = self.entrance(exchange, host)?;
        Some(location.map_or(&server.place, |location| &location.place))
    }

    /// The line by which a server answers for a name: its `server_name`, or the `listen` of the
    /// default server.
    #[must_use]
    pub fn answers(&self, over_tls: bool, host: &str) -> Option<&Place> {
        let http = self.0.iter().find(|directive| directive.name == "http")?;
        server(http, if over_tls { 443 } else { 80 }, host).map(|(_, place)| place)
    }

    fn entrance(
        &self,
        exchange: &Exchange,
        host: &str,
    ) -> Option<(&Directive, &Directive, Option<&Directive>)> {
        let http = self.0.iter().find(|directive| directive.name == "http")?;
        let host = exchange.host.as_deref().unwrap_or(host);
        let (server, _) = server(http, if exchange.over_tls { 443 } else { 80 }, host)?;
        let path = exchange.path.split('?').next().unwrap_or_default();
        Some((http, server, location(server, path)))
    }
}

impl<'a> Destination<'a> {
    /// The innermost block: where something that is missing would go.
    #[must_use]
    pub fn place(&self) -> Option<&'a Place> {
        self.levels.last().and_then(|(_, place)| *place)
    }

    /// The `add_header` lines in force.
    #[must_use]
    pub fn headers(&self) -> Vec<HeaderLine<'a>> {
        let lines = self.in_force("add_header").into_iter();
        lines.map(|directive| self.header_line(directive)).collect()
    }

    /// The `add_header` lines that a deeper one has silently dropped.
    #[must_use]
    pub fn dropped(&self) -> Vec<HeaderLine<'a>> {
        let at = |(block, _): &(&'a [Directive], _)| named(block, "add_header");
        let mut levels = self.levels.iter().map(at).filter(|lines| !lines.is_empty());
        let _in_force = levels.next_back();
        levels.flatten().map(|directive| self.header_line(directive)).collect()
    }

    /// Whether the backend's own copy of a header is hidden.
    #[must_use]
    pub fn hides(&self, header: &str) -> bool {
        let hidden = self.in_force("proxy_hide_header");
        hidden.iter().any(|directive| directive.arg(0).eq_ignore_ascii_case(header))
    }

    /// The directives of a kind that are in force.
    #[must_use]
    pub fn in_force(&self, name: &str) -> Vec<&'a Directive> {
        let levels = self.levels.iter().rev().map(|(block, _)| named(block, name));
        levels.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }

    fn header_line(&self, directive: &'a Directive) -> HeaderLine<'a> {
        let always = directive.args.last().is_some_and(|last| last == "always");
        let sent = always || WITHOUT_ALWAYS.contains(&self.status);
        HeaderLine { place: &directive.place, name: directive.arg(0), sent }
    }
}

fn named<'a>(block: &'a [Directive], name: &str) -> Vec<&'a Directive> {
    block.iter().filter(|directive| directive.name == name).collect()
}

/// The server that answers for a name, and the line by which it does: its `server_name`, or the
/// `listen` of the default server.
fn server<'a>(http: &'a Directive, port: u16, host: &str) -> Option<(&'a Directive, &'a Place)> {
    let port = port.to_string();
    let listen = |server: &'a Directive, default: bool| {
        named(&server.block, "listen").into_iter().find(|listen| {
            let here = listen.arg(0) == port || listen.arg(0).ends_with(&format!("]:{port}"));
            here && (!default || listen.args.iter().any(|arg| arg == "default_server"))
        })
    };
    let servers = named(&http.block, "server");
    let here = || servers.iter().copied().filter(|server| listen(server, false).is_some());
    let name = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let by_name = |server: &'a Directive| {
        let lines = named(&server.block, "server_name").into_iter();
        let mut lines = lines.filter(|line| line.args.iter().any(|known| is_name(known, name)));
        lines.next().map(|line| (server, &line.place))
    };
    let by_default = |server: &'a Directive| listen(server, true).map(|line| (server, &line.place));
    here()
        .find_map(by_name)
        .or_else(|| here().find_map(by_default))
        .or_else(|| here().next().map(|server| (server, &server.place)))
}

/// Whether a name of `server_name` stands for a host.
fn is_name(known: &str, name: &str) -> bool {
    let (known, name) = (known.to_ascii_lowercase(), name.to_ascii_lowercase());
    if let Some(pattern) = known.strip_prefix('~') {
        return like(pattern, false, &name);
    }
    known == name
        || (known.starts_with('.') && (name.ends_with(&known) || name == known[1..]))
        || known.strip_prefix('*').is_some_and(|end| end.starts_with('.') && name.ends_with(end))
}

/// nginx's order: `=`, then the longest prefix if it is `^~`, then the first regular expression,
/// then the longest prefix.
fn location<'a>(server: &'a Directive, path: &str) -> Option<&'a Directive> {
    let locations = named(&server.block, "location");
    let exact = locations.iter().find(|place| place.arg(0) == "=" && place.arg(1) == path);
    let prefix = |place: &&&Directive| match place.arg(0) {
        "^~" => path.starts_with(place.arg(1)),
        "=" | "~" | "~*" => false,
        other => path.starts_with(other),
    };
    let longest = locations.iter().filter(prefix).max_by_key(|place| {
        if place.arg(0) == "^~" { place.arg(1).len() } else { place.arg(0).len() }
    });
    let regex = locations.iter().filter(|_| longest.is_none_or(|place| place.arg(0) != "^~")).find(
        |place| match place.arg(0) {
            "~" => like(place.arg(1), true, path),
            "~*" => like(place.arg(1), false, path),
            _ => false,
        },
    );
    exact.or(regex).or(longest).copied()
}

/// Whether a regular expression of nginx's matches. One that only PCRE understands matches
/// nothing.
fn like(pattern: &str, case_counts: bool, text: &str) -> bool {
    let built = regex::RegexBuilder::new(pattern).case_insensitive(!case_counts).build();
    built.is_ok_and(|pattern| pattern.is_match(text))
}

/// The page that stands in for a status.
fn error_page<'a>(
    outer: &[&'a Directive],
    place: Option<&'a Directive>,
    status: u16,
) -> Option<&'a str> {
    let status = status.to_string();
    let levels = place.into_iter().chain(outer.iter().rev().copied());
    let mut pages = levels.map(|level| named(&level.block, "error_page"));
    let pages = pages.find(|pages| !pages.is_empty())?;
    let page = pages.into_iter().find(|page| page.args.contains(&status))?;
    page.args.last().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Answer;

    const CONF: &str = "http { add_header X-Http 1;\n server { listen 80 default_server; return 400; }\n\
        server { listen 80; server_name .a.test;\n add_header X-Server 1 always;\n add_header X-Some 1;\n\
        error_page 404 /_errors/4xx.html;\n\
        location / { }\n location /static/ { add_header X-Static 1; }\n\
        location ~* \\.(css|js)$ { add_header X-Regex 1; }\n\
        location /_errors/ { internal; add_header X-Error 1; } } }";

    fn lines(path: &str, status: u16) -> Vec<(String, bool)> {
        let tree = Tree::parse(&[("/etc/nginx/nginx.conf".to_owned(), CONF.to_owned())]);
        let exchange = Exchange {
            id: "it".to_owned(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            host: None,
            over_tls: false,
            expected: vec![status],
            answer: Answer { status, ..Answer::default() },
            backend: None,
        };
        let destination = tree.destination(&exchange, "www.a.test").expect("a server");
        let lines = destination.headers().into_iter();
        lines.map(|line| (line.name.to_owned(), line.sent)).collect()
    }

    #[test]
    fn the_innermost_level_replaces_those_above_it() {
        let server = [("X-Server".to_owned(), true), ("X-Some".to_owned(), true)];
        assert_eq!(lines("/", 200), server);
        assert_eq!(lines("/static/a.png", 200), [("X-Static".to_owned(), true)]);
    }

    #[test]
    fn a_regular_expression_swallows_a_prefix() {
        assert_eq!(lines("/static/a.css", 200), [("X-Regex".to_owned(), true)]);
    }

    #[test]
    fn the_line_by_which_a_name_is_answered_is_known() {
        let conf = "http {\nserver {\nlisten 80 default_server;\n}\nserver {\nlisten 80;\n\
            server_name a.test *.b.test;\nserver_name ~^c[0-9]+\\.test$;\n} }";
        let tree = Tree::parse(&[("/etc/nginx/nginx.conf".to_owned(), conf.to_owned())]);
        let line = |host| tree.answers(false, host).and_then(|place| place.line);
        assert_eq!(line("A.test"), Some(7));
        assert_eq!(line("x.b.test"), Some(7));
        assert_eq!(line("c12.test"), Some(8));
        assert_eq!(line("b.test"), Some(3));
        assert_eq!(line(""), Some(3));
    }

    #[test]
    fn without_always_an_error_goes_without() {
        let refused = [("X-Server".to_owned(), true), ("X-Some".to_owned(), false)];
        assert_eq!(lines("/", 405), refused);
        assert_eq!(lines("/nothing", 404), [("X-Error".to_owned(), false)]);
    }
}
