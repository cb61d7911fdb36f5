//! All answers of one round of requests, and what of it is stable. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Page;
use crate::printable::printable;

/// One round of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// What was answered, by path and query.
    pub pages: BTreeMap<String, Page>,
    /// What was asked and not answered, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unanswered: BTreeMap<String, String>,
    /// What two rounds in a row answered otherwise, in one line each: it is not asked to come back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_demanded: Vec<String>,
    /// Whether the service was told that a proxy had been asked over HTTPS: it insisted on that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forwarded: bool,
}

impl Round {
    /// What two rounds, made one after the other, have in common; the rest is not demanded.
    #[must_use]
    pub fn settled(first: &Self, second: &Self) -> Self {
        let mut settled = Self { forwarded: first.forwarded, ..Self::default() };
        for (path, page) in &first.pages {
            match second.pages.get(path) {
                Some(again) if again.status == page.status => {
                    let page = settled.common(path, page, again);
                    settled.pages.insert(path.clone(), page);
                }
                Some(again) => {
                    settled.loosen(path, &format!("status {}, then {}", page.status, again.status));
                }
                None => settled.loosen(path, &format!("status {}, then no answer", page.status)),
            }
        }
        for (path, reason) in &first.unanswered {
            settled.loosen(path, reason);
            settled.unanswered.insert(path.clone(), reason.clone());
        }
        settled
    }

    fn common(&mut self, path: &str, page: &Page, again: &Page) -> Page {
        let mut common = page.clone();
        if page.content_type != again.content_type {
            self.loosen(path, "its type");
            common.content_type = None;
        }
        if page.location != again.location {
            self.loosen(path, "where it redirects to");
            common.location = None;
        }
        if page.title != again.title {
            self.loosen(path, "its title");
            common.title = None;
        }
        common.assets.retain(|asset| again.assets.contains(asset));
        let (kept, all) = (common.assets.len(), page.assets.len());
        if kept < all {
            self.loosen(path, &format!("{} of its {all} assets", all - kept));
        }
        common
    }

    fn loosen(&mut self, path: &str, what: &str) {
        self.not_demanded.push(printable(&format!("GET {path}: {what}")).into_owned());
    }

    /// Whether these answers could tell a service that works from one that does not.
    ///
    /// # Errors
    ///
    /// Why they could not: it answered nothing but errors, or only led elsewhere.
    pub fn proves(&self) -> Result<(), String> {
        if self.pages.is_empty() {
            let first = self.unanswered.iter().next();
            return Err(first.map_or_else(
                || "nothing was asked".to_owned(),
                |(path, reason)| format!("GET {path}: no answer ({reason})"),
            ));
        }
        if !self.pages.values().any(Page::is_answer) {
            let mut statuses: Vec<_> = self.pages.values().map(|page| page.status).collect();
            statuses.sort_unstable();
            statuses.dedup();
            let statuses: Vec<_> = statuses.iter().map(u16::to_string).collect();
            return Err(format!("it answers nothing but errors: {}", statuses.join(", ")));
        }
        let leads = |page: &Page| (300..400).contains(&page.status);
        let useful = self.pages.values().any(|page| page.is_answer() && !leads(page));
        let elsewhere = self.pages.values().find_map(|page| page.location.as_ref());
        match elsewhere {
            Some(location) if !useful => {
                Err(format!("it only leads elsewhere, to {}", printable(location)))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(pages: &[(&str, Page)]) -> Round {
        let pages = pages.iter().map(|(path, page)| ((*path).to_owned(), page.clone()));
        Round { pages: pages.collect(), ..Round::default() }
    }

    fn page(status: u16, title: &str, assets: &[&str]) -> Page {
        Page {
            status,
            title: Some(title.to_owned()),
            assets: assets.iter().map(|&asset| asset.to_owned()).collect(),
            ..Page::default()
        }
    }

    #[test]
    fn what_changes_by_itself_is_not_demanded_and_listed() {
        let first = round(&[
            ("/", page(200, "shop", &["/a.js", "/x-1.js"])),
            ("/now", page(200, "12:00", &[])),
            ("/flaky", page(200, "f", &[])),
        ]);
        let second = round(&[
            ("/", page(200, "shop", &["/a.js", "/x-2.js"])),
            ("/now", page(200, "12:01", &[])),
            ("/flaky", page(503, "f", &[])),
        ]);
        let settled = Round::settled(&first, &second);
        assert_eq!(settled.pages["/"], page(200, "shop", &["/a.js"]));
        assert_eq!(settled.pages["/now"].title, None);
        assert!(!settled.pages.contains_key("/flaky"));
        assert_eq!(
            settled.not_demanded,
            ["GET /: 1 of its 2 assets", "GET /flaky: status 200, then 503", "GET /now: its title"]
        );
        assert_eq!(Round::settled(&first, &first).pages, first.pages);
    }

    #[test]
    fn errors_and_redirects_elsewhere_prove_nothing() {
        let errors = round(&[("/", page(404, "", &[])), ("/x", page(502, "", &[]))]);
        assert_eq!(errors.proves(), Err("it answers nothing but errors: 404, 502".to_owned()));
        let away = Page { location: Some("https://sso.test/".to_owned()), ..page(302, "", &[]) };
        let away = round(&[("/", away)]);
        assert_eq!(away.proves(), Err("it only leads elsewhere, to https://sso.test/".to_owned()));
        assert!(Round::default().proves().is_err());
        for status in [200, 401, 403] {
            assert_eq!(round(&[("/", page(status, "", &[]))]).proves(), Ok(()), "{status}");
        }
    }

    #[test]
    fn a_round_survives_being_kept() {
        let mut kept = round(&[("/", page(200, "shop", &["/a.js"]))]);
        kept.unanswered.insert("/x".to_owned(), "closed".to_owned());
        let text = serde_json::to_string(&kept).expect("JSON");
        assert_eq!(serde_json::from_str::<Round>(&text).expect("a round"), kept);
    }
}
