//! The types of a database as far as they decide how a value becomes bytes: which functions
//! write it, and whether what they write means the same in another installation.

use std::collections::HashMap;

use postgres::Client;

use super::quote;
use super::text::Text;
use crate::error::{Attempt, Result};

/// Object identifiers below this are fixed by PostgreSQL, the same in every installation.
const FIRST_LOCAL_OID: u32 = 16384;

const TYPES: &str = "\
    SELECT t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typcategory::text, \
           t.typelem, t.typbasetype, t.typrelid, coalesce(r.rngsubtype, m.rngsubtype, 0), \
           sn.nspname::text, s.proname::text, s.proargtypes[0], \
           on_.nspname::text, o.proname::text, o.proargtypes[0] \
    FROM pg_catalog.pg_type t \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    LEFT JOIN pg_catalog.pg_proc s ON s.oid = t.typsend \
    LEFT JOIN pg_catalog.pg_namespace sn ON sn.oid = s.pronamespace \
    LEFT JOIN pg_catalog.pg_proc o ON o.oid = t.typoutput \
    LEFT JOIN pg_catalog.pg_namespace on_ ON on_.oid = o.pronamespace \
    LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid \
    LEFT JOIN pg_catalog.pg_range m ON MULTIRANGE = t.oid";

const ATTRIBUTES: &str = "\
    SELECT t.oid, a.atttypid FROM pg_catalog.pg_type t \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid \
    WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped";

/// A function that turns a value into bytes or text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writer {
    /// Schema-qualified and quoted.
    pub name: String,
    /// Type of its argument.
    pub argument: u32,
}

/// One type.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// `b` base, `c` composite, `d` domain, `e` enum, `p` pseudo, `r` range, `m` multirange.
    pub kind: char,
    pub is_array: bool,
    pub element: u32,
    pub base: u32,
    pub range_of: u32,
    pub attributes: Vec<u32>,
    pub send: Option<Writer>,
    pub output: Option<Writer>,
}

impl Type {
    /// Whether the type came with PostgreSQL.
    pub(super) fn is_built_in(&self) -> bool {
        self.oid < FIRST_LOCAL_OID && self.schema == "pg_catalog"
    }
}

/// All types of a database.
#[derive(Debug)]
pub(super) struct Types {
    by_oid: HashMap<u32, Type>,
    server_version: i32,
}

impl Types {
    /// Reads the catalogue.
    pub(super) fn load(client: &mut Client, server_version: i32) -> Result<Self> {
        // Multiranges came with 14.
        let multirange = if server_version >= 140_000 { "m.rngmultitypid" } else { "0" };
        let rows = client
            .query(&TYPES.replace("MULTIRANGE", multirange), &[])
            .attempt(|| "cannot read the types of the database")?;
        let mut by_oid: HashMap<u32, Type> = rows.iter().map(read).map(|t| (t.oid, t)).collect();
        for row in client
            .query(ATTRIBUTES, &[])
            .attempt(|| "cannot read the composite types of the database")?
        {
            if let Some(composite) = by_oid.get_mut(&row.get::<_, u32>(0)) {
                composite.attributes.push(row.get(1));
            }
        }
        Ok(Self { by_oid, server_version })
    }

    /// Whether the server has `date_bin`, which came with 14.
    pub(super) fn bins_timestamps(&self) -> bool {
        self.server_version >= 140_000
    }

    /// The type that a column's values really have: domains are looked through.
    pub(super) fn stored(&self, oid: u32) -> Option<&Type> {
        let mut found = self.by_oid.get(&oid)?;
        while found.kind == 'd' {
            found = self.by_oid.get(&found.base)?;
        }
        Some(found)
    }

    /// Whether the binary form of a type carries no object identifier that another
    /// installation would number otherwise.
    pub(super) fn is_portable(&self, oid: u32) -> bool {
        let Some(found) = self.stored(oid) else {
            return false;
        };
        // Arrays and composites write the identifiers of what they hold.
        let embeds = |held: u32| held < FIRST_LOCAL_OID && self.is_portable(held);
        match found.kind {
            'c' => found.attributes.iter().all(|held| embeds(*held)),
            'r' | 'm' => self.is_portable(found.range_of),
            'p' => false,
            _ if found.is_array => embeds(found.element),
            // regclass and its kin write an identifier where the text says a name.
            _ => found.send.is_some() && !(found.is_built_in() && found.name.starts_with("reg")),
        }
    }

    /// Whether a function takes values of a type as they are.
    pub(super) fn accepts(&self, writer: &Writer, oid: u32) -> bool {
        writer.argument == oid
            || self.by_oid.get(&writer.argument).is_some_and(|argument| argument.kind == 'p')
    }
}

fn read(row: &postgres::Row) -> Type {
    let letter = |index: usize| row.get::<_, String>(index).chars().next().unwrap_or('?');
    let writer = |schema: usize| -> Option<Writer> {
        Some(Writer {
            name: format!(
                "{}.{}",
                quote::identifier(row.get::<_, Option<Text>>(schema)?.sql()?),
                quote::identifier(row.get::<_, Option<Text>>(schema + 1)?.sql()?)
            ),
            argument: row.get::<_, Option<u32>>(schema + 2)?,
        })
    };
    let element: u32 = row.get(5);
    Type {
        oid: row.get(0),
        schema: row.get::<_, Text>(1).line(),
        name: row.get::<_, Text>(2).line(),
        kind: letter(3),
        // Fixed-length types such as point have elements too, and are no arrays.
        is_array: letter(4) == 'A' && element != 0,
        element,
        base: row.get(6),
        range_of: row.get(8),
        attributes: Vec::new(),
        send: writer(9),
        output: writer(12),
    }
}
