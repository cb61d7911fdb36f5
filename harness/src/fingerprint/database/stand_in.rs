//! Stand-ins: for each column, an expression that the server's hash functions tell apart
//! exactly where the stored values differ.
//!
//! PostgreSQL hashes by equality, not by bytes: 1.0 = 1.00, -0 = 0, 1 month = 30 days, and
//! integers and times of 64 bits are folded to 32. Types of which that is true are hashed
//! through the bytes they send to a client; text is hashed under the collation "C".

use super::types::{Type, Types};

/// How one column enters a row's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StandIn {
    /// Hashed as what it is. Injective up to collisions of the hash.
    pub native: String,
    /// One `bytea`, injective; for servers that cannot hash records.
    pub bytes: String,
}

/// The stand-in of a column, or why there is none.
pub(super) fn of(column: &str, type_oid: u32, types: &Types) -> Result<StandIn, String> {
    let stored =
        types.stored(type_oid).ok_or_else(|| format!("type {type_oid} is not in the catalogue"))?;
    let bytes = bytes(column, stored, types)?;
    let native = stored.is_built_in().then(|| native(column, &stored.name)).flatten();
    Ok(StandIn { native: native.unwrap_or_else(|| bytes.clone()), bytes })
}

/// Built-in types whose own extended hash covers every bit that can be seen.
fn native(column: &str, type_name: &str) -> Option<String> {
    match type_name {
        "bool" | "int2" | "int4" | "char" | "date" | "oid" | "uuid" | "bytea" | "macaddr"
        | "macaddr8" | "inet" | "cidr" => Some(column.to_owned()),
        // A collation may hold different texts to be equal, and "C" is the cheapest.
        "text" | "varchar" | "name" => Some(format!("{column} COLLATE \"C\"")),
        _ => None,
    }
}

/// The value as bytes: the form sent to clients where it means the same everywhere,
/// otherwise the text form.
fn bytes(column: &str, stored: &Type, types: &Types) -> Result<String, String> {
    if let Some(send) = &stored.send
        && types.is_portable(stored.oid)
        && types.accepts(send, stored.oid)
    {
        return Ok(match stored.name.as_str() {
            // The sign of NaN is visible in no text form and survives no dump.
            "float4" | "float8" if stored.is_built_in() => format!(
                "CASE WHEN {column} = 'NaN' THEN {send}('NaN') ELSE {send}({column}) END",
                send = send.name
            ),
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
        _ => format!("{column}::pg_catalog.text"),
    };
    Ok(format!("pg_catalog.textsend({text})"))
}
