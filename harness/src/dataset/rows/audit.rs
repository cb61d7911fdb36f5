//! The audit log over its yearly partitions, and the log of Django's admin.
//!
//! Loading bypasses the trigger that logs changes of status, so the entries that it would have
//! written are written here, in its own form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Rows, Source, Table};
use crate::dataset::random::Stream;
use crate::dataset::school::{SECOND_US, School, Status, integer, key};
use crate::dataset::text;

pub(super) const ENTRY: Table = Table {
    name: "grading_auditlog",
    columns: &[
        "id",
        "action",
        "actor_id",
        "object_type",
        "object_id",
        "address",
        "detail",
        "created_at",
    ],
    count: |count| count.audit_entries,
    row: entry_row,
    sequence: true,
};

/// What happened to each ten copies: ten uploads, nine first verdicts, five finalisations.
const EVENTS_PER_TEN: u64 = 24;

fn entry_row(source: &Source<'_>, entry: u64, rows: &mut Rows) {
    let school = source.school;
    let ten = entry / EVENTS_PER_TEN * 10;
    rows.int8(key(entry));
    if ten >= school.count.copies {
        return visit(school, entry, rows);
    }
    match entry % EVENTS_PER_TEN {
        event @ 0..10 => upload(school, ten + event, entry, rows),
        event @ 10..19 => {
            let copy = ten + event - 10;
            let to = match Status::of(copy) {
                // Was inspected first.
                Status::Finalised => Status::Inspected,
                status => status,
            };
            change_of_status(school, copy, [Status::Uploaded, to], school.inspected_at(copy), rows);
        }
        event => {
            let copy = ten + event - 19;
            let steps = [Status::Inspected, Status::Finalised];
            change_of_status(school, copy, steps, school.finalised_at(copy), rows);
        }
    }
}

fn upload(school: &School, copy: u64, entry: u64, rows: &mut Rows) {
    let mut stream = school.seed.stream("audit", entry);
    rows.text("upload");
    rows.int4(key(school.examiner_user(copy, 0)));
    rows.text("copy");
    rows.text(&school.copy_id(copy).to_string());
    address(&mut stream, rows);
    rows.jsonb(text::document(entry));
    rows.timestamptz(school.uploaded_at(copy));
}

/// As `grading_log_copy_status()` writes it.
fn change_of_status(school: &School, copy: u64, steps: [Status; 2], at: i64, rows: &mut Rows) {
    rows.text("status");
    rows.null();
    rows.text("copy");
    rows.text(&school.copy_id(copy).to_string());
    rows.null();
    rows.jsonb(&format!(r#"{{"from": "{}", "to": "{}"}}"#, steps[0].name(), steps[1].name()));
    rows.timestamptz(at);
}

/// 1 January 2024: the visits are spread over the 880 days after it.
const VISITS_FROM: i64 = 1_704_067_200 * SECOND_US;

fn visit(school: &School, entry: u64, rows: &mut Rows) {
    let mut stream = school.seed.stream("audit", entry);
    let user = stream.below(school.count.users());
    if stream.one_in(3) {
        rows.text("login");
        rows.int4(key(user));
        rows.text("user");
        rows.text(&key(user).to_string());
    } else {
        let copy = stream.below(school.count.copies);
        rows.text(stream.pick(&["download", "annotate"]));
        rows.optional((!stream.one_in(9)).then_some(key(user)), Rows::int4);
        rows.text("copy");
        rows.text(&school.copy_id(copy).to_string());
    }
    address(&mut stream, rows);
    rows.jsonb(text::document(entry));
    rows.timestamptz(VISITS_FROM + integer(stream.below(880 * 86_400_000_000)));
}

/// Either family, sometimes with its network's prefix, sometimes none.
fn address(stream: &mut Stream, rows: &mut Rows) {
    let [a, b, c, d, ..] = stream.u64().to_be_bytes();
    let v4 = IpAddr::V4(Ipv4Addr::new(10, a, b, c));
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, u16::from(a), u16::from(b), 0, 0, u16::from(c));
    match d % 8 {
        0 => rows.null(),
        1 => rows.inet(v4, 24),
        2 => rows.inet(IpAddr::V6(v6), 64),
        3 | 4 => rows.inet(IpAddr::V6(v6), 128),
        _ => rows.inet(v4, 32),
    }
}

pub(super) const ADMIN_LOG: Table = Table {
    name: "django_admin_log",
    columns: &[
        "id",
        "action_time",
        "object_id",
        "object_repr",
        "action_flag",
        "change_message",
        "content_type_id",
        "user_id",
    ],
    count: |count| count.copies,
    row: |source, copy, rows| {
        let school = source.school;
        let mut stream = school.seed.stream("admin log", copy);
        rows.int4(key(copy));
        rows.timestamptz(school.inspected_at(copy));
        let object = (copy % 12 != 11).then(|| school.copy_id(copy).to_string());
        rows.optional(object, |rows, id| rows.text(&id));
        rows.text(&text::text(copy, &mut stream, 200));
        rows.int2(integer(stream.between(1, 3)));
        rows.text(stream.pick(&[
            "",
            r#"[{"added": {}}]"#,
            r#"[{"changed": {"fields": ["Exam"]}}]"#,
        ]));
        let content_type = (copy % 12 != 10).then(|| i64::from(source.migrated.copy_content_type));
        rows.optional(content_type, Rows::int4);
        rows.int4(key(School::ADMIN));
    },
    sequence: true,
};
