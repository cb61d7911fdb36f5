//! The contents of large objects: size and digest of each, from the pages that the server
//! keeps them in. A page that is missing or short reads as zeros, and a restore writes these
//! out: contents are compared, not pages.
//!
//! Needs to read `pg_largeobject`, as superusers do.

mod content;
mod page_hash;

use std::collections::BTreeMap;

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;

pub use self::content::ObjectContent;

use crate::error::{Attempt, Result};
use crate::model::fingerprint::{LargeObject, LargeObjects, RowHash, Strength};

/// How many there are, whether their pages may be read, and bytes of a full page.
const STATE: &str = "\
    SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata), \
           pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT'), \
           pg_catalog.current_setting('block_size')::int8 / 4";

/// Pages hashed with their numbers, those of zeros alone left out, and summed.
const DIGESTS: &str = "\
    WITH full_page AS (SELECT decode(repeat('00', PAGE), 'hex') AS zeros) \
    SELECT m.oid, coalesce(max(p.pageno::int8 * PAGE + octet_length(p.data)), 0), \
           coalesce(sum(hash_array_extended(ARRAY[p.padded], hashint4extended(p.pageno, 0))) \
                    FILTER (WHERE p.padded <> p.zeros), 0)::text \
    FROM pg_largeobject_metadata m \
    LEFT JOIN (SELECT loid, pageno, data, zeros, \
                      data || substring(zeros FROM octet_length(data) + 1) AS padded \
               FROM pg_largeobject, full_page) p ON p.loid = m.oid \
    GROUP BY m.oid";

const OBJECTS: &str = "SELECT oid FROM pg_catalog.pg_largeobject_metadata";

const PAGES: &str = "\
    SELECT loid, pageno, data FROM pg_catalog.pg_largeobject ORDER BY loid, pageno";

/// Reads all large objects that the client's snapshot sees.
pub(super) fn read(client: &mut Client, strength: Strength) -> Result<LargeObjects> {
    let unreadable = || "cannot read the large objects";
    let state = client.query_one(STATE, &[]).attempt(unreadable)?;
    let (count, readable, page): (i64, bool, i64) = (state.get(0), state.get(1), state.get(2));
    if count > 0 && !readable {
        return Ok(LargeObjects::Undecided {
            reason: format!("the role may not read pg_largeobject, which holds {count} of them"),
        });
    }
    if count == 0 {
        return Ok(LargeObjects::Read(BTreeMap::new()));
    }
    let objects = match strength {
        Strength::Exact => summed(client, page).attempt(unreadable)?,
        Strength::Cryptographic => streamed(client, page).attempt(unreadable)?,
    };
    Ok(LargeObjects::Read(objects))
}

type Objects = BTreeMap<u32, LargeObject>;

fn summed(client: &mut Client, page: i64) -> Result<Objects> {
    let unread = || "cannot digest pg_largeobject";
    let statement = DIGESTS.replace("PAGE", &page.to_string());
    let mut rows = client.query_raw(&statement, std::iter::empty::<i32>()).attempt(unread)?;
    let mut objects = Objects::new();
    while let Some(row) = rows.next().attempt(unread)? {
        let (bytes, sum): (i64, &str) = (row.get(1), row.get(2));
        let sum: i128 = sum.parse().attempt(unread)?;
        let bytes = u64::try_from(bytes).attempt(unread)?;
        objects.insert(row.get(0), LargeObject { bytes, digest: format!("{sum:032x}") });
    }
    Ok(objects)
}

/// BLAKE3 of each object's content.
fn streamed(client: &mut Client, page: i64) -> Result<Objects> {
    let page = u64::try_from(page).attempt(|| "a page is too small")?;
    let unread = || "cannot stream pg_largeobject";
    let mut objects: Objects = client
        .query(OBJECTS, &[])
        .attempt(unread)?
        .iter()
        .map(|row| (row.get(0), ObjectContent::new(RowHash::Blake3Lattice).finish()))
        .collect();
    let mut open: Option<(u32, ObjectContent)> = None;
    let mut rows = client.query_raw(PAGES, std::iter::empty::<i32>()).attempt(unread)?;
    while let Some(row) = rows.next().attempt(unread)? {
        let (oid, number, data): (u32, i32, &[u8]) = (row.get(0), row.get(1), row.get(2));
        let number = u64::try_from(number).attempt(unread)?;
        if let Some((before, content)) = open.take_if(|(before, _)| *before != oid) {
            objects.insert(before, content.finish());
        }
        let (_, content) =
            open.get_or_insert_with(|| (oid, ObjectContent::new(RowHash::Blake3Lattice)));
        content.push_at(number * page, data)?;
    }
    objects.extend(open.map(|(oid, content)| (oid, content.finish())));
    Ok(objects)
}
