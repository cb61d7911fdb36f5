//! What was written when, and what was acknowledged when. Shared between a writer and the drill.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

/// One write. Both instants are by this host's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::drill) struct Write {
    pub(in crate::drill) key: String,
    /// When it was sent.
    pub(in crate::drill) sent: Timestamp,
    /// When it was acknowledged; absent if that never came.
    pub(in crate::drill) acknowledged: Option<Timestamp>,
}

/// Takes down every attempt before it is made.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    pages: Arc<Mutex<Pages>>,
    acknowledged: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Pages {
    writes: Vec<Write>,
    trouble: Option<String>,
}

impl Pages {
    fn acknowledged(&self) -> usize {
        self.writes.iter().filter(|write| write.acknowledged.is_some()).count()
    }
}

impl Book {
    /// Takes down an attempt and gives its key.
    pub(super) fn attempt(&self, run: &str) -> String {
        let mut pages = self.pages();
        let key = format!("{run}-{:06}", pages.writes.len());
        pages.writes.push(Write { key: key.clone(), sent: Timestamp::now(), acknowledged: None });
        key
    }

    /// Takes down that the last attempt was acknowledged.
    pub(super) fn acknowledge(&self) {
        let mut pages = self.pages();
        pages.trouble = None;
        if let Some(last) = pages.writes.last_mut() {
            last.acknowledged = Some(Timestamp::now());
        }
        drop(pages);
        self.acknowledged.notify_one();
    }

    /// Takes down why there is no acknowledgement.
    pub(super) fn trouble(&self, why: String) {
        self.pages().trouble = Some(why);
    }

    /// Waits for so many acknowledgements, for at most so long.
    pub(super) async fn filled(&self, count: usize, limit: Duration) {
        let enough = async {
            while self.pages().acknowledged() < count {
                self.acknowledged.notified().await;
            }
        };
        // With fewer, the ledger has less to say; with none, its check says so.
        let _ = tokio::time::timeout(limit, enough).await;
    }

    /// Takes out all that was taken down.
    pub(super) fn close(&self) -> (Vec<Write>, Option<String>) {
        let mut pages = self.pages();
        (std::mem::take(&mut pages.writes), pages.trouble.take())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of every key of one ledger.
pub(super) fn run_prefix() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..8].to_owned()
}
