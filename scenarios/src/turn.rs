//! Who may take a fixture now. Tests wait more than they compute: for boots, health checks and
//! restores. So there are more threads than cores, and what each of them brings up has a
//! weight. As much runs at once as the machine bears, what takes longest first.
//!
//! How long each waited and held its turn is added to the file that `DR_DRILL_TEST_TIMES` names:
//! `.ci/test-times` prints it.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a test brings up, lightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fixture {
    /// Commands and files of this host.
    Host,
    /// A single container, or two.
    Server,
    /// A drill of the stack.
    Drill,
    /// A copy of the stack that stays up.
    Copy,
    /// The same for minutes: it is restored over and over.
    Sweep,
}

impl Fixture {
    /// Units of what [`capacity`] gives.
    fn weight(self) -> usize {
        match self {
            Self::Host | Self::Server => 1,
            Self::Drill | Self::Copy | Self::Sweep => 2,
        }
    }
}

/// A fixture's turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    units: usize,
}

/// Those who wait, in the order in which they came, and what is taken.
struct Queue {
    taken: usize,
    came: u64,
    waiting: Vec<(Fixture, u64)>,
}

/// What a thread's test holds.
#[derive(Clone, Copy)]
struct Held {
    turns: usize,
    waited: Duration,
    since: Instant,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { taken: 0, came: 0, waiting: Vec::new() });
static LEFT: Condvar = Condvar::new();

thread_local! {
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

/// Units that may be taken at once: three a core, or `DR_DRILL_TEST_UNITS`.
fn capacity() -> usize {
    let given = std::env::var("DR_DRILL_TEST_UNITS").ok().and_then(|units| units.parse().ok());
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    given.unwrap_or_else(|| cores() * 3).max(Fixture::Sweep.weight())
}

/// Waits for a turn, on the test's own thread. A test that holds one is not made to wait for
/// another: two of them could wait for each other.
#[must_use]
pub fn take(fixture: Fixture) -> Turn {
    let (units, mut queue) = (fixture.weight(), lock());
    let held = match HELD.get() {
        Some(held) => Held { turns: held.turns + 1, ..held },
        None => {
            let asked = Instant::now();
            queue = wait(queue, fixture);
            Held { turns: 1, waited: asked.elapsed(), since: Instant::now() }
        }
    };
    queue.taken += units;
    HELD.set(Some(held));
    // The next in line may fit, too.
    LEFT.notify_all();
    Turn { units }
}

fn wait(mut queue: MutexGuard<'static, Queue>, fixture: Fixture) -> MutexGuard<'static, Queue> {
    queue.came += 1;
    let place = (fixture, u64::MAX - queue.came);
    queue.waiting.push(place);
    let capacity = capacity();
    while queue.waiting.iter().max() != Some(&place) || queue.taken + fixture.weight() > capacity {
        queue = LEFT.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    queue.waiting.retain(|other| *other != place);
    queue
}

fn lock() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Turn {
    fn drop(&mut self) {
        let held = HELD.get().map(|held| Held { turns: held.turns - 1, ..held });
        if let Some(last) = held.filter(|held| held.turns == 0) {
            tell(last);
        }
        HELD.set(held.filter(|held| held.turns > 0));
        lock().taken -= self.units;
        LEFT.notify_all();
    }
}

/// Process, when it ended in seconds since 1970, seconds waited, seconds held, test.
fn tell(held: Held) {
    let Some(file) = std::env::var_os("DR_DRILL_TEST_TIMES") else { return };
    let thread = std::thread::current();
    let (waited_s, held_s) = (held.waited.as_secs_f64(), held.since.elapsed().as_secs_f64());
    let (process, test) = (std::process::id(), thread.name().unwrap_or_default());
    let ended_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let line = format!("{process}\t{ended_s}\t{waited_s:.1}\t{held_s:.1}\t{test}\n");
    // What is measured beside a test does not fail it.
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file) {
        let _ = file.write_all(line.as_bytes());
    }
}
