//! Large objects: a dump restored elsewhere is equal, and each one that is not is named.

use std::collections::BTreeMap;

use harness::compare;
use harness::fingerprint::database::{self, ObjectContent, Options, Snapshot};
use harness::model::event::Events;
use harness::model::fingerprint::{
    CERTIFICATE_SCHEMA, Certificate, LargeObject, LargeObjects, Strength,
};
use postgres::Config;
use rstest::rstest;

use scenarios::scratch::{FIFTEEN, FOURTEEN, Major, Postgres, SEVENTEEN, SIXTEEN, THIRTEEN};

/// One of many pages, one that is empty, one with a hole and a short page before it, one that
/// ends in zeros.
const OBJECTS: &str = r"
    SELECT lo_from_bytea(101, decode(repeat('00ff10', 5000), 'hex'));
    SELECT lo_create(102);
    SELECT lo_from_bytea(103, 'short'); SELECT lo_put(103, 50000, 'after a hole');
    SELECT lo_from_bytea(104, '\x610000');
    ";

/// What is done to a copy, and what must then be told, nothing else.
const MUTATIONS: &[(&str, &[(&str, &str)])] = &[
    (
        r"SELECT lo_put(101, 8193, '\x01')",
        &[("large object 101", "the content of its 15000 bytes differs")],
    ),
    ("SELECT lo_unlink(101)", &[("large object 101", "missing; it had 15000 bytes")]),
    ("SELECT lo_unlink(102)", &[("large object 102", "missing; it had 0 bytes")]),
    ("SELECT lo_put(103, 100000, 'more')", &[("large object 103", "50012 → 100004 bytes")]),
    (
        "SELECT lo_put(103, 6144, 'x')",
        &[("large object 103", "the content of its 50012 bytes differs")],
    ),
    (r"SELECT lo_put(104, 3, '\x00')", &[("large object 104", "3 → 4 bytes")]),
    ("SELECT lo_create(105)", &[("large object 105", "not in the baseline; it has 0 bytes")]),
    (
        "UPDATE pg_largeobject p SET data = (SELECT data FROM pg_largeobject o \
         WHERE o.loid = 101 AND o.pageno = 1 - p.pageno) WHERE p.loid = 101 AND p.pageno < 2",
        &[("large object 101", "the content of its 15000 bytes differs")],
    ),
];

fn certificates(config: &Config) -> [Certificate; 2] {
    [Strength::Exact, Strength::Cryptographic].map(|strength| {
        let snapshot = Snapshot::open(config).unwrap();
        let options = Options { strength, ..Options::default() };
        let taken = database::take(&snapshot, &options, &Events::ignored()).unwrap();
        Certificate {
            schema_version: CERTIFICATE_SCHEMA,
            taken_at: snapshot.recovery_point().instant,
            strength,
            database: Some(taken),
            media: None,
            volumes: BTreeMap::new(),
            sqlite: BTreeMap::new(),
        }
    })
}

#[rstest]
#[case::from_13(THIRTEEN, SEVENTEEN)]
#[case::from_15(FIFTEEN, FIFTEEN)]
fn restored_large_objects_are_equal_and_every_mutation_is_named(
    #[case] from: Major,
    #[case] to: Major,
) {
    let (source, target) = (Postgres::start(from), Postgres::start(to));
    source.create("source");
    source.execute("source", OBJECTS);
    target.create("intact");
    let _ = target.shell(&format!(
        "pg_dump -d '{}' | psql -U postgres -q -v ON_ERROR_STOP=1 -d intact",
        source.url("source")
    ));
    let before = certificates(&source.config("source"));
    let told = |database: &str| {
        let after = certificates(&target.config(database));
        before
            .iter()
            .zip(after)
            .map(|(before, after)| {
                let compared = compare::certificates(before, &after);
                assert_eq!(compared.undecided, Vec::<String>::new());
                let found = compared.divergences.into_iter();
                let found = found.filter(|found| found.subject.starts_with("large object"));
                found.map(|found| (found.subject, found.detail)).collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told("intact"), [vec![], vec![]]);
    for (mutation, expected) in MUTATIONS {
        target.copy("intact", "mutated");
        let allowed = format!("SET allow_system_table_mods = on; {mutation}");
        target.execute("mutated", &allowed);
        for told in told("mutated") {
            let told: Vec<_> = told.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(told, *expected, "{mutation}");
        }
        target.drop("mutated");
    }
}

/// Without a server, as a dump is held against a baseline before anything is destroyed.
#[rstest]
#[case::on_13(THIRTEEN)]
#[case::on_14(FOURTEEN)]
#[case::on_15(FIFTEEN)]
#[case::on_16(SIXTEEN)]
#[case::on_17(SEVENTEEN)]
fn contents_digested_here_are_as_the_server_says(#[case] major: Major) {
    let server = Postgres::start(major);
    server.create("source");
    server.execute("source", OBJECTS);
    let mut client = server.connect("source");
    for certificate in certificates(&server.config("source")) {
        let database = certificate.database.unwrap();
        let LargeObjects::Read(expected) = database.large_objects else {
            panic!("{:?}", database.large_objects)
        };
        let rows = client.query("SELECT oid, lo_get(oid) FROM pg_largeobject_metadata", &[]);
        let read: BTreeMap<u32, LargeObject> = rows
            .unwrap()
            .iter()
            .map(|row| {
                let mut content = ObjectContent::new(database.row_hash);
                content.push(row.get(1)).unwrap();
                (row.get(0), content.finish())
            })
            .collect();
        assert_eq!(read, expected, "{:?}", database.row_hash);
        assert_eq!(expected.len(), 4);
    }
}

#[test]
fn large_objects_that_a_role_may_not_read_are_undecided_by_name() {
    let server = Postgres::start(FIFTEEN);
    server.create("none");
    server.create("some");
    server.execute("postgres", "CREATE ROLE auditor LOGIN");
    server.execute("some", OBJECTS);
    let open = |database: &str, user: &str| {
        let before = certificates(server.config(database).user(user));
        let told = compare::certificates(&before[0], &before[0]).undecided;
        told.into_iter().filter(|told| told.contains("large")).collect::<Vec<_>>()
    };
    let reason = "large objects in the baseline: the role may not read pg_largeobject, \
                  which holds 4 of them";
    assert_eq!(open("some", "auditor"), [reason]);
    assert_eq!(open("some", "postgres"), Vec::<String>::new());
    assert_eq!(open("none", "auditor"), Vec::<String>::new());
}
