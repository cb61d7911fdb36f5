//! What the sealed copy does not have, a line for each key and reason.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::wrapped;
use crate::stack::isolation::{Change, What};

/// Columns of what becomes of a key.
const INDENT: usize = 11;

pub(super) fn write(out: &mut String, changes: &[Change]) -> fmt::Result {
    let count = changes.len();
    writeln!(out, "\n{count} keys that the sealed copy does not have as they are")?;
    lines(changes)
        .into_iter()
        .try_for_each(|(what, text)| wrapped(out, &format!("  {what}"), INDENT, &text))
}

/// Lines such as `dropped services.*.ports: the copy opens no port of the host (proxy)`.
fn lines(changes: &[Change]) -> Vec<(&'static str, String)> {
    let mut alike = BTreeMap::<_, Vec<&str>>::new();
    for change in changes {
        let Change { section, name, key, what, reason } = change;
        alike.entry((section, what, key, reason)).or_default().push(name);
    }
    let lines = alike.into_iter().map(|((section, what, key, reason), names)| {
        let what = match what {
            What::Dropped => "dropped",
            What::Changed => "changed",
        };
        let text = match section.as_str() {
            "" => format!("{key}: {reason}"),
            section => format!("{section}.*.{key}: {reason} ({})", names.join(", ")),
        };
        (what, text)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_lose_the_same_share_a_line() {
        let change = |section: &str, name: &str, key: &str| Change {
            section: section.to_owned(),
            name: name.to_owned(),
            key: key.to_owned(),
            what: What::Dropped,
            reason: "because",
        };
        let changes = [
            change("", "", "name"),
            change("services", "db", "restart"),
            change("services", "web", "ports"),
            change("services", "web", "restart"),
        ];
        let expected = [
            "name: because",
            "services.*.ports: because (web)",
            "services.*.restart: because (db, web)",
        ];
        assert_eq!(lines(&changes), expected.map(|line| ("dropped", line.to_owned())));
    }
}
