use super::{Cutter, Dialect, Item};

/// Statements with their rows, and comments, of a script that comes in chunks of this size.
fn cut(dialect: Dialect, script: &str, by: usize) -> Vec<String> {
    let mut cutter = Cutter::new(dialect);
    let mut parts = Vec::new();
    let mut note = |item: Item| {
        parts.push(match item {
            Item::Comment(line) => format!("-- {}", String::from_utf8_lossy(&line)),
            Item::Meta(line) => format!("\\{}", String::from_utf8_lossy(&line)),
            Item::Statement(it) => {
                format!("{} [{}]", String::from_utf8_lossy(&it.text).trim(), it.rows)
            }
            Item::Cut(text) => format!("cut {}", String::from_utf8_lossy(&text).trim()),
        });
    };
    for chunk in script.as_bytes().chunks(by) {
        let mut at = 0;
        while at < chunk.len() {
            let (used, item) = cutter.feed(&chunk[at..]);
            at += used;
            item.into_iter().for_each(&mut note);
        }
    }
    cutter.end().into_iter().for_each(&mut note);
    parts
}

/// However a script is cut into chunks, its parts are these.
fn parts_are(dialect: Dialect, script: &str, expected: &[&str]) {
    for by in [1, 2, 3, 7, script.len()] {
        assert_eq!(cut(dialect, script, by), expected, "by {by}");
    }
}

#[test]
fn strings_hide_what_is_in_them() {
    parts_are(
        Dialect::Postgres,
        "INSERT INTO a VALUES ('it''s; -- (', E'\\'; (', U&'\\'), (\"x;\", 2); SELECT name'b';",
        &[
            "INSERT INTO a VALUES ('it''s; -- (', E'\\'; (', U&'\\'), (\"x;\", 2) [2]",
            "SELECT name'b' [0]",
        ],
    );
    parts_are(Dialect::Postgres, "SELECT E'a''\\';b';", &["SELECT E'a''\\';b' [0]"]);
}

#[test]
fn dollar_quotes_end_with_their_own_tag() {
    parts_are(
        Dialect::Postgres,
        "DO $a$ ; $b$ ; $$ ; $a $a$; SELECT a$b, $1; SELECT $$;$$;",
        &["DO $a$ ; $b$ ; $$ ; $a $a$ [0]", "SELECT a$b, $1 [0]", "SELECT $$;$$ [0]"],
    );
}

#[test]
fn bodies_without_quotes_end_with_their_own_end() {
    parts_are(
        Dialect::Postgres,
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END;\n\
         BEGIN; SELECT 1; END;",
        &[
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END [0]",
            "BEGIN [0]",
            "SELECT 1 [0]",
            "END [0]",
        ],
    );
    parts_are(Dialect::Postgres, "CREATE RULE r DO (a; b);", &["CREATE RULE r DO (a; b) [0]"]);
}

#[test]
fn comments_and_commands_are_parts_between_statements_alone() {
    parts_are(
        Dialect::Postgres,
        "-- one\nSELECT 1 -- two\n; /* a /* b; */ c; */ \\connect x\n-- three",
        &["-- one", "SELECT 1 [0]", "\\connect x", "-- three"],
    );
}

#[test]
fn what_mariadb_runs_in_comments_is_code() {
    parts_are(
        Dialect::MariaDb,
        "/*M!999999\\- sandbox */ /*!40101 SET a=';' */;\nINSERT INTO `a;` VALUES (1,'\\'('),(2,\"b;\");\n\
         DELIMITER ;;\n/*!50003 CREATE TRIGGER t BEGIN INSERT INTO a VALUES (1); END */;;\nDELIMITER ;\n# x;\nUSE b;",
        &[
            "SET a=';' [0]",
            "INSERT INTO `a;` VALUES (1,'\\'('),(2,\"b;\") [2]",
            "CREATE TRIGGER t BEGIN INSERT INTO a VALUES (1); END [0]",
            "-- x;",
            "USE b [0]",
        ],
    );
}

#[test]
fn what_does_not_end_is_cut() {
    parts_are(Dialect::Postgres, "SELECT 'a;\n", &["cut SELECT 'a;"]);
    parts_are(Dialect::Postgres, "SELECT 1;\n\n", &["SELECT 1 [0]"]);
    parts_are(Dialect::Postgres, "/* a", &["cut "]);
}
