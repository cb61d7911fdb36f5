//! What has been seen of a piece so far: what it says, what is wrong, what is left open. Bounded,
//! because whoever wrote the piece decides how much there is to say.

use crate::model::existing::{Kind, Says};

/// Lines of damage, and of what is left open, that are kept by name; beyond it they are counted.
const LINES_MAX: usize = 100;

/// Of a text of the piece's, this many characters are shown.
const SHOWN_CHARS: usize = 120;

/// What has been seen of a piece.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) kind: Kind,
    pub(super) says: Says,
    damage: Lines,
    open: Lines,
}

#[derive(Debug, Default)]
struct Lines {
    kept: Vec<String>,
    more: u64,
}

impl Lines {
    fn push(&mut self, line: String) {
        if self.kept.contains(&line) {
            return;
        }
        if self.kept.len() < LINES_MAX {
            self.kept.push(line);
        } else {
            self.more += 1;
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.kept.push(format!("and {} more", self.more));
        }
        self.kept
    }
}

impl Seen {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, says: Says::default(), damage: Lines::default(), open: Lines::default() }
    }

    /// Notes what makes it no good.
    pub(super) fn damage(&mut self, line: impl Into<String>) {
        self.damage.push(line.into());
    }

    /// Whether something could not be found out.
    pub(super) fn is_open(&self) -> bool {
        !self.open.kept.is_empty()
    }

    /// Notes what could not be found out, and what would help.
    pub(super) fn open(&mut self, line: impl Into<String>) {
        self.open.push(line.into());
    }

    /// What it says, the damage, and what is left open.
    pub(super) fn finish(self) -> (Says, Vec<String>, Vec<String>) {
        (self.says, self.damage.finish(), self.open.finish())
    }
}

/// The beginning of a text of the piece's, in quotes and fit for one line of a terminal.
pub(super) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut short = text.trim().chars().take(SHOWN_CHARS + 1).collect::<String>();
    if short.chars().count() > SHOWN_CHARS {
        short.pop();
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_bound_are_counted_and_none_is_said_twice() {
        let mut seen = Seen::of(Kind::Unknown);
        for line in 0..LINES_MAX + 3 {
            seen.damage(format!("line {line}"));
        }
        seen.damage("line 0");
        let (_, damage, open) = seen.finish();
        assert_eq!(damage.len(), LINES_MAX + 1);
        assert_eq!(damage.last().map(String::as_str), Some("and 3 more"));
        assert!(open.is_empty());
    }

    #[test]
    fn texts_of_a_piece_are_cut_and_made_printable() {
        assert_eq!(shown(b" a\x1b[2J\n"), r#""a\u{1b}[2J""#);
        assert_eq!(shown(&[b'x'; 500]).chars().count(), SHOWN_CHARS + 3);
    }
}
