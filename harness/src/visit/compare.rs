//! Two rounds held against each other, request by request. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Page, Round};
use crate::printable::printable;

/// Missing assets that are named of one page.
const NAMED_MAX: usize = 3;

/// What of an answer differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// There is no answer any more.
    Answer,
    /// The status.
    Status,
    /// Where it redirects to.
    Location,
    /// The media type.
    ContentType,
    /// The title.
    Title,
    /// Scripts, styles or images that the page used to have.
    Assets,
}

/// One request that is answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What was asked for: path and query.
    pub path: String,
    /// What of the answer.
    pub aspect: Aspect,
    /// As it was.
    pub before: String,
    /// As it is.
    pub after: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, aspect, before, after } = self;
        let line = match aspect {
            Aspect::Answer => format!("GET {path}: {before} before, no answer after ({after})"),
            Aspect::Status => format!("GET {path}: status {before} before, {after} after"),
            Aspect::Location => format!("GET {path}: redirects to {before} before, {after} after"),
            Aspect::ContentType => format!("GET {path}: type {before} before, {after} after"),
            Aspect::Title => format!("GET {path}: title \"{before}\" before, {after} after"),
            Aspect::Assets => format!("GET {path}: {after} of {before} assets are not there"),
        };
        formatter.write_str(&printable(&line))
    }
}

/// Whatever `before` had, as [`Round::settled`] left it, and `after` does not. What only `after`
/// has is no difference.
#[must_use]
pub fn compare(before: &Round, after: &Round) -> Vec<Difference> {
    let mut found = Vec::new();
    for (path, was) in &before.pages {
        match after.pages.get(path) {
            Some(is) => pages(path, was, is, &mut found),
            None => {
                let reason = after.unanswered.get(path).map_or("it was not asked", String::as_str);
                found.push(Difference {
                    path: path.clone(),
                    aspect: Aspect::Answer,
                    before: format!("status {}", was.status),
                    after: reason.to_owned(),
                });
            }
        }
    }
    found
}

fn pages(path: &str, was: &Page, is: &Page, found: &mut Vec<Difference>) {
    let mut differs = |aspect, before: String, after: String| {
        found.push(Difference { path: path.to_owned(), aspect, before, after });
    };
    if was.status != is.status {
        // Whatever else differs follows from it.
        let after = is.location.as_ref().map_or(String::new(), |to| format!(" to {to}"));
        differs(Aspect::Status, was.status.to_string(), format!("{}{after}", is.status));
        return;
    }
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    if let Some(location) = was.location.as_ref().filter(|_| was.location != is.location) {
        differs(Aspect::Location, location.clone(), or_none(&is.location));
    }
    if let Some(kind) = was.content_type.as_ref().filter(|_| was.content_type != is.content_type) {
        differs(Aspect::ContentType, kind.clone(), or_none(&is.content_type));
    }
    if let Some(title) = was.title.as_ref().filter(|_| was.title != is.title) {
        let after = is.title.as_ref().map_or("none".to_owned(), |title| format!("\"{title}\""));
        differs(Aspect::Title, title.clone(), after);
    }
    let missing: Vec<_> = was.assets.difference(&is.assets).map(String::as_str).collect();
    if !missing.is_empty() {
        let named = missing.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let more = if missing.len() > NAMED_MAX { ", …" } else { "" };
        let after = format!("{} ({named}{more})", missing.len());
        differs(Aspect::Assets, was.assets.len().to_string(), after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page {
            status: 200,
            content_type: Some("text/html".to_owned()),
            title: Some("Shop".to_owned()),
            assets: ["/a.js", "/b.css"].map(str::to_owned).into(),
            ..Page::default()
        }
    }

    fn round(page: Page) -> Round {
        Round { pages: [("/x".to_owned(), page)].into(), ..Round::default() }
    }

    fn lines(was: Page, is: Page) -> Vec<String> {
        compare(&round(was), &round(is)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equal_answers_differ_in_nothing_and_more_is_no_difference() {
        assert!(lines(page(), page()).is_empty());
        let mut more = page();
        more.assets.insert("/c.js".to_owned());
        assert!(lines(page(), more).is_empty());
    }

    #[test]
    fn each_difference_is_named_with_what_was_seen() {
        let moved =
            |to: &str| Page { status: 302, location: Some(to.to_owned()), ..Page::default() };
        for (was, is, line) in [
            (page(), Page { status: 500, ..page() }, "GET /x: status 200 before, 500 after"),
            (page(), moved("/setup"), "GET /x: status 200 before, 302 to /setup after"),
            (moved("/a"), moved("/b"), "GET /x: redirects to /a before, /b after"),
            (
                page(),
                Page { content_type: Some("text/plain".to_owned()), ..page() },
                "GET /x: type text/html before, text/plain after",
            ),
            (page(), Page { title: None, ..page() }, "GET /x: title \"Shop\" before, none after"),
            (
                page(),
                Page { assets: ["/a.js".to_owned()].into(), ..page() },
                "GET /x: 1 (/b.css) of 2 assets are not there",
            ),
        ] {
            assert_eq!(lines(was, is), [line]);
        }
    }

    #[test]
    fn an_answer_that_is_missing_is_named_and_so_is_why() {
        let mut after = Round::default();
        let found = compare(&round(page()), &after);
        assert!(found[0].to_string().ends_with("no answer after (it was not asked)"));
        after.unanswered.insert("/x".to_owned(), "closed".to_owned());
        let found = compare(&round(page()), &after);
        assert_eq!(found[0].to_string(), "GET /x: status 200 before, no answer after (closed)");
    }

    #[test]
    fn what_is_not_demanded_may_differ() {
        let loose = Page { title: None, content_type: None, ..page() };
        assert!(lines(loose, page()).is_empty());
    }
}
