//! Small catalogues with one difference each. What a server really has is the scenarios' matter.

use super::{Facts, compare, undecided};
use crate::model::divergence::{DamageClass, Divergence, DivergenceKind, Severity};

const BASELINE: &[(&str, &str)] = &[
    ("table/public.copy", "kind: table"),
    ("column-order/public.copy", "id, file"),
    ("column/public.copy/id", "type: bigint\nnot null: yes"),
    ("column/public.copy/file", "type: text"),
    ("constraint/public.copy/copy_pkey", "definition: PRIMARY KEY (id)"),
    (
        "index/public.copy/by_file",
        "definition: CREATE INDEX by_file ON public.copy USING btree (file)",
    ),
    ("owner/table public.copy", "korrigo"),
    ("grant/table public.copy/reader", "SELECT"),
    ("comment/column public.copy/file", "a path"),
    ("sequence/public.copy_id_seq", "type: bigint\nincrement: 1\nowned by: public.copy.id"),
    ("sequence/public.copy_id_seq/last_value", "310"),
    ("sequence/public.copy_id_seq/is_called", "true"),
    ("sequence/public.copy_id_seq/feeds public.copy.id", "ahead"),
    ("role/reader", "inherit: no"),
    ("role/reader/password", "0123"),
    ("extension/citext", "version: 1.6\nschema: public"),
    ("cluster/data checksums", "off"),
    ("large-object-owner/korrigo", "100,101,102"),
    (
        "view/public.open",
        "kind: view\ndefinition:\n SELECT copy.id\n   FROM public.copy\n  WHERE (copy.id > 0);",
    ),
];

fn baseline() -> Facts {
    BASELINE.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What is told when the baseline is changed by `change`.
fn told(change: impl FnOnce(&mut Facts)) -> Vec<Divergence> {
    told_between(150_000, 150_000, change)
}

fn told_between(before: i32, after: i32, change: impl FnOnce(&mut Facts)) -> Vec<Divergence> {
    let mut changed = baseline();
    change(&mut changed);
    compare(&baseline(), &changed, before, after)
}

fn set(facts: &mut Facts, key: &str, value: &str) {
    facts.insert(key.to_owned(), value.to_owned());
}

#[track_caller]
fn only(told: Vec<Divergence>) -> Divergence {
    assert_eq!(told.len(), 1, "{told:#?}");
    told.into_iter().next().expect("it is one")
}

#[test]
fn equal_catalogues_diverge_in_nothing() {
    assert_eq!(told(|_| {}), []);
}

#[test]
fn a_missing_table_is_one_divergence_with_all_that_went_with_it() {
    let one = only(told(|facts| {
        facts.retain(|key, _| !key.contains("public.copy"));
    }));
    assert_eq!((one.kind, one.subject.as_str()), (DivergenceKind::Table, "public.copy"));
    assert_eq!(
        one.detail,
        "missing: table; with 2 columns, 1 comment, 1 constraint, 1 grant, 1 index, 1 sequence"
    );
}

#[test]
fn a_rewound_sequence_is_one_divergence_of_its_class() {
    let one = only(told(|facts| {
        set(facts, "sequence/public.copy_id_seq/last_value", "1");
        set(facts, "sequence/public.copy_id_seq/feeds public.copy.id", "behind");
    }));
    assert_eq!(
        (one.kind, one.class),
        (DivergenceKind::Sequence, Some(DamageClass::SequenceBehind))
    );
    assert_eq!(one.subject, "public.copy_id_seq");
    assert_eq!(one.detail, "ahead → behind of public.copy.id; last value 310 → 1");
}

#[test]
fn a_sequence_that_ran_ahead_is_not_behind() {
    let one = only(told(|facts| {
        set(facts, "sequence/public.copy_id_seq/last_value", "342");
    }));
    assert_eq!((one.detail.as_str(), one.class), ("last value 310 → 342", None));
}

#[test]
fn a_descending_sequence_is_behind_when_it_rose() {
    let mut before = baseline();
    set(&mut before, "sequence/public.copy_id_seq", "type: bigint\nincrement: -1");
    let mut after = before.clone();
    set(&mut after, "sequence/public.copy_id_seq/last_value", "311");
    let one = only(compare(&before, &after, 150_000, 150_000));
    assert_eq!(one.class, Some(DamageClass::SequenceBehind));
}

#[test]
fn a_changed_column_is_told_on_its_table() {
    let one = only(told(|facts| {
        set(facts, "column/public.copy/file", "type: text\nnot null: yes");
    }));
    assert_eq!((one.kind, one.subject.as_str()), (DivergenceKind::Table, "public.copy"));
    assert_eq!(one.columns, ["file"]);
    assert_eq!(one.detail, "column file: not null none → yes");
}

#[test]
fn a_dropped_column_does_not_also_change_the_order_of_the_others() {
    let one = only(told(|facts| {
        facts.remove("column/public.copy/file");
        facts.remove("comment/column public.copy/file");
        set(facts, "column-order/public.copy", "id");
    }));
    assert_eq!(one.detail, "column file: missing: text");
}

#[test]
fn columns_that_changed_places_are_told() {
    let one = only(told(|facts| {
        set(facts, "column-order/public.copy", "file, id");
    }));
    assert_eq!(one.detail, "order of columns id, file → file, id");
}

#[test]
fn a_lost_owner_and_a_lost_grant_are_of_their_class() {
    let told = told(|facts| {
        set(facts, "owner/table public.copy", "postgres");
        facts.remove("grant/table public.copy/reader");
    });
    let details: Vec<&str> = told.iter().map(|one| one.detail.as_str()).collect();
    assert_eq!(details, ["owner korrigo → postgres", "privileges of reader SELECT → none"]);
    assert!(told.iter().all(|one| one.class == Some(DamageClass::OwnerLost)));
}

#[test]
fn what_everybody_may_do_is_lost_on_a_table_and_back_to_normal_on_a_function() {
    let mut before = baseline();
    set(&mut before, "grant/table public.copy/PUBLIC", "SELECT");
    let one = only(compare(&before, &baseline(), 150_000, 150_000));
    assert_eq!(one.detail, "privileges of PUBLIC SELECT → none");
    assert_eq!(one.class, Some(DamageClass::OwnerLost));

    let mut before = baseline();
    set(&mut before, "grant/function public.f()/PUBLIC", "none");
    let one = only(compare(&before, &baseline(), 150_000, 150_000));
    assert_eq!(one.detail, "privileges of PUBLIC none → the default");
    assert_eq!(one.class, None);
}

#[test]
fn the_same_change_of_owner_on_many_objects_is_told_once() {
    let (mut before, mut after) = (Facts::new(), Facts::new());
    for number in 1..=6 {
        set(&mut before, &format!("owner/table public.t{number}"), "korrigo");
        set(&mut after, &format!("owner/table public.t{number}"), "postgres");
    }
    let one = only(compare(&before, &after, 150_000, 150_000));
    assert_eq!(one.subject, "role korrigo");
    assert_eq!(
        one.detail,
        "owner korrigo → postgres on 6 objects: \
         public.t1, public.t2, public.t3, public.t4, public.t5, …"
    );
}

#[test]
fn a_password_is_named_and_not_shown() {
    let one = only(told(|facts| set(facts, "role/reader/password", "4567")));
    assert_eq!((one.subject.as_str(), one.detail.as_str()), ("role reader", "password differs"));
}

#[test]
fn a_large_object_that_changed_hands_is_named() {
    let one = only(told(|facts| {
        set(facts, "large-object-owner/korrigo", "100,102");
        set(facts, "large-object-owner/postgres", "101");
    }));
    assert_eq!(one.subject, "large object 101");
    assert_eq!(one.detail, "owner korrigo → postgres");
}

#[test]
fn a_large_object_that_is_gone_is_not_told_here() {
    assert_eq!(told(|facts| set(facts, "large-object-owner/korrigo", "100,102")), []);
}

#[test]
fn checksums_that_came_on_lose_nothing() {
    assert_eq!(told(|facts| set(facts, "cluster/data checksums", "on")), []);
}

#[test]
fn a_fact_that_could_not_be_read_is_neither_equal_nor_different() {
    let mut after = baseline();
    set(&mut after, "role/reader/password", "undecided: pg_authid may not be read");
    assert_eq!(compare(&baseline(), &after, 150_000, 150_000), []);
    assert_eq!(undecided(&baseline(), &after), ["role/reader/password: pg_authid may not be read"]);
}

#[test]
fn a_definition_is_shown_from_where_it_differs() {
    let one = only(told(|facts| {
        let text =
            "kind: view\ndefinition:\n SELECT copy.id\n   FROM public.copy\n  WHERE (copy.id > 7);";
        set(facts, "view/public.open", text);
    }));
    assert_eq!(one.detail, "line 3: WHERE (copy.id > 0); → WHERE (copy.id > 7);");
}

#[test]
fn a_major_upgrade_is_no_difference_of_data() {
    let told = told_between(150_000, 170_000, |facts| {
        set(facts, "extension/citext", "version: 1.8\nschema: public");
        set(facts, "grant/table public.copy/reader", "MAINTAIN, SELECT");
        let text = "kind: view\ndefinition:\n SELECT id\n   FROM public.copy\n  WHERE id > 0;";
        set(facts, "view/public.open", text);
    });
    assert_eq!(told, []);
}

#[test]
fn a_changed_definition_survives_a_major_upgrade() {
    let one = only(told_between(150_000, 170_000, |facts| {
        let text = "kind: view\ndefinition:\n SELECT id\n   FROM public.copy\n  WHERE id > 0.5;";
        set(facts, "view/public.open", text);
    }));
    assert_eq!(one.detail, "line 3: WHERE (copy.id > 0); → WHERE id > 0.5;");
}

#[test]
fn another_version_of_an_extension_is_warned_of_and_another_schema_refutes() {
    let warned = only(told(|facts| set(facts, "extension/citext", "version: 1.5\nschema: public")));
    assert_eq!((warned.severity, warned.detail.as_str()), (Severity::Warned, "version 1.6 → 1.5"));
    let moved = only(told(|facts| set(facts, "extension/citext", "version: 1.5\nschema: other")));
    assert_eq!(moved.severity, Severity::Fatal);
    let gone = only(told(|facts| drop(facts.remove("extension/citext"))));
    assert_eq!(gone.severity, Severity::Fatal);
}

#[test]
fn a_sequence_that_stands_elsewhere_refutes_whichever_way_it_went() {
    let last = "sequence/public.copy_id_seq/last_value";
    for elsewhere in ["400", "300"] {
        assert_eq!(only(told(|facts| set(facts, last, elsewhere))).severity, Severity::Fatal);
    }
}

#[test]
fn another_order_of_text_is_warned_of_until_something_was_built_under_the_old_one() {
    let sorted = |is: &'static str| {
        let key = "collation-version/default";
        let mut before = baseline();
        set(&mut before, key, "sorts as: 2.31");
        let mut after = before.clone();
        set(&mut after, key, is);
        only(compare(&before, &after, 150_000, 150_000)).severity
    };
    assert_eq!(sorted("sorts as: 2.36"), Severity::Warned);
    assert_eq!(sorted("sorts as: 2.36\nbuilt as: 2.31"), Severity::Fatal);
}
