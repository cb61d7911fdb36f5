//! Properties of the database and of its cluster that rows do not show: an encoding, whose order
//! of text it has, whether pages carry checksums. Rows are the same in each case.

use super::{Scenario, text};

#[test]
fn another_encoding_is_different_and_rows_compare_as_text_alone() {
    let scenario = Scenario::new();
    scenario.server.execute(
        "postgres",
        "CREATE DATABASE unicode ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0",
    );
    scenario.server.execute(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
    );
    let table = r"CREATE TABLE note AS SELECT E'caf\u00e9' AS note";
    scenario.server.execute("unicode", table);
    scenario.server.execute("latin", table);
    let url = scenario.server.url("latin");
    let encoding = "differs    database: encoding UTF8 → LATIN1";
    scenario.certify(&scenario.server.url("unicode"), "before.json", &[]);
    let exact = scenario.compare("before.json", &[url.as_str()], 1);
    exact.names(&[encoding, "undecided  rows were hashed in different server encodings"]);
    scenario.certify(
        &scenario.server.url("unicode"),
        "before.json",
        &["--strength", "cryptographic"],
    );
    let cryptographic = scenario.compare("before.json", &[url.as_str()], 1);
    cryptographic.names(&[encoding, "compared   1 tables, 1 rows"]);
    assert!(!cryptographic.said.contains("server encodings"), "{cryptographic:#?}");
}

#[test]
fn another_provider_of_collations_is_different() {
    let scenario = Scenario::new();
    let database = "CREATE DATABASE ordered LOCALE_PROVIDER icu ICU_LOCALE 'fr' TEMPLATE template0";
    scenario.server.execute("postgres", database);
    let _ = scenario.server.shell("pg_dump source | psql -q -v ON_ERROR_STOP=1 -d ordered");
    scenario.certify(&scenario.server.url("source"), "before.json", &[]);
    let url = scenario.server.url("ordered");
    let differs = scenario.compare("before.json", &[url.as_str()], 1);
    differs.names(&["differs    database: ", "locale provider", "icu", "1 tables, 500 rows"]);
}

#[test]
fn checksums_of_pages_that_are_lost_are_named_and_new_ones_are_no_difference() {
    let scenario = Scenario::new();
    // A second cluster beside the first, whose pages have none.
    let _ = scenario.server.shell(
        "{ initdb -D /tmp/second -U postgres -A trust -E UTF8 --locale=C.UTF-8 --data-checksums \
           && echo 'host all all all trust' >> /tmp/second/pg_hba.conf \
           && pg_ctl -D /tmp/second -w -l /tmp/second.log -o '-p 5433 -c listen_addresses=*' start \
           && createdb -p 5433 source; } < /dev/null > /tmp/second.out 2>&1 \
         && pg_dump source | psql -q -v ON_ERROR_STOP=1 -p 5433 -d source",
    );
    let (without, with) = {
        let url = scenario.server.url("source");
        (url.clone(), url.replace(":5432/", ":5433/"))
    };
    scenario.certify(&with, "with.json", &[]);
    let lost = scenario.compare("with.json", &[without.as_str()], 1);
    lost.names(&["data checksums", "on → off", "1 tables, 500 rows"]);
    scenario.certify(&without, "without.json", &[]);
    scenario.compare("without.json", &[with.as_str()], 0).names(&["verdict    equal"]);
}

impl Scenario {
    /// Takes a certificate of a database alone into `name`.
    #[track_caller]
    fn certify(&self, url: &str, name: &str, options: &[&str]) {
        let out = self.path(name);
        let args = ["fingerprint", "--database", url, "--out", text(&out)];
        super::answer(super::xtask(&[&args[..], options].concat()), 0);
    }
}
