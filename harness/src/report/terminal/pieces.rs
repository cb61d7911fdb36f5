//! What the pieces of a backup are, and what they say of themselves.

use std::fmt;

use super::wrapped;
use crate::model::existing::Piece;

/// Columns of the word that a line begins with.
const INDENT: usize = 11;

/// Tables that are shown; a record has them all.
const TABLES_SHOWN: usize = 12;

/// Each piece in a paragraph.
#[must_use]
pub fn pieces(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        // Writing into a string cannot fail.
        let _ = write(&mut out, piece);
    }
    out
}

fn write(out: &mut String, piece: &Piece) -> fmt::Result {
    let mut line = |word: &str, text: &str| wrapped(out, word, INDENT, text);
    line("backup", &piece.path.display().to_string())?;
    let wrapped_in = piece.wrapped.iter().map(|it| format!("{it:?}").to_lowercase());
    let wrapped_in = wrapped_in.collect::<Vec<_>>().join(", ");
    let kind = match wrapped_in.as_str() {
        "" => piece.kind.describe().to_owned(),
        wrapped_in => format!("{}, through {wrapped_in}", piece.kind.describe()),
    };
    line("  is", &kind)?;
    line("  size", &format!("{} bytes, written {:.0}", piece.bytes, piece.modified))?;
    let says = &piece.says;
    let said = [
        ("  tool", says.tool.clone()),
        ("  server", says.server.clone()),
        ("  encoding", says.encoding.clone()),
        ("  taken", says.taken_at.map(|it| format!("{it:.0}"))),
        ("  files", says.files.map(|it| it.to_string())),
    ];
    for (word, text) in said {
        if let Some(text) = text {
            line(word, &text)?;
        }
    }
    for (database, tables) in &says.tables {
        let rows = tables.values().copied().sum::<Option<u64>>();
        let rows = rows.map_or_else(|| "rows unknown".to_owned(), |rows| format!("{rows} rows"));
        let of = if database.is_empty() { String::new() } else { format!("{database}: ") };
        line("  promises", &format!("{of}{} tables, {rows}", tables.len()))?;
        for (name, rows) in tables.iter().take(TABLES_SHOWN) {
            let rows = rows.map_or_else(|| "?".to_owned(), |rows| rows.to_string());
            line("", &format!("{name} {rows}"))?;
        }
        let more = tables.len().saturating_sub(TABLES_SHOWN);
        if more > 0 {
            line("", &format!("and {more} more"))?;
        }
    }
    for (word, list) in [("  asks for", &says.extensions), ("  roles", &says.names_roles)] {
        if !list.is_empty() {
            line(word, &list.iter().cloned().collect::<Vec<_>>().join(", "))?;
        }
    }
    for (word, list) in [("  damage", &piece.damage), ("  open", &piece.open)] {
        for why in list {
            line(word, why)?;
        }
    }
    Ok(())
}
