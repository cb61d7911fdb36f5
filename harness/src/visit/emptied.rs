//! "Empty looks healthy": a service that came back without its content answers all the same, with
//! a wizard, a registration or a login. Pure.

use super::{Page, Round};
use crate::printable::printable;

/// Redirects from `/` that are followed, to see what a visitor lands on.
const HOPS_MAX: usize = 5;

/// How `after` shows that the service lost its content, which it had in `before`.
#[must_use]
pub fn emptied(before: &Round, after: &Round) -> Option<String> {
    let was = |path: &str| before.pages.get(path);
    let found = after.pages.iter().find_map(|(path, is)| {
        let already = was(path).is_some_and(|was| was.first_run.is_some());
        // Pages that nobody asked for before count where a visitor lands on them.
        let asked = was(path).is_some() || landing(after).any(|(at, _)| at == path);
        let sign = is.first_run.as_ref().filter(|_| !already && asked)?;
        Some(format!("GET {path}: a service that was never set up: {sign}"))
    });
    let found = found.or_else(|| {
        before.pages.iter().filter(|(_, was)| was.is_content()).find_map(|(path, was)| {
            let (at, is) = lands_on(after, path)?;
            let where_ = if at == path { String::new() } else { format!(", at {at}") };
            if is.sign_up && !was.sign_up {
                Some(format!("GET {path}: a registration where there was none{where_}"))
            } else if is.login && !was.login && !was.sign_up {
                Some(format!("GET {path}: a login where there was content{where_}"))
            } else {
                None
            }
        })
    });
    found.map(|line| printable(&line).into_owned())
}

/// How a service shows that it never had content: what it answers then proves nothing.
#[must_use]
pub fn looks_empty(round: &Round) -> Option<String> {
    let asked =
        super::first_run::TELLS.iter().filter_map(|tell| round.pages.get_key_value(tell.path));
    let asked = asked.map(|(path, page)| (path.as_str(), page));
    let (path, sign) = landing(round)
        .chain(asked)
        .find_map(|(path, page)| Some((path, page.first_run.as_ref()?)))?;
    Some(printable(&format!("GET {path}: {sign}")).into_owned())
}

/// What a visitor of `/` goes through.
fn landing(round: &Round) -> impl Iterator<Item = (&str, &Page)> {
    way(round, "/")
}

fn lands_on<'round>(round: &'round Round, path: &str) -> Option<(&'round str, &'round Page)> {
    way(round, path).last()
}

fn way<'round>(
    round: &'round Round,
    path: &str,
) -> impl Iterator<Item = (&'round str, &'round Page)> {
    let find = |path: &str| {
        // A location is kept without its query; what it led to has one.
        let exact = round.pages.get_key_value(path);
        exact
            .or_else(|| round.pages.iter().find(|(known, _)| known.split('?').next() == Some(path)))
    };
    let mut at = find(path);
    std::iter::from_fn(move || {
        let (path, page) = at?;
        at = page.location.as_deref().and_then(find);
        Some((path.as_str(), page))
    })
    .take(HOPS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Page {
        Page { status: 200, ..Page::default() }
    }

    fn to(location: &str) -> Page {
        Page { status: 302, location: Some(location.to_owned()), ..Page::default() }
    }

    fn wizard() -> Page {
        Page { first_run: Some("it says \"create an admin\"".to_owned()), ..content() }
    }

    fn round(pages: &[(&str, Page)]) -> Round {
        let pages = pages.iter().map(|(path, page)| ((*path).to_owned(), page.clone()));
        Round { pages: pages.collect(), ..Round::default() }
    }

    #[test]
    fn a_service_with_its_content_is_not_empty() {
        let full = round(&[("/", content()), ("/docs/install", wizard())]);
        assert_eq!(emptied(&full, &full), None);
        assert_eq!(looks_empty(&full), None);
    }

    #[test]
    fn a_wizard_a_registration_and_a_login_where_content_was_are_named() {
        let full = round(&[("/", content()), ("/items", content())]);
        let login = Page { login: true, ..content() };
        let sign_up = Page { sign_up: true, ..content() };
        for (after, named) in [
            (round(&[("/", wizard())]), "GET /: a service that was never set up: it says"),
            (round(&[("/", to("/hello")), ("/hello", wizard())]), "GET /hello: a service that"),
            (round(&[("/items", login.clone())]), "GET /items: a login where there was content"),
            (
                round(&[("/items", to("/in")), ("/in?next=%2Fitems", login)]),
                "GET /items: a login where there was content, at /in?next=%2Fitems",
            ),
            (round(&[("/", sign_up)]), "GET /: a registration where there was none"),
        ] {
            let said = emptied(&full, &after).expect("a sign");
            assert!(said.starts_with(named), "{said}");
        }
    }

    #[test]
    fn a_service_that_was_never_set_up_proves_nothing() {
        let fresh = round(&[("/", to("/setup")), ("/setup", wizard())]);
        assert!(looks_empty(&fresh).is_some_and(|said| said.starts_with("GET /setup: it says")));
        assert_eq!(emptied(&fresh, &fresh), None);
        let asked = round(&[("/", content()), ("/api/server/config", wizard())]);
        assert!(looks_empty(&asked).is_some());
    }

    #[test]
    fn a_login_that_was_there_before_is_none() {
        let login = Page { login: true, ..content() };
        let private = round(&[("/", to("/login")), ("/login", login)]);
        assert_eq!(emptied(&private, &private), None);
        assert_eq!(looks_empty(&private), None);
    }

    #[test]
    fn redirects_that_go_round_end() {
        let round = round(&[("/", to("/a")), ("/a", to("/"))]);
        assert_eq!(looks_empty(&round), None);
    }
}
