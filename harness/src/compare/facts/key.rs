//! The key of a fact taken apart: `class/object[/part][/aspect]`, names quoted as SQL quotes
//! them, or `facet/class object[/part][/to]` for what any object has.

/// What any object has, whatever its class.
const FACETS: [&str; 4] = ["owner", "grant", "comment", "label"];

/// Classes whose objects are relations: they share one space of names.
pub(super) const RELATIONS: [&str; 5] = ["table", "view", "matview", "sequence", "foreign-table"];

/// Classes whose objects are parts of a relation or of a type.
const PARTS: [&str; 7] =
    ["column", "constraint", "domain-constraint", "index", "policy", "rule", "trigger"];

/// Classes that tie something to another: a member to a role, a setting to what it is set for.
const TIES: [&str; 6] = [
    "membership",
    "published-part",
    "published-schema",
    "published-table",
    "setting",
    "user-mapping",
];

/// A key, borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key<'a> {
    /// `owner`, `grant`, `comment` or `label` where the fact is such a one.
    pub(super) facet: Option<&'a str>,
    /// Class of the object: `table`, `constraint`, `role` ….
    pub(super) class: &'a str,
    /// The object, and its part.
    pub(super) object: Vec<&'a str>,
    /// What of it: `last_value`, `password`.
    pub(super) aspect: Option<&'a str>,
    /// The role that privileges are for, the provider of a label.
    pub(super) to: Option<&'a str>,
}

impl<'a> Key<'a> {
    pub(super) fn parse(key: &'a str) -> Self {
        let (kind, rest) = key.split_once('/').unwrap_or((key, ""));
        let facet = FACETS.contains(&kind).then_some(kind);
        let (class, path) = match facet {
            Some(_) => rest.split_once(' ').unwrap_or((rest, "")),
            None => (kind, rest),
        };
        let mut object = segments(class, path);
        let directed = matches!(facet, Some("grant" | "label")) || class.ends_with("-grant");
        let to = if directed { object.pop() } else { None };
        let depth = if PARTS.contains(&class) || TIES.contains(&class) { 2 } else { 1 };
        let aspect = if object.len() > depth { object.pop() } else { None };
        Self { facet, class, object, aspect, to }
    }

    /// Keys of the facts that this one comes and goes with: its object, the relation or the type
    /// that it is a part of, the roles that it names.
    pub(super) fn holders(&self) -> Vec<String> {
        let mut holders = Vec::new();
        if self.facet.is_some() || self.aspect.is_some() {
            holders.push(format!("{}/{}", self.class, self.object.join("/")));
        }
        if PARTS.contains(&self.class) || self.class == "column-order" {
            let whole = self.object[0];
            holders.extend(RELATIONS.iter().map(|class| format!("{class}/{whole}")));
            holders.push(format!("type/{whole}"));
        }
        holders.extend(self.to.map(|role| format!("role/{role}")));
        match (self.class, self.object.as_slice()) {
            ("collation-version", [name]) => holders.push(format!("collation/{name}")),
            ("membership", roles) => {
                holders.extend(roles.iter().map(|role| format!("role/{role}")));
            }
            ("published-part" | "published-table", [publication, table]) => {
                holders.extend([format!("publication/{publication}"), format!("table/{table}")]);
            }
            ("published-schema", [publication, schema]) => {
                holders.extend([format!("publication/{publication}"), format!("schema/{schema}")]);
            }
            ("setting", [whose, _]) => {
                holders.push(whose.trim_end_matches(" in the database").replacen(' ', "/", 1));
            }
            ("user-mapping", [server, role]) => {
                holders.extend([format!("server/{server}"), format!("role/{role}")]);
            }
            _ => {}
        }
        holders
    }

    /// Whether the fact is a thing that can be counted when it goes with another.
    pub(super) fn is_countable(&self) -> bool {
        self.aspect.is_none() && self.facet != Some("owner") && self.class != "column-order"
    }

    /// The object in words: a relation by its name, anything else after its class.
    pub(super) fn subject(&self) -> String {
        let class = self.class.replace('-', " ");
        match (self.class, self.object.as_slice()) {
            ("database", _) => class,
            ("column", [relation, column, ..]) => format!("{relation}.{column}"),
            ("column-order", [name]) | ("setting", [name, _]) => (*name).to_owned(),
            ("membership", [role, _]) => format!("role {role}"),
            ("published-part" | "published-schema" | "published-table", [publication, _]) => {
                format!("publication {publication}")
            }
            ("user-mapping", [server, _]) => format!("server {server}"),
            (relation, [name, ..]) if RELATIONS.contains(&relation) => (*name).to_owned(),
            (part, [whole, name]) if PARTS.contains(&part) => format!("{class} {name} on {whole}"),
            (_, object) => format!("{class} {}", object.join(" ")),
        }
    }

    /// What of the subject is meant, if not its existence or its definition.
    pub(super) fn matter(&self) -> Option<String> {
        match (self.facet, self.class, self.object.as_slice()) {
            (Some("label"), ..) => Some(format!("label of {}", self.to.unwrap_or_default())),
            (Some(facet), ..) => Some(facet.to_owned()),
            (None, "membership", [_, role]) => Some(format!("membership in {role}")),
            (None, "published-part", [_, table]) => Some(format!("part of table {table}")),
            (None, "published-schema", [_, schema]) => Some(format!("schema {schema}")),
            (None, "published-table", [_, table]) => Some(format!("table {table}")),
            (None, "setting", [_, name]) => Some(format!("setting {name}")),
            (None, "user-mapping", [_, role]) => Some(format!("mapping of user {role}")),
            _ => self.aspect.map(str::to_owned),
        }
    }
}

/// The relation of a column that is written `schema.relation.column`.
pub(super) fn relation_of(column: &str) -> &str {
    let mut quoted = false;
    let dots = column.char_indices().filter(|(_, sign)| {
        quoted ^= *sign == '"';
        *sign == '.' && !quoted
    });
    dots.last().map_or(column, |(end, _)| &column[..end])
}

/// Splits at slashes outside of double quotes. Operators are named by signs, the slash among
/// them, and have no parts.
fn segments<'a>(class: &str, path: &'a str) -> Vec<&'a str> {
    if class == "operator" {
        return vec![path];
    }
    let mut quoted = false;
    path.split(|sign| {
        quoted ^= sign == '"';
        sign == '/' && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_inside_of_a_quoted_name_parts_nothing() {
        let key = Key::parse(r#"column/public."a/b""c"/x/compression"#);
        assert_eq!(key.object, [r#"public."a/b""c""#, "x"]);
        assert_eq!(key.aspect, Some("compression"));
    }

    #[test]
    fn an_operator_of_slashes_is_one_object() {
        let key = Key::parse("owner/operator public.//(integer,integer)");
        assert_eq!(key.subject(), "operator public.//(integer,integer)");
    }

    #[test]
    fn a_grant_goes_with_its_object_its_relation_and_its_role() {
        let key = Key::parse("grant/column public.t/x/reader");
        let holders = key.holders();
        for holder in ["column/public.t/x", "table/public.t", "role/reader"] {
            assert!(holders.iter().any(|known| known == holder), "{holder} in {holders:?}");
        }
    }
}
