//! When a run waited for a tool or a service, and so how much of its time was its own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The waits of one run. Those that overlap count once.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<Vec<(Instant, Instant)>>);

impl Waits {
    /// Takes down a wait that is over.
    pub(crate) fn add(&self, from: Instant, to: Instant) {
        self.spans().push((from, to));
    }

    /// A wait that lasts until what is given back is dropped: one that is interrupted counts too.
    pub(crate) fn begin(&self) -> Wait<'_> {
        Wait { waits: self, since: Instant::now() }
    }

    /// How long at least one of them lasted.
    pub(crate) fn total(&self) -> Duration {
        let mut spans = self.spans().clone();
        spans.sort_unstable();
        let mut total = Duration::ZERO;
        let mut covered = None::<Instant>;
        for (from, to) in spans {
            let from = covered.map_or(from, |covered| covered.max(from));
            total += to.saturating_duration_since(from);
            covered = Some(from.max(to));
        }
        total
    }

    fn spans(&self) -> MutexGuard<'_, Vec<(Instant, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait that goes on.
pub(crate) struct Wait<'a> {
    waits: &'a Waits,
    since: Instant,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waits.add(self.since, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The total of waits from and to these seconds.
    fn total_s(spans: &[(u64, u64)]) -> u64 {
        let began = Instant::now();
        let at = |second: &u64| began + Duration::from_secs(*second);
        let waits = Waits::default();
        for (from, to) in spans {
            waits.add(at(from), at(to));
        }
        waits.total().as_secs()
    }

    #[test]
    fn what_overlaps_counts_once_and_gaps_do_not_count() {
        assert_eq!(total_s(&[]), 0);
        assert_eq!(total_s(&[(1, 3), (5, 6)]), 3);
        assert_eq!(total_s(&[(5, 9), (1, 6)]), 8);
        assert_eq!(total_s(&[(1, 9), (2, 3), (4, 10)]), 9);
        assert_eq!(total_s(&[(2, 4), (4, 6)]), 4);
    }

    #[test]
    fn a_wait_that_is_dropped_is_taken_down() {
        let waits = Waits::default();
        drop(waits.begin());
        assert_eq!(waits.spans().len(), 1);
    }
}
