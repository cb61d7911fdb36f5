//! `[browser]`: what somebody does with the service in a real browser.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A visit, and what its console may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct BrowserConfig {
    /// What is done, one after the other.
    #[serde(rename = "step")]
    pub steps: Vec<BrowserStep>,
    /// Texts by which a line of the console is known to be meant.
    pub tolerate: Vec<String>,
}

/// A thing that somebody does on a page. Selectors are those of CSS; texts are templates, as in
/// probes.
#[derive(Debug, Clone, Deserialize)]
pub struct BrowserStep {
    /// Unique; the screenshot's name: `upload`.
    pub id: String,
    /// Path to open first.
    #[serde(default)]
    pub open: Option<String>,
    /// Fields to fill in: selector and text.
    #[serde(default)]
    pub fill: BTreeMap<String, String>,
    /// Selector of a field that gets a small PDF file.
    #[serde(default)]
    pub attach: Option<String>,
    /// Selector of what is clicked then.
    #[serde(default)]
    pub click: Option<String>,
    /// Selector of what must be seen in the end.
    pub sees: String,
    /// Text that it must hold.
    #[serde(default)]
    pub says: String,
}
