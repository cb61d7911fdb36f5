//! Loads the rows: COPY over a few connections at once, all of them committed at the end.
//!
//! Triggers and foreign keys are off meanwhile, for speed: the generator owes every invariant
//! itself. Needs a superuser, and a database that migrations have prepared and nobody filled.

use std::io::Write as _;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};

use super::rows::binary::{HEADER, Rows, TRAILER};
use super::rows::{Migrated, Source, TABLES, Table, archived_subject, large_object_id};
use super::school::School;
use super::{Dataset, accounts};
use crate::error::{Attempt as _, Error, Result};
use crate::model::event::Events;

/// Rows of one COPY. Small enough that connections end together.
const ROWS_PER_JOB: u64 = 50_000;
/// Copies of one COPY: each of them costs the making and hashing of a file.
const COPIES_PER_JOB: u64 = 500;
/// Rows between two writes to the server and reports of progress.
const ROWS_PER_WRITE: u64 = 2_000;
/// Large objects of one statement.
const OBJECTS_PER_JOB: u64 = 100;
const CONNECTIONS_MAX: usize = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

const MIGRATE_FIRST: &str = "run the migrations of the backend before the dataset is loaded";

/// What was loaded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loaded {
    /// Rows, over all tables.
    pub rows: u64,
    /// From the first connection until the statistics are up to date.
    pub seconds: f64,
}

enum Job {
    Rows(&'static Table, Range<u64>),
    LargeObjects(Range<u64>),
}

impl Dataset {
    /// Fills the tables, the large objects, the sequences and the materialised view, and
    /// gathers statistics. All rows or none, unless the server fails between two commits.
    pub fn load_database(&self, config: &Config, events: &Events) -> Result<Loaded> {
        let started = Instant::now();
        let mut client = connect(config)?;
        require_empty(&mut client)?;
        let migrated = find_migrated(&mut client)?;
        let passwords = accounts::password_hashes(&self.school);
        let source = Source { school: &self.school, migrated: &migrated, passwords: &passwords };
        let progress = Progress { done: AtomicU64::new(0), total: self.scale.rows(), events };
        self.load_rows(config, &source, &progress)?;
        self.settle(&mut client)?;
        Ok(Loaded { rows: progress.done.into_inner(), seconds: started.elapsed().as_secs_f64() })
    }

    fn load_rows(
        &self,
        config: &Config,
        source: &Source<'_>,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let queue = Mutex::new(self.jobs().into_iter());
        let connections =
            std::thread::available_parallelism().map_or(1, usize::from).min(CONNECTIONS_MAX);
        let outcomes: Vec<Result<Client>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..connections)
                .map(|_| scope.spawn(|| work(config, &queue, source, progress)))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        // A client that is dropped here has not committed: its rows are gone.
        for mut client in outcomes.into_iter().collect::<Result<Vec<_>>>()? {
            client.batch_execute("COMMIT").attempt(|| "cannot commit the dataset")?;
        }
        Ok(())
    }

    fn jobs(&self) -> Vec<Job> {
        let count = &self.school.count;
        let mut jobs: Vec<Job> =
            ranges(count.exams_sat(), OBJECTS_PER_JOB).map(Job::LargeObjects).collect();
        for table in TABLES {
            let size = match table.name {
                "grading_copy" => COPIES_PER_JOB,
                _ => ROWS_PER_JOB,
            };
            let rows = (table.count)(count);
            jobs.extend(ranges(rows, size).map(|range| Job::Rows(table, range)));
        }
        jobs
    }

    /// What COPY leaves behind: sequences, the materialised view, statistics.
    fn settle(&self, client: &mut Client) -> Result<()> {
        let count = &self.school.count;
        for table in TABLES.iter().filter(|table| table.sequence) {
            client
                .batch_execute(&format!(
                    "SELECT setval(pg_get_serial_sequence('{0}', 'id'), {1})",
                    table.name,
                    (table.count)(count)
                ))
                .attempt(|| format!("cannot set the sequence of {}", table.name))?;
        }
        // Ahead of the largest number in use: those of deleted copies must not come back.
        let last_number = self.school.anonymat(count.copies) + 17;
        client
            .batch_execute(&format!(
                "SELECT setval('grading_anonymat_seq', {last_number});
                 REFRESH MATERIALIZED VIEW reporting.exam_statistics;"
            ))
            .attempt(|| "cannot refresh the statistics of exams")?;
        let tables = TABLES.map(|table| table.name).join(", ");
        client
            .batch_execute(&format!("ANALYZE {tables}, reporting.exam_statistics"))
            .attempt(|| "cannot gather the planner's statistics")
    }
}

struct Progress<'a> {
    done: AtomicU64,
    total: u64,
    events: &'a Events,
}

impl Progress<'_> {
    fn add(&self, rows: u64) {
        let done = self.done.fetch_add(rows, Ordering::Relaxed) + rows;
        self.events.progress("database rows", done, Some(self.total));
    }
}

fn ranges(total: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    (0..total.div_ceil(size)).map(move |turn| turn * size..((turn + 1) * size).min(total))
}

fn connect(config: &Config) -> Result<Client> {
    let mut config = config.clone();
    // A server that went silent must not hold the drill up for ever.
    config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(SILENCE_TIMEOUT);
    config.connect(NoTls).attempt(|| "cannot connect to the database to fill it")
}

/// A dataset has fixed keys: beside other rows it would collide, or prove the wrong thing.
fn require_empty(client: &mut Client) -> Result<()> {
    for table in TABLES {
        let filled: bool = client
            .query_one(&format!("SELECT EXISTS (SELECT FROM {})", table.name), &[])
            .and_then(|row| row.try_get(0))
            .attempt(|| format!("cannot read table {}", table.name))
            .map_err(|error| error.hint(MIGRATE_FIRST))?;
        if filled {
            return Err(Error::undecided(format!(
                "cannot load a dataset: table {} has rows",
                table.name
            ))
            .hint("load into a database that was just migrated"));
        }
    }
    Ok(())
}

fn unmigrated(cause: postgres::Error) -> Error {
    Error::undecided("cannot find the roles and permissions that migrations create")
        .hint(MIGRATE_FIRST)
        .because(cause)
}

fn find_migrated(client: &mut Client) -> Result<Migrated> {
    let row = client
        .query_one(
            "SELECT (SELECT id FROM auth_group WHERE name = 'admin'),
                    (SELECT id FROM auth_group WHERE name = 'teacher'),
                    (SELECT id FROM auth_group WHERE name = 'student'),
                    p.id, t.id
               FROM django_content_type t,
                    auth_permission p JOIN django_content_type e ON e.id = p.content_type_id
              WHERE (t.app_label, t.model) = ('grading', 'copy')
                AND (e.app_label, e.model, p.codename) = ('grading', 'exam', 'view_exam')",
            &[],
        )
        .map_err(unmigrated)?;
    let id = |column: usize| row.try_get(column).map_err(unmigrated);
    Ok(Migrated {
        admin_group: id(0)?,
        teacher_group: id(1)?,
        student_group: id(2)?,
        view_exam_permission: id(3)?,
        copy_content_type: id(4)?,
    })
}

/// Takes jobs until there are none. The transaction is left open for the caller to commit.
fn work(
    config: &Config,
    queue: &Mutex<std::vec::IntoIter<Job>>,
    source: &Source<'_>,
    progress: &Progress<'_>,
) -> Result<Client> {
    let mut client = connect(config)?;
    client.batch_execute("BEGIN; SET LOCAL session_replication_role = replica").map_err(
        |cause| {
            Error::undecided("cannot load with triggers and foreign keys off")
                .hint("connect as a superuser, such as the image's POSTGRES_USER")
                .because(cause)
        },
    )?;
    while let Some(job) = next_job(queue) {
        let outcome = match job {
            Job::Rows(table, range) => copy_rows(&mut client, table, range, source, progress),
            Job::LargeObjects(range) => create_large_objects(&mut client, range, source.school),
        };
        if let Err(error) = outcome {
            // The others have nothing left to do but to stop.
            drop_jobs(queue);
            return Err(error);
        }
    }
    Ok(client)
}

fn next_job(queue: &Mutex<std::vec::IntoIter<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

fn drop_jobs(queue: &Mutex<std::vec::IntoIter<Job>>) {
    *queue.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new().into_iter();
}

fn copy_rows(
    client: &mut Client,
    table: &'static Table,
    range: Range<u64>,
    source: &Source<'_>,
    progress: &Progress<'_>,
) -> Result<()> {
    let failed = || format!("cannot load rows {} to {} of {}", range.start, range.end, table.name);
    let mut writer = client.copy_in(&table.copy_statement()).attempt(failed)?;
    writer.write_all(HEADER).attempt(failed)?;
    let mut rows = Rows::default();
    for chunk in ranges(range.end - range.start, ROWS_PER_WRITE) {
        rows.clear();
        for offset in chunk.clone() {
            table.write_row(source, range.start + offset, &mut rows);
        }
        writer.write_all(rows.bytes()).attempt(failed)?;
        progress.add(chunk.end - chunk.start);
    }
    writer.write_all(TRAILER).attempt(failed)?;
    let stored = writer.finish().attempt(failed)?;
    if stored == range.end - range.start {
        return Ok(());
    }
    Err(Error::undecided(format!("{}: the server stored {stored}", failed())))
}

fn create_large_objects(client: &mut Client, range: Range<u64>, school: &School) -> Result<()> {
    let oids: Vec<u32> = range.clone().map(large_object_id).collect();
    let contents: Vec<Vec<u8>> = range.map(|exam| archived_subject(school, exam)).collect();
    client
        .execute(
            "SELECT lo_from_bytea(oid, contents)
               FROM unnest($1::oid[], $2::bytea[]) AS object (oid, contents)",
            &[&oids, &contents],
        )
        .attempt(|| "cannot create the large objects of the exam archives")?;
    Ok(())
}
