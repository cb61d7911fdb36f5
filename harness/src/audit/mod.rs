//! Audits: what was observed of a service, judged by rules that are written down.
//!
//! Everything here is pure: it is given observations, and neither opens a connection
//! nor reads a file.

pub mod accept;
pub mod browser;
pub mod cookies;
pub mod coverage;
pub mod disclosure;
pub mod django;
pub mod given;
pub mod grade;
pub mod headers;
pub mod hosts;
pub mod nginx;
pub mod observatory;
pub mod patch;
pub mod settings;
pub mod summary;
pub mod tls;

use self::headers::Policy;
use self::nginx::{Directive, Tree};
use crate::model::finding::{Finding, Place};
use crate::model::observed::Observed;

/// Judges everything that was observed of a service, the most urgent first.
#[must_use]
pub fn judge(observed: &Observed, policy: &Policy) -> Vec<Finding> {
    let mut findings = headers::judge(observed, policy);
    findings.extend(cookies::judge(observed));
    findings.extend(hosts::judge(observed));
    findings.extend(tls::judge(observed));
    findings.extend(coverage::judge(observed));
    findings.extend(disclosure::judge(observed));
    findings.extend(browser::judge(observed));
    findings.extend(django::judge(observed));
    patch::attach(observed, policy, &mut findings);
    sort(&mut findings);
    findings
}

/// Puts the most urgent first.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|left, right| (left.priority, &left.id).cmp(&(right.priority, &right.id)));
}

/// The place below the stack's folder, where a file there has the same content as the proxy's.
fn place_in_stack(observed: &Observed, place: &Place) -> Place {
    let same = || {
        let (_, text) = observed.proxy.iter().find(|(path, _)| *path == place.file)?;
        let name = place.file.rsplit('/').next();
        let alike = observed.files.iter().filter(|(_, known)| known.trim_end() == text.trim_end());
        let named = |path: &&String| path.rsplit('/').next() == name;
        let mut paths = alike.map(|(path, _)| path);
        paths.clone().find(named).or_else(|| paths.next()).cloned()
    };
    let file = same().unwrap_or_else(|| place.file.clone());
    Place { file, line: place.line }
}

/// Where the first directive of a name is written whose arguments are of a kind.
fn directive(observed: &Observed, name: &str, wanted: impl Fn(&[String]) -> bool) -> Option<Place> {
    fn find<'a>(
        block: &'a [Directive],
        name: &str,
        wanted: &impl Fn(&[String]) -> bool,
    ) -> Option<&'a Place> {
        block.iter().find_map(|directive| {
            let here = directive.name == name && wanted(&directive.args);
            here.then_some(&directive.place).or_else(|| find(&directive.block, name, wanted))
        })
    }
    let tree = Tree::parse(&observed.proxy);
    find(&tree.0, name, &wanted).map(|place| place_in_stack(observed, place))
}
