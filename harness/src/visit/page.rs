//! What is kept of one answer. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fetch::Answer;
use super::first_run;
use super::markup::{self, Markup};

/// One answer, as far as it should come again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Status of the answer.
    pub status: u16,
    /// Media type without parameters, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Where it redirects to: a path on the same host, else scheme, host and path. Never a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Title of a page of HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Paths of its scripts, styles and images on the same host, without queries.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub assets: BTreeSet<String>,
    /// Whether it asks for a password that somebody has already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub login: bool,
    /// Whether it lets somebody register.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sign_up: bool,
    /// How it shows that the service was never set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_run: Option<String>,
}

impl Page {
    /// What is kept of an answer, and what its markup leads to.
    pub(super) fn of(answer: &Answer) -> (Self, Markup) {
        let html =
            matches!(answer.content_type.as_deref(), Some("text/html" | "application/xhtml+xml"));
        let markup = if html {
            markup::read(&String::from_utf8_lossy(&answer.body), &answer.here)
        } else {
            Markup::default()
        };
        let location = answer.location.as_ref().map(|url| answer.here.shown(url));
        let page = Self {
            status: answer.status,
            content_type: answer.content_type.clone(),
            first_run: first_run::of_redirect(location.as_deref())
                .or_else(|| first_run::of_page(&answer.here.path(), &markup)),
            location,
            title: markup.title.clone(),
            assets: markup.assets.clone(),
            login: markup.login,
            sign_up: markup.sign_up,
        };
        (page, markup)
    }

    /// Whether it shows something: an answer that is no error and no redirect.
    #[must_use]
    pub fn is_content(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is more than an error: a page, a redirect, or a refusal to strangers.
    pub(super) fn is_answer(&self) -> bool {
        self.status < 400 || matches!(self.status, 401 | 403)
    }
}
