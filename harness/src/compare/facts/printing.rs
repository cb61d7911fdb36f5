//! Definitions that a dump and its restore print differently although they say the same.
//!
//! PostgreSQL stores a definition as a tree and prints it as SQL. Reading that SQL back folds
//! the cast of a whole array into its elements: `(ARRAY['a'::x, 'b'::x])::y[]` is stored as
//! `ARRAY[('a'::x)::y, ('b'::x)::y]` from then on. Nothing else is taken to be the same.

/// Whether two definitions differ only in where the cast of an array literal stands.
pub(super) fn same(before: &str, after: &str) -> bool {
    before.contains("ARRAY[") && folded(before) == folded(after)
}

/// The definition with every cast of an array literal moved to its elements.
fn folded(definition: &str) -> String {
    const OPENING: &str = "(ARRAY[";
    let mut text = definition.to_owned();
    let mut from = 0;
    while let Some(at) = text[from..].find(OPENING).map(|at| from + at) {
        let elements_at = at + OPENING.len();
        from = elements_at;
        let Some((elements, close)) = elements(&text, elements_at) else { continue };
        let Some(rest) = text[close..].strip_prefix("])::") else { continue };
        let Some((element_type, _)) = rest.split_once("[]") else { continue };
        if !element_type.chars().all(|c| c.is_alphanumeric() || " ._\"(),".contains(c)) {
            continue;
        }
        let cast = elements.iter().map(|element| format!("({element})::{element_type}"));
        let replaced = format!("ARRAY[{}]", cast.collect::<Vec<_>>().join(", "));
        let end = close + "])::".len() + element_type.len() + "[]".len();
        text.replace_range(at..end, &replaced);
        from = at;
    }
    text
}

/// The elements of the array literal whose inside begins at `from`, and where its `]` is.
fn elements(text: &str, from: usize) -> Option<(Vec<&str>, usize)> {
    let mut elements = Vec::new();
    let (mut depth, mut quoted, mut begin) = (0_u32, None, from);
    for (at, c) in text[from..].char_indices().map(|(at, c)| (from + at, c)) {
        match (quoted, c) {
            // A doubled quote closes and opens again: the same state after both.
            (Some(quote), c) if c == quote => quoted = None,
            (None, '\'' | '"') => quoted = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ']') if depth == 0 => {
                elements.push(text[begin..at].trim());
                return Some((elements, at));
            }
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                elements.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &str = "CHECK (((status)::text = ANY ((ARRAY['a, b'::character varying, \
                          'it''s]'::character varying])::text[])))";
    const RESTORED: &str = "CHECK (((status)::text = ANY (ARRAY[('a, b'::character varying)::text, \
                            ('it''s]'::character varying)::text])))";

    #[test]
    fn a_cast_that_moved_into_an_array_is_the_same() {
        assert!(same(STORED, RESTORED));
        assert!(same(RESTORED, STORED));
    }

    #[test]
    fn another_element_another_order_or_another_type_is_not() {
        assert!(!same(STORED, &RESTORED.replace("'a, b'", "'a,b'")));
        assert!(!same(STORED, &RESTORED.replace("::text,", "::name,")));
        assert!(!same(
            STORED,
            "CHECK (((status)::text = ANY (ARRAY[('a, b'::character varying)::text])))"
        ));
        let (one, other) =
            ("ANY ((ARRAY['a'::x, 'b'::x])::y[])", "ANY (ARRAY[('b'::x)::y, ('a'::x)::y])");
        assert!(!same(one, other));
    }

    #[test]
    fn what_is_no_array_literal_is_left_alone() {
        assert!(!same("f((ARRAY[1])[1])", "f(ARRAY[1])"));
        assert!(!same("(ARRAY[", "(ARRAY["[..6].as_ref()));
    }
}
