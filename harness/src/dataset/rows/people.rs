//! Accounts, their roles and profiles, and the students behind the pupils.

use super::{Rows, Source, Table};
use crate::dataset::accounts::username;
use crate::dataset::school::{DAY_US, SECOND_US, School, integer, key};
use crate::dataset::text;

/// 1 September 2023: accounts and students were entered during the year after it.
const ENTERED_FROM: i64 = 1_693_526_400 * SECOND_US;
/// 1 January 2005: students were born within the five years after it.
const BORN_FROM: i64 = 12_784 * DAY_US;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Admin,
    Teacher,
    Pupil(u64),
}

fn role(source: &Source<'_>, user: u64) -> Role {
    let first_pupil = source.school.pupil_user(0);
    match user {
        School::ADMIN => Role::Admin,
        _ if user < first_pupil => Role::Teacher,
        _ => Role::Pupil(user - first_pupil),
    }
}

pub(super) const USER: Table = Table {
    name: "auth_user",
    columns: &[
        "id",
        "password",
        "last_login",
        "is_superuser",
        "username",
        "first_name",
        "last_name",
        "email",
        "is_staff",
        "is_active",
        "date_joined",
    ],
    count: |count| count.users(),
    row: |source, user, rows| {
        let mut stream = source.school.seed.stream("user", user);
        let account = source.passwords.iter().find(|(index, _)| *index == user);
        let staff = role(source, user) == Role::Admin;
        let username = username(source.school, user);
        let joined = ENTERED_FROM + integer(stream.below(300 * 86_400_000_000));
        rows.int4(key(user));
        match account {
            Some((_, hash)) => rows.text(hash),
            // Shaped as Django's, of a password that nobody knows.
            None => rows.text(&format!(
                "pbkdf2_sha256$600000${}${}=",
                stream.token(22),
                stream.token(43)
            )),
        }
        let signed_in = (!stream.one_in(3)).then(|| joined + integer(stream.below(86_400_000_000)));
        rows.optional(signed_in, Rows::timestamptz);
        rows.bool(staff);
        rows.text(&username);
        rows.text(&text::first_name(user, &mut stream));
        rows.text(&text::last_name(user, &mut stream));
        let email = if user % 7 == 6 { String::new() } else { format!("{username}@ecole.example") };
        rows.text(&email);
        rows.bool(staff);
        rows.bool(account.is_some() || !stream.one_in(20));
        rows.timestamptz(joined);
    },
    sequence: true,
};

pub(super) const USER_GROUP: Table = Table {
    name: "auth_user_groups",
    columns: &["id", "user_id", "group_id"],
    count: |count| count.users(),
    row: |source, user, rows| {
        rows.int8(key(user));
        rows.int4(key(user));
        rows.int4(i64::from(match role(source, user) {
            Role::Admin => source.migrated.admin_group,
            Role::Teacher => source.migrated.teacher_group,
            Role::Pupil(_) => source.migrated.student_group,
        }));
    },
    sequence: true,
};

pub(super) const USER_PERMISSION: Table = Table {
    name: "auth_user_user_permissions",
    columns: &["id", "user_id", "permission_id"],
    count: |count| count.teachers,
    row: |source, teacher, rows| {
        rows.int8(key(teacher));
        rows.int4(key(School::teacher_user(teacher)));
        rows.int4(i64::from(source.migrated.view_exam_permission));
    },
    sequence: true,
};

pub(super) const STUDENT: Table = Table {
    name: "grading_student",
    columns: &["id", "ine", "last_name", "first_name", "birth_date", "class_name", "created_at"],
    count: |count| count.students,
    row: |source, student, rows| {
        let mut stream = source.school.seed.stream("student", student);
        rows.uuid(source.school.student_id(student));
        // Most have a number, every tenth none, and exactly one the empty string: unique, not null.
        match student {
            7 => rows.text(""),
            _ if student % 10 == 3 => rows.null(),
            _ => rows.text(&format!("{student:09}{}", stream.pick(&["AA", "BC", "FG", "KZ"]))),
        }
        rows.text(&text::last_name(student, &mut stream));
        rows.text(&text::first_name(student, &mut stream));
        let born = (!stream.one_in(8)).then(|| BORN_FROM + integer(stream.below(1826)) * DAY_US);
        rows.optional(born, Rows::date);
        rows.text(stream.pick(&["", "2nde 4", "1re G2", "Tle G1", "Tle STI2D-é", " Tle  G3 "]));
        rows.timestamptz(ENTERED_FROM + integer(stream.below(300 * 86_400_000_000)));
    },
    sequence: false,
};

pub(super) const PROFILE: Table = Table {
    name: "grading_profile",
    columns: &["id", "user_id", "student_id", "phone", "preferences"],
    count: |count| count.users(),
    row: |source, user, rows| {
        let mut stream = source.school.seed.stream("profile", user);
        rows.int8(key(user));
        rows.int4(key(user));
        match role(source, user) {
            Role::Pupil(pupil) => rows.uuid(source.school.student_id(pupil)),
            Role::Admin | Role::Teacher => rows.null(),
        }
        let phone = if stream.one_in(4) {
            String::new()
        } else {
            format!("+33 6 {:08}", stream.below(100_000_000))
        };
        rows.text(&phone);
        rows.jsonb(text::document(user));
    },
    sequence: true,
};

/// 1 January 2040, when the sessions end: the nightly purge must find none of them due.
const SESSIONS_END: i64 = 25_567 * DAY_US;

pub(super) const SESSION: Table = Table {
    name: "django_session",
    columns: &["session_key", "session_data", "expire_date"],
    count: |count| count.teachers,
    row: |source, session, rows| {
        let mut stream = source.school.seed.stream("session", session);
        rows.text(&format!("{:016x}{:016x}", stream.u64(), stream.u64()));
        // Shaped as Django's, but signed with no known key: it opens nobody's session.
        rows.text(&format!("{}:{}:{}", stream.token(80), stream.token(6), stream.token(43)));
        rows.timestamptz(SESSIONS_END + integer(stream.below(86_400_000_000)));
    },
    sequence: false,
};
