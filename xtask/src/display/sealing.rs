//! What the sealed copy does not have, a line for each key and reason.

use std::collections::BTreeMap;

use harness::stack::isolation::{Change, What};

/// Lines such as `dropped services.*.ports: the copy opens no port of the host (proxy)`.
pub(super) fn lines(changes: &[Change]) -> Vec<String> {
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
        match section.as_str() {
            "" => format!("{what} {key}: {reason}"),
            section => format!("{what} {section}.*.{key}: {reason} ({})", names.join(", ")),
        }
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
            "dropped name: because",
            "dropped services.*.ports: because (web)",
            "dropped services.*.restart: because (db, web)",
        ];
        assert_eq!(lines(&changes), expected);
    }
}
