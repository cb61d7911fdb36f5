//! What a dump has besides tables: views, triggers, routines, events and sequences, counted, and those
//! as whom they run.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::judge::Seen;
use super::super::answer::list;
use super::super::server::MariaDb;
use crate::error::Result;

/// How many there are of each kind, by the words that recognition uses.
pub(in crate::verify::mariadb) type Objects = BTreeMap<String, u64>;

/// Counts those of the databases.
pub(in crate::verify::mariadb) async fn count(
    server: &MariaDb,
    databases: &BTreeSet<String>,
) -> Result<Objects> {
    let of = list(databases);
    let asked = format!(
        "SELECT LOWER(TABLE_TYPE), COUNT(*) FROM information_schema.TABLES \
          WHERE TABLE_TYPE IN ('VIEW', 'SEQUENCE') AND TABLE_SCHEMA IN ({of}) GROUP BY 1;\n\
         SELECT 'trigger', COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN ({of});\n\
         SELECT LOWER(type), COUNT(*) FROM mysql.proc WHERE db IN ({of}) GROUP BY 1;\n\
         SELECT 'event', COUNT(*) FROM mysql.event WHERE db IN ({of});\n"
    );
    let answer = server.ask(&asked).await?.require("cannot count what is beside tables")?;
    let counts = answer.rows.iter().filter_map(|row| match row.as_slice() {
        [kind, count] => Some((kind.clone(), count.parse().ok()?)),
        _ => None,
    });
    Ok(counts.filter(|(_, count)| *count > 0).collect())
}

/// Holds what is there against what the backup makes.
pub(in crate::verify::mariadb) fn complete(promised: &Objects, there: &Objects) -> Seen {
    let mut seen = Seen::default();
    for (kind, wanted) in promised {
        match there.get(kind).copied().unwrap_or_default() {
            found if found < *wanted => {
                seen.wrong.push(format!("{found} of {wanted} {kind}s of the backup are there"));
            }
            _ => {}
        }
    }
    seen
}

/// In a few words: `2 triggers, 1 view`.
pub(in crate::verify::mariadb) fn shown(there: &Objects) -> String {
    let all = there
        .iter()
        .map(|(kind, count)| format!("{count} {kind}{}", if *count == 1 { "" } else { "s" }));
    let all = all.collect::<Vec<_>>();
    if all.is_empty() { "nothing beside tables".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(all: &[(&str, u64)]) -> Objects {
        all.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
    }

    #[test]
    fn a_trigger_that_is_missing_is_counted() {
        let there = objects(&[("trigger", 1), ("view", 2)]);
        assert_eq!(complete(&there, &there), Seen::default());
        let seen = complete(&objects(&[("trigger", 2)]), &there);
        assert_eq!(seen.wrong, ["1 of 2 triggers of the backup are there"]);
        assert_eq!(shown(&there), "1 trigger, 2 views");
        assert_eq!(shown(&objects(&[])), "nothing beside tables");
    }
}
