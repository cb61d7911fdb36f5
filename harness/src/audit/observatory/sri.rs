//! Subresource integrity: whether scripts of other sites carry digests and come over HTTPS.
//!
//! Blind to everything but `<script src>`: style sheets, imports and what scripts load in
//! turn are not looked at. An address that starts with `//` counts as foreign and insecure
//! even if it names the site itself.

use super::{
    domain::{Suffixes, host_of, registered},
    mark::{Mark, worsen},
    markup::{self, Attributes},
    site::{Session, Site},
};

/// The results that the scripts of a page can lead to, best first.
const ORDER: [Mark; 4] = [
    Mark::SriAllSecure,
    Mark::SriInsecureTransport,
    Mark::SriMissingButSecure,
    Mark::SriMissingAndInsecure,
];

/// Judges the scripts of the page.
pub(super) fn evaluate(site: &Site) -> Mark {
    let Some(session) = site.session() else {
        return Mark::SriNoScripts;
    };
    let media_type = markup::media_type(session.landing).unwrap_or_default();
    if !media_type.is_empty() && !markup::is_page(&media_type) {
        return Mark::SriNotHtml;
    }
    let scripts = markup::elements(&session.landing.body, "script");
    if scripts.is_empty() {
        return Mark::SriNoScripts;
    }
    let loaded: Vec<Script> =
        scripts.iter().filter_map(|attributes| Script::read(attributes, site, session)).collect();
    let mut worst = None;
    for script in &loaded {
        match (script.foreign, script.digest, script.secure) {
            // A digest on a script of the site's own earns the bonus, if nothing came before.
            (false, true, true) => worst = worst.or(Some(Mark::SriAllSecure)),
            (false, ..) | (true, true, true) => {}
            (true, true, false) => worsen(&mut worst, Mark::SriInsecureTransport, &ORDER),
            (true, false, true) => worsen(&mut worst, Mark::SriMissingButSecure, &ORDER),
            (true, false, false) => worsen(&mut worst, Mark::SriMissingAndInsecure, &ORDER),
        }
    }
    let fine = if loaded.iter().any(|script| script.foreign) {
        Mark::SriExternalSecure
    } else {
        Mark::SriOwnOriginOnly
    };
    worst.unwrap_or(fine)
}

/// A script that the page loads.
#[derive(Debug)]
struct Script {
    /// Whether another site serves it.
    foreign: bool,
    /// Whether it carries a digest; which one is not looked at.
    digest: bool,
    /// Whether it comes over HTTPS for sure.
    secure: bool,
}

impl Script {
    /// Reads an element; nothing if it loads no script.
    fn read(attributes: &Attributes, site: &Site, session: Session<'_>) -> Option<Self> {
        let present = |name: &str| attributes.get(name).filter(|value| !value.is_empty());
        let address = present("src")?;
        let digest = present("integrity").is_some();
        let after_slashes = address.strip_prefix("//").and_then(|rest| rest.chars().next());
        let (foreign, secure) = if after_slashes.is_some_and(|c| c != '/') {
            (true, false)
        } else if address.starts_with("https://") || address.starts_with("http://") {
            (!is_same_site(address, site), address.starts_with("https://"))
        } else {
            (false, session.https)
        };
        Some(Self { foreign, digest, secure })
    }
}

/// Whether an address and the site belong to one registered domain. Where neither belongs
/// to any, as two IP addresses do not, they count as the same.
fn is_same_site(address: &str, site: &Site) -> bool {
    let host = host_of(address);
    let theirs = host.as_deref().and_then(|host| registered(host, Suffixes::Registries));
    theirs == registered(&site.host, Suffixes::Registries)
}
