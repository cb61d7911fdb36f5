//! What is shown to people at a terminal of 80 columns. Colours are ANSI; whoever prints elsewhere
//! strips them. Every name may come from data that was restored: none of them moves the cursor.

mod methods;
mod pieces;
mod plan;
mod sealing;
mod summary;

use std::fmt::{self, Write};

pub use methods::methods;
pub use pieces::pieces;
pub use plan::plan;
pub use summary::summary;

/// Columns of a line.
const WIDTH: usize = 80;

/// A space at which no line is broken.
const KEEP: &str = "\u{a0}";

/// A word in its column and a text beside it, in as many lines as it takes. A word that is too long
/// has a line of its own. What can be copied, such as a path, stays whole.
fn wrapped(out: &mut String, word: &str, column: usize, text: &str) -> fmt::Result {
    let (mut first, then) = (format!("{word:<column$}"), " ".repeat(column));
    if column > 0 && !first.ends_with(' ') {
        writeln!(out, "{first}")?;
        first.clone_from(&then);
    }
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(&first)
        .subsequent_indent(&then)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    writeln!(out, "{}", textwrap::fill(&printable(text), options).replace(KEEP, " "))
}

/// A text whose lines fit, each going on under where its last column began.
#[must_use]
pub fn folded(text: &str) -> String {
    let folded = text.lines().map(|line| {
        let column = line.rmatch_indices("  ").next().map_or(0, |(at, gap)| at + gap.len());
        let is_listed = ["- ", "→ "].iter().any(|mark| line[column..].starts_with(mark));
        let indent = " ".repeat(line[..column].chars().count() + if is_listed { 2 } else { 0 });
        let options = textwrap::Options::new(WIDTH)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(line, options) + "\n"
    });
    folded.collect()
}

fn printable(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' => letter.to_string(),
        _ if letter.is_control() => letter.escape_default().to_string(),
        _ => letter.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_under_itself_and_cannot_move_the_cursor() {
        let mut out = String::new();
        let text = format!("{} {} \u{1b}[2Kgone\r", "word ".repeat(14).trim(), "x".repeat(90));
        wrapped(&mut out, "why", 5, &text).expect("written");
        let lines = out.lines().collect::<Vec<_>>();
        assert_eq!(lines[0], format!("why  {}", "word ".repeat(14).trim()));
        assert_eq!(lines[1], format!("     {}", "x".repeat(90)));
        assert_eq!(lines[2], r"     \u{1b}[2Kgone\r");
        out.clear();
        wrapped(&mut out, "because", 5, "it is").expect("written");
        assert_eq!(out, "because\n     it is\n");
    }
}
