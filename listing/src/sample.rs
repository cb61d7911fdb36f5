//! A few rows in full, chosen by the hashes of their keys: another reading of the table
//! chooses the same rows, as far as they are still there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::row;

/// The longest value kept, in characters.
const VALUE_CHARACTERS: usize = 4096;

/// A row in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRow {
    /// The key, as in the list.
    pub key: String,
    /// Each column's value as text; absent where it is null.
    pub values: Vec<Option<String>>,
}

/// The rows with the least hashes so far.
#[derive(Debug)]
pub(crate) struct Sample {
    size: usize,
    rows: BTreeMap<[u8; 32], SampleRow>,
}

impl Sample {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, rows: BTreeMap::new() }
    }

    /// Keeps the row if its turn has come.
    pub(crate) fn offer(&mut self, key: &str, fields: &[&[u8]]) {
        let rank = *blake3::hash(key.as_bytes()).as_bytes();
        let full = self.rows.len() >= self.size;
        if full && self.rows.last_key_value().is_none_or(|(last, _)| rank >= *last) {
            return;
        }
        if full {
            self.rows.pop_last();
        }
        let values = fields.iter().map(|field| row::value(field).map(bounded)).collect();
        self.rows.insert(rank, SampleRow { key: key.to_owned(), values });
    }

    pub(crate) fn into_rows(self) -> Vec<SampleRow> {
        self.rows.into_values().collect()
    }
}

fn bounded(mut value: String) -> String {
    if let Some((end, _)) = value.char_indices().nth(VALUE_CHARACTERS) {
        value.truncate(end);
        value.push('…');
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(size: usize, ids: impl Iterator<Item = u32>) -> Vec<String> {
        let mut sample = Sample::new(size);
        for id in ids {
            sample.offer(&id.to_string(), &[id.to_string().as_bytes()]);
        }
        sample.into_rows().into_iter().map(|row| row.key).collect()
    }

    #[test]
    fn the_order_of_reading_does_not_decide_which_rows_are_kept() {
        assert_eq!(keys(32, 0..1000), keys(32, (0..1000).rev()));
        assert_eq!(keys(32, 0..1000).len(), 32);
    }

    #[test]
    fn rows_that_are_gone_make_room_for_few_others() {
        let before = keys(32, 0..1000);
        let after = keys(32, (0..1000).filter(|id| id % 10 != 0));
        let shared = before.iter().filter(|key| after.contains(key)).count();
        assert!(shared >= 20, "{shared}");
    }

    #[test]
    fn nothing_is_kept_when_nothing_may_be() {
        assert!(keys(0, 0..10).is_empty());
    }
}
