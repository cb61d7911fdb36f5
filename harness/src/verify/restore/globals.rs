//! Roles of a backup: the statements of `pg_dumpall --globals-only`, done one by one, and only what
//! they can be. None of them makes a superuser while others restore.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::Regex;

use super::super::server::{MAKER, SealedServer};
use super::quoted;
use crate::error::{Attempt, Result};
use crate::stack::database::ask;

/// What may be granted to nobody while something is restored that nobody vouches for.
const POWERS: [&str; 4] =
    ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_checkpoint"];

/// What came of them.
#[derive(Debug, Clone, Default)]
pub(in crate::verify) struct Globals {
    /// Roles that were made.
    pub(in crate::verify) roles: BTreeSet<String>,
    /// What was refused by the server.
    pub(in crate::verify) errors: Vec<String>,
    /// What was left out on purpose.
    pub(in crate::verify) left_out: Vec<String>,
}

impl Globals {
    /// Roles that are superusers where they come from.
    pub(in crate::verify) fn superusers(&self) -> impl Iterator<Item = String> {
        let of = self.left_out.iter().filter_map(|it| it.strip_prefix("SUPERUSER of "));
        of.map(str::to_owned)
    }
}

/// Makes the roles of a script, and what they are granted of each other.
pub(in crate::verify) async fn restore(server: &SealedServer, script: String) -> Result<Globals> {
    ask(server.connection("postgres"), move |client| {
        let mut globals = Globals::default();
        for statement in statements(&script) {
            let Some(safe) = harmless(&statement, &mut globals.left_out) else { continue };
            if let Some(name) = made(&safe) {
                globals.roles.insert(name);
            }
            // Prepared: what holds a second statement is refused by the server.
            if let Err(cause) = client.execute(safe.as_str(), &[]) {
                let Some(refused) = cause.as_db_error() else {
                    return Err(cause).attempt(|| "cannot restore the roles");
                };
                globals.errors.push(format!("ERROR:  {}", refused.message()));
            }
        }
        Ok(globals)
    })
    .await
}

/// Makes roles that nothing makes, who may not sign in. Gives back those that were not there.
pub(in crate::verify) async fn make_absent(
    server: &SealedServer,
    wanted: BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    ask(server.connection("postgres"), move |client| {
        let mut absent = BTreeSet::new();
        for name in wanted {
            let there = "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1";
            let there = client.query_opt(there, &[&name]).attempt(|| "cannot look for roles")?;
            if there.is_some() {
                continue;
            }
            let make = format!("CREATE ROLE {} NOLOGIN", quoted(&name));
            client.batch_execute(&make).attempt(|| format!("cannot make role {name:?}"))?;
            absent.insert(name);
        }
        Ok(absent)
    })
    .await
}

/// The statements of a script that `pg_dumpall` wrote: a line each.
fn statements(script: &str) -> impl Iterator<Item = String> {
    let lines = script.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.filter(|line| !line.starts_with('\\')).map(|line| line.trim_end_matches(';').to_owned())
}

/// The statement without what would give somebody powers; nothing where it is not one that
/// `pg_dumpall` writes about roles. It is done as a superuser.
fn harmless(statement: &str, left_out: &mut Vec<String>) -> Option<String> {
    if statement.starts_with("SET ") || statement.contains("TABLESPACE") {
        return None;
    }
    let is_of_sandbox = statement.contains(MAKER);
    if is_of_sandbox || !forms().iter().any(|form| form.is_match(statement)) {
        left_out.push(format!("{}: no statement about roles", shortened(statement)));
        return None;
    }
    if statement.starts_with("GRANT ") {
        let power = POWERS.iter().find(|power| statement.contains(**power));
        if let Some(power) = power {
            left_out.push(format!("a grant of {power}"));
            return None;
        }
        // Who granted it is no member of anything here.
        let end = statement.find(" GRANTED BY ").unwrap_or(statement.len());
        return Some(statement[..end].to_owned());
    }
    let mut safe = statement.to_owned();
    for power in ["SUPERUSER", "REPLICATION"] {
        let with = format!(" {power} ");
        if safe.starts_with("ALTER ROLE ") && format!("{safe} ").contains(&with) {
            let of = safe.trim_start_matches("ALTER ROLE ").split(" WITH ").next();
            left_out.push(format!("{power} of {}", of.unwrap_or_default()));
            let without = format!("{safe} ").replace(&with, &format!(" NO{power} "));
            without.trim_end().clone_into(&mut safe);
        }
    }
    Some(safe)
}

/// The statements of `pg_dumpall` about roles, as it writes them.
fn forms() -> &'static [Regex] {
    static FORMS: OnceLock<Vec<Regex>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let name = r#"(?:"(?:[^"]|"")+"|[\w$]+)"#;
        let text = "'(?:[^']|'')*'";
        let words = r"(?: (?:NO)?(?:SUPERUSER|INHERIT|CREATEROLE|CREATEDB|LOGIN|REPLICATION|BYPASSRLS))*";
        let limits = format!("(?: CONNECTION LIMIT -?[0-9]+| PASSWORD {text}| VALID UNTIL {text})*");
        let options = "(?: WITH (?:ADMIN|INHERIT|SET) (?:OPTION|TRUE|FALSE)(?:, (?:ADMIN|INHERIT|SET) (?:TRUE|FALSE))*)?";
        let forms = [
            format!("^CREATE ROLE {name}$"),
            format!("^ALTER ROLE {name} WITH{words}{limits}$"),
            format!("^ALTER ROLE {name}(?: IN DATABASE {name})? SET {name} TO (?:{text}|[\\w$]+)(?:, (?:{text}|[\\w$]+))*$"),
            format!("^COMMENT ON ROLE {name} IS {text}$"),
            format!("^GRANT {name} TO {name}{options}(?: GRANTED BY {name})?$"),
        ];
        forms.iter().filter_map(|form| Regex::new(form).ok()).collect()
    })
}

/// Whether somebody else's backup may name a role, and whoever restores be a member of it.
pub(in crate::verify) fn is_anybodys(role: &str) -> bool {
    role != "public" && !role.starts_with("pg_") && !role.starts_with(MAKER)
}

/// The role that a statement makes.
fn made(statement: &str) -> Option<String> {
    let name = statement.strip_prefix("CREATE ROLE ")?.trim();
    let unquoted = name.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    Some(unquoted.map_or_else(|| name.to_owned(), |it| it.replace("\"\"", "\"")))
}

fn shortened(statement: &str) -> String {
    statement.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_made_without_their_powers() {
        let mut left_out = Vec::new();
        let mut safe = |statement: &str| harmless(statement, &mut left_out);
        assert_eq!(safe("CREATE ROLE app").as_deref(), Some("CREATE ROLE app"));
        assert_eq!(
            safe(
                "ALTER ROLE app WITH SUPERUSER INHERIT LOGIN PASSWORD 'x''y' VALID UNTIL 'infinity'"
            )
            .as_deref(),
            Some(
                "ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'x''y' VALID UNTIL 'infinity'"
            )
        );
        assert_eq!(
            safe("ALTER ROLE app WITH NOSUPERUSER LOGIN").as_deref(),
            Some("ALTER ROLE app WITH NOSUPERUSER LOGIN")
        );
        assert_eq!(safe("GRANT a TO b GRANTED BY postgres").as_deref(), Some("GRANT a TO b"));
        assert_eq!(safe("GRANT pg_execute_server_program TO app"), None);
        for hostile in [
            "COPY t FROM PROGRAM 'touch /x'",
            "ALTER ROLE app SUPERUSER",
            "CREATE ROLE app SUPERUSER",
            "ALTER ROLE ALL SET session_preload_libraries TO 'x'; DROP ROLE app",
            "GRANT dr_drill TO app",
            "ALTER ROLE dr_drill_restore WITH SUPERUSER",
        ] {
            assert_eq!(safe(hostile), None, "{hostile}");
        }
        assert_eq!(left_out.len(), 8, "{left_out:?}");
    }

    #[test]
    fn names_are_read_as_they_are_quoted() {
        assert_eq!(made("CREATE ROLE app").as_deref(), Some("app"));
        assert_eq!(made("CREATE ROLE \"a \"\"b\"").as_deref(), Some("a \"b"));
        assert_eq!(made("ALTER ROLE app"), None);
    }
}
