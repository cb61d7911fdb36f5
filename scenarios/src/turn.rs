//! Who may take a fixture now. Tests wait more than they compute: for boots, health checks and
//! restores. So there are more threads than cores, and what each of them brings up has a
//! weight. As much runs at once as the machine bears, what takes longest first.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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

static QUEUE: Mutex<Queue> = Mutex::new(Queue { taken: 0, came: 0, waiting: Vec::new() });
static LEFT: Condvar = Condvar::new();

thread_local! {
    /// How many turns this thread's test holds.
    static HELD: Cell<usize> = const { Cell::new(0) };
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
    let mut queue = lock();
    if HELD.get() == 0 {
        queue.came += 1;
        let place = (fixture, u64::MAX - queue.came);
        queue.waiting.push(place);
        let capacity = capacity();
        while queue.waiting.iter().max() != Some(&place)
            || queue.taken + fixture.weight() > capacity
        {
            queue = LEFT.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.waiting.retain(|other| *other != place);
        // The next in line may fit, too.
        LEFT.notify_all();
    }
    queue.taken += fixture.weight();
    HELD.set(HELD.get() + 1);
    Turn { units: fixture.weight() }
}

fn lock() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock().taken -= self.units;
        HELD.set(HELD.get().saturating_sub(1));
        LEFT.notify_all();
    }
}
