//! The list of large objects that archives of several files have: a line each, with its file.

use std::io::{self, BufRead, BufReader, Read};

use crate::tree_path::escape;

/// Files that one list names at most, and bytes of it that are read.
const FILES_MAX: usize = 1_000_000;
const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The files that a list names.
pub(super) fn listed(list: &mut impl Read) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for line in BufReader::new(list.take(LIST_BYTES_MAX)).split(b'\n') {
        let line = line?;
        let mut words = line.split(|byte| *byte == b' ');
        if let (Some(_), Some(file)) = (words.next(), words.next())
            && files.len() < FILES_MAX
        {
            files.push(escape(file));
        }
    }
    Ok(files)
}
