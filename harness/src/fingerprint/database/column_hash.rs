//! Hashes of columns: for each, an expression that takes the hash of the columns before it as
//! its seed and yields another for each value that is stored otherwise.
//!
//! PostgreSQL hashes by equality, not by bytes: 1.0 = 1.00, -0 = 0, 1 month = 30 days, and
//! integers and times of 64 bits are folded to 32. A type's own hash is used where it covers
//! every bit that can be seen, or where what it leaves out can be added cheaply. Everything
//! else is hashed as the bytes that it sends to a client.

use super::types::{Type, Types};

/// The instant that PostgreSQL counts from, and the 2³² µs by which its hash of a timestamp
/// folds.
const EPOCH: &str = "'2000-01-01'";
const FOLD: &str = "interval '4294.967296 s'";

/// The cheapest collation, which holds no two texts to be equal.
const C: &str = "COLLATE pg_catalog.\"C\"";

/// How one column enters a row's hash: what stands around the seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnHash {
    before: String,
    after: String,
}

impl ColumnHash {
    pub(super) fn around(before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { before: before.into(), after: after.into() }
    }

    /// The hash of the column on top of `seed`, an expression that stands in it once.
    pub(super) fn on(&self, seed: &str) -> String {
        format!("{}{seed}{}", self.before, self.after)
    }
}

/// Why a column has no hash, if it has none.
pub(super) fn refused(type_oid: u32, types: &Types) -> Option<String> {
    let stored = stored(type_oid, types);
    stored.and_then(|stored| bytes("x", stored, types)).err()
}

/// The hash of a column, or why there is none. A value that is null yields null, or with
/// `nullable` the same as some other value: telling them apart is then the caller's part.
pub(super) fn of(
    column: &str,
    type_oid: u32,
    nullable: bool,
    types: &Types,
) -> Result<ColumnHash, String> {
    let stored = stored(type_oid, types)?;
    let bytes = bytes(column, stored, types)?;
    let or = |value: &str, instead: &str| {
        if nullable { format!("coalesce({value}, {instead})") } else { value.to_owned() }
    };
    let native = stored.is_built_in().then(|| native(column, &stored.name, types, or)).flatten();
    Ok(native.unwrap_or_else(|| {
        let array = format!("ARRAY[{}]::bytea[]", or(&bytes, r"'\x'"));
        let array = if nullable {
            array
        } else {
            format!("CASE WHEN {column} IS DISTINCT FROM NULL THEN {array} END")
        };
        ColumnHash::around(format!("pg_catalog.hash_array_extended({array}, "), ")")
    }))
}

fn stored(type_oid: u32, types: &Types) -> Result<&Type, String> {
    types.stored(type_oid).ok_or_else(|| format!("type {type_oid} is not in the catalogue"))
}

/// Built-in types that are hashed as what they are.
fn native(
    column: &str,
    type_name: &str,
    types: &Types,
    or: impl Fn(&str, &str) -> String,
) -> Option<ColumnHash> {
    let by = |function: &str, instead: &str| {
        ColumnHash::around(format!("pg_catalog.{function}({}, ", or(column, instead)), ")")
    };
    // A collation may hold different texts to be equal.
    let text = |value: &str| {
        let value = or(value, "''");
        ColumnHash::around(format!("pg_catalog.hashtextextended({value} {C}, "), ")")
    };
    Some(match type_name {
        "int2" => by("hashint2extended", "'0'"),
        "int4" => by("hashint4extended", "'0'"),
        "oid" => by("hashoidextended", "'0'"),
        "char" => by("hashcharextended", "''"),
        "uuid" => by("uuid_hash_extended", "'00000000-0000-0000-0000-000000000000'"),
        "inet" | "cidr" => by("hashinetextended", "'0.0.0.0'"),
        "macaddr" => by("hashmacaddrextended", "'00:00:00:00:00:00'"),
        "macaddr8" => by("hashmacaddr8extended", "'00:00:00:00:00:00:00:00'"),
        "text" | "varchar" => text(column),
        "name" => by("hashnameextended", "''"),
        // What these send is their text, and more is to be done to send it. A cast of bpchar
        // would cut its blanks.
        "bpchar" => text(&format!("pg_catalog.textin(pg_catalog.bpcharout({column}))")),
        "json" => text(&format!("pg_catalog.textin(pg_catalog.json_out({column}))")),
        "jsonb" => text(&format!("pg_catalog.textin(pg_catalog.jsonb_out({column}))")),
        "bool" => {
            let bit = or(&format!("CASE WHEN {column} THEN 1 WHEN NOT {column} THEN 0 END"), "0");
            ColumnHash::around(format!("pg_catalog.hashint4extended({bit}, "), ")")
        }
        // Its own hash folds 64 bits to 32; a seed is taken in full.
        "int8" => ColumnHash::around(
            "pg_catalog.hashint4extended(0, pg_catalog.int8xor(",
            format!(", {}))", or(column, "'0'")),
        ),
        "date" => ColumnHash::around(
            format!("pg_catalog.hashint4extended({}, ", or(&days(column), "0")),
            ")",
        ),
        "numeric" => numeric(column, or),
        "timestamp" => timestamp(column, types, or),
        // The same 64 bits, as the time that clocks at Greenwich show.
        "timestamptz" => {
            timestamp(&format!("pg_catalog.timezone(interval '0', {column})"), types, or)
        }
        "float4" | "float8" => float(column, type_name, or),
        _ => return None,
    })
}

/// Days since the epoch; infinities, of which there is no difference, as what no date is.
fn days(date: &str) -> String {
    format!(
        "CASE WHEN pg_catalog.isfinite({date}) THEN {date} OPERATOR(pg_catalog.-) date {EPOCH} \
         WHEN {date} OPERATOR(pg_catalog.>) {EPOCH} THEN 2147483647 \
         WHEN {date} OPERATOR(pg_catalog.<) {EPOCH} THEN -2147483647 END"
    )
}

/// Its own hash covers digits and their weight. Sign and scale follow; what has no scale is
/// infinite or not a number, and differs by its text.
fn numeric(column: &str, or: impl Fn(&str, &str) -> String) -> ColumnHash {
    let shape = format!(
        "coalesce(CASE WHEN {column} OPERATOR(pg_catalog.<) '0' \
         THEN -1 OPERATOR(pg_catalog.-) pg_catalog.scale({column}) \
         ELSE pg_catalog.scale({column}) END, \
         pg_catalog.hashtext(pg_catalog.textin(pg_catalog.numeric_out({column})) {C}))"
    );
    ColumnHash::around(
        format!(
            "pg_catalog.hashint4extended({}, pg_catalog.hash_numeric_extended({}, ",
            or(&shape, "0"),
            or(column, "'0'")
        ),
        "))",
    )
}

/// Its own hash covers every bit but the sign of zero, which its text shows; all that is no
/// number counts as one: no text form and no dump tells them apart.
fn float(column: &str, type_name: &str, or: impl Fn(&str, &str) -> String) -> ColumnHash {
    let number =
        format!("CASE WHEN {column} OPERATOR(pg_catalog.=) 'NaN' THEN 'NaN' ELSE {column} END");
    let zero = format!(
        "CASE WHEN {column} OPERATOR(pg_catalog.=) '0' THEN pg_catalog.hashtextextended(\
         pg_catalog.textin(pg_catalog.{type_name}out({column})) {C}, 1) ELSE 0 END"
    );
    ColumnHash::around(
        format!("pg_catalog.hash{type_name}extended({}, pg_catalog.int8xor(", or(&number, "'0'")),
        format!(", {}))", or(&zero, "0")),
    )
}

/// Its own hash folds 64 bits to 32, lower half with upper half. The upper half enters the
/// seed: as the hash of the timestamp with its lower half cut off. That holds since the
/// epoch and short of infinity; others enter the seed as their text.
fn timestamp(column: &str, types: &Types, or: impl Fn(&str, &str) -> String) -> ColumnHash {
    let upper = if types.bins_timestamps() {
        format!(
            "pg_catalog.timestamp_hash_extended(\
             pg_catalog.date_bin({FOLD}, {column}, timestamp {EPOCH}), 0)"
        )
    } else {
        let sent = format!("pg_catalog.encode(pg_catalog.timestamp_send({column}), 'hex')");
        let bits = format!("('x' OPERATOR(pg_catalog.||) pg_catalog.left({sent}, 8))::bit(32)");
        format!("pg_catalog.hashint4extended({bits}::int4, 0)")
    };
    let rest = format!(
        "CASE WHEN {column} OPERATOR(pg_catalog.>=) {EPOCH} \
         AND {column} OPERATOR(pg_catalog.<) 'infinity' THEN {upper} \
         ELSE pg_catalog.hashtextextended(\
         pg_catalog.textin(pg_catalog.timestamp_out({column})) {C}, 1) END"
    );
    ColumnHash::around(
        format!("pg_catalog.timestamp_hash_extended({}, pg_catalog.int8xor(", or(column, EPOCH)),
        format!(", {}))", or(&rest, "0")),
    )
}

/// The value as bytes: the form sent to clients where it means the same everywhere,
/// otherwise the text form.
fn bytes(column: &str, stored: &Type, types: &Types) -> Result<String, String> {
    if let Some(send) = &stored.send
        && types.is_portable(stored.oid)
        && types.accepts(send, stored.oid)
    {
        return Ok(match stored.name.as_str() {
            "bytea" if stored.is_built_in() => column.to_owned(),
            _ => format!("{}({column})", send.name),
        });
    }
    // Of a type that does not send its values, nothing says that its text shows all of them,
    // except for PostgreSQL's own.
    if stored.send.is_none() && !stored.is_built_in() {
        return Err(format!("type {}.{} has no send function", stored.schema, stored.name));
    }
    let text = match &stored.output {
        Some(output) if types.accepts(output, stored.oid) => {
            format!("pg_catalog.textin({}({column}))", output.name)
        }
        _ => format!("{column}::text"),
    };
    Ok(format!("pg_catalog.textsend({text})"))
}
