//! What can be proved of databases of MariaDB without their source. Each judge asks as somebody who
//! may read everything and change nothing, many statements at once.

pub(super) mod constraints;
pub(super) mod freshness;
pub(super) mod invariant;
pub(super) mod objects;
pub(super) mod tables;

/// Statements to ask at once, one a line, each known by the line that it stands in.
#[derive(Debug, Default)]
struct Questions {
    text: String,
    lines: usize,
}

impl Questions {
    /// Adds a statement, without its end. Gives back its line.
    fn ask(&mut self, statement: &str) -> usize {
        let line = self.lines + 1;
        self.text.push_str(statement);
        self.text.push_str(";\n");
        // Names may have lines of their own.
        self.lines += 1 + statement.matches('\n').count();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_its_line_whatever_names_are_like() {
        let mut questions = Questions::default();
        let lines = ["SELECT 1", "SELECT `a\nb`", "SELECT 2"].map(|it| questions.ask(it));
        assert_eq!(lines, [1, 2, 4]);
    }
}
