//! What an exact digest costs, against the formula that people use and against reading alone:
//! `cargo bench -p scenarios --bench digest`. `DIGEST_ROWS` sets the size, `DATABASE_URL` a
//! server to use instead of a container; its databases `digest_*` are dropped and made anew.
//!
//! All figures of a line come from one run, measured in turns, so that their ratios hold on a
//! machine that does other things too.

use std::str::FromStr;
use std::time::{Duration, Instant};

use harness::fingerprint::database::{self, Options, Snapshot};
use harness::model::event::Events;
use harness::model::fingerprint::{RowsDigest, Strength};
use postgres::{Client, Config, NoTls};

use scenarios::scratch::{FIFTEEN, Postgres};

const ROUNDS: usize = 5;

/// A table as it is made.
struct Table {
    name: &'static str,
    columns: &'static str,
    values: &'static str,
    /// The most that its digest may take, as a share of the formula's time.
    limit: f64,
}

/// Columns that every table has, hashed as what they are.
const COLUMNS: &str =
    "id int NOT NULL, exam int NOT NULL, title text NOT NULL, note text, day date, marked bool";
const VALUES: &str = "g, g % 977, 'copy ' || g || ' ' || md5(g::text), \
    repeat(md5((g * 7)::text), 2), date '2024-01-01' + g % 700, g % 3 = 0";

/// Without a column that needs its send form, with four such, and with jsonb.
const TABLES: [Table; 3] = [
    Table { name: "native", columns: "", values: "", limit: 0.35 },
    Table {
        name: "sent",
        columns: ", large bigint, score numeric(6, 2), created_at timestamptz, updated_at timestamp",
        values: ", g * 10, (g % 10000) / 100.0, \
            timestamptz '2024-01-01' + g * interval '1.234567 s', \
            timestamp '2024-01-01' + g * interval '2.345678 s'",
        limit: 0.5,
    },
    Table {
        name: "jsonb",
        columns: ", score numeric(6, 2), created_at timestamptz, meta jsonb",
        values: ", (g % 10000) / 100.0, timestamptz '2024-01-01' + g * interval '1.234567 s', \
            jsonb_build_object('page', g % 40, 'by', 'c' || g % 100)",
        limit: 0.5,
    },
];

/// What people use.
const FORMULA: &str = "SELECT count(1), \
    md5(format('%s-%s', sum(hashtext(t::text)::bigint), count(1))) FROM sheet t";

fn main() {
    let rows: u64 = std::env::var("DIGEST_ROWS").map_or(4_000_000, |rows| rows.parse().unwrap());
    let url = std::env::var("DATABASE_URL").ok();
    let server = if url.is_none() { Some(Postgres::start(FIFTEEN)) } else { None };
    let config = match &server {
        Some(server) => server.config("postgres"),
        None => Config::from_str(url.as_deref().unwrap_or_default()).unwrap(),
    };
    ratios(&config, rows);
    flatness(&config, rows);
    println!("\nmost memory of this process: {} MB", peak_memory_mb());
}

fn ratios(config: &Config, rows: u64) {
    println!("table          rows      MB  floor s  formula s  digest s  ratio  limit");
    for table in &TABLES {
        let database = fill(config, table, rows, table.name);
        let megabytes = size(&database) / 1_000_000;
        let touch = floor(&database);
        let mut best = [Duration::MAX; 3];
        for _ in 0..ROUNDS {
            best[0] = best[0].min(query(&database, &touch));
            best[1] = best[1].min(query(&database, FORMULA));
            best[2] = best[2].min(digest(&database, Strength::Exact, rows));
        }
        let [floor, formula, exact] = best.map(|time| time.as_secs_f64());
        let Table { name, limit, .. } = table;
        let ratio = exact / formula;
        println!(
            "{name:<8} {rows:>10} {megabytes:>7} {floor:>8.2} {formula:>10.2} {exact:>9.2} \
             {ratio:>6.2} {limit:>6.2}"
        );
    }
}

fn flatness(config: &Config, rows: u64) {
    println!("\n    rows  exact s  exact ns/row  blake3 ns/row, beyond an empty table's time");
    let empty = fill(config, &TABLES[0], 0, "empty");
    let sizes = [10_000, 100_000, 1_000_000, 10_000_000];
    for rows in sizes.into_iter().filter(|size| *size <= rows * 5 / 2) {
        let database = fill(config, &TABLES[0], rows, "native");
        // A few milliseconds are much for few rows: these are measured more often.
        let rounds = (10_000_000 / rows).clamp(3, 40);
        let mut best = [[Duration::MAX; 2]; 2];
        for _ in 0..rounds {
            for (best, strength) in best.iter_mut().zip([Strength::Exact, Strength::Cryptographic])
            {
                best[0] = best[0].min(digest(&empty, strength, 0));
                best[1] = best[1].min(digest(&database, strength, rows));
            }
        }
        let per_row = |[empty, full]: [Duration; 2]| {
            (full.as_secs_f64() - empty.as_secs_f64()) * 1e9 / rows as f64
        };
        println!(
            "{rows:>8} {:>8.3} {:>13.0} {:>14.0}",
            best[0][1].as_secs_f64(),
            per_row(best[0]),
            per_row(best[1])
        );
    }
}

/// Makes a database with one table of so many rows.
fn fill(config: &Config, table: &Table, rows: u64, name: &str) -> Config {
    let Table { columns, values, .. } = table;
    let mut server = connect(config);
    server.batch_execute(&format!("DROP DATABASE IF EXISTS digest_{name}")).unwrap();
    server.batch_execute(&format!("CREATE DATABASE digest_{name}")).unwrap();
    let mut database = config.clone();
    database.dbname(&format!("digest_{name}"));
    let mut client = connect(&database);
    client
        .batch_execute(&format!(
            "CREATE UNLOGGED TABLE sheet ({COLUMNS}{columns}); \
             INSERT INTO sheet SELECT {VALUES}{values} FROM generate_series(1, {rows}) g"
        ))
        .unwrap();
    client.batch_execute("VACUUM ANALYZE sheet").unwrap();
    database
}

/// A parallel scan that touches every column and does nothing else.
fn floor(config: &Config) -> String {
    let columns = "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute \
                   WHERE attrelid = 'sheet'::regclass AND attnum > 0";
    let columns: String = connect(config).query_one(columns, &[]).unwrap().get(0);
    format!("SELECT count(*), sum(num_nulls({columns})) FROM sheet")
}

fn connect(config: &Config) -> Client {
    config.connect(NoTls).unwrap()
}

fn size(config: &Config) -> i64 {
    connect(config).query_one("SELECT pg_table_size('sheet')", &[]).unwrap().get(0)
}

fn query(config: &Config, statement: &str) -> Duration {
    let mut client = connect(config);
    let started = Instant::now();
    client.query_one(statement, &[]).unwrap();
    started.elapsed()
}

/// The whole fingerprint, connections and catalogue included.
fn digest(config: &Config, strength: Strength, rows: u64) -> Duration {
    let started = Instant::now();
    let snapshot = Snapshot::open(config).unwrap();
    let options = Options { strength, ..Options::default() };
    let taken = database::take(&snapshot, &options, &Events::ignored()).unwrap();
    let took = started.elapsed();
    let read = &taken.tables["public.sheet"].rows;
    assert!(matches!(read, RowsDigest::Read { count, .. } if *count == rows), "{read:?}");
    took
}

fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
