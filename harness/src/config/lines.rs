//! At which line of a TOML file something is written, for whoever must be sent there.

use toml::de::{DeTable, DeValue};

/// The line of a key, by the tables around it: `["environment", "DEBUG"]`.
#[must_use]
pub fn of_key(text: &str, path: &[&str]) -> Option<u32> {
    let document = DeTable::parse(text).ok()?;
    let (key, tables) = path.split_last()?;
    let mut table = document.get_ref();
    for name in tables {
        table = table.iter().find(|(known, _)| known.get_ref() == name)?.1.get_ref().as_table()?;
    }
    let (known, _) = table.iter().find(|(known, _)| known.get_ref() == key)?;
    Some(line(text, known.span().start))
}

/// The line at which each table of a list begins.
#[must_use]
pub fn of_list(text: &str, name: &str) -> Vec<u32> {
    let Ok(document) = DeTable::parse(text) else { return Vec::new() };
    let list = document.get_ref().iter().find(|(known, _)| known.get_ref() == name);
    let tables = list.and_then(|(_, list)| list.get_ref().as_array()).into_iter().flatten();
    let first = |table: &DeValue<'_>| {
        let keys = table.as_table()?.iter().map(|(key, _)| key.span().start);
        keys.min()
    };
    // Of a header, a span says nothing: the line before the first key is as near as can be.
    tables.map(|table| line(text, first(table.get_ref()).unwrap_or(table.span().start))).collect()
}

fn line(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_lists_have_their_lines() {
        let text = "# note\n[environment]\nA = \"1\"\nB = { random = 3 }\n\n[tls]\nenvironment = { \
                    A = \"2\" }\n\n[[accept]]\nid = \"one\"\n\n[[accept]]\nreason = \"x\"\nid = \"two\"\n";
        assert_eq!(of_key(text, &["environment", "B"]), Some(4));
        assert_eq!(of_key(text, &["tls", "environment", "A"]), Some(7));
        assert_eq!(of_key(text, &["environment", "C"]), None);
        assert_eq!(of_list(text, "accept"), [10, 13]);
        assert_eq!(of_list("accept = [\n  { id = \"one\" },\n]\n", "accept"), [2]);
        assert_eq!(of_list(text, "volume"), Vec::<u32>::new());
    }
}
