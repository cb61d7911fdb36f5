//! The settings of a stack: those of its `drill.toml`, or else those that are detected.

use std::path::Path;

use harness::config::{Config, FILE_NAME, Selection};
use harness::detect::read::{self, Subject};
use harness::model::not_proved::{Gap, NotProved};
use harness::process::Runner;
use harness::{Error, Result};
use tokio_util::sync::CancellationToken;

use crate::display;
use crate::flags::Format;

/// What is known of a stack.
#[derive(Debug)]
pub(crate) struct Settings {
    /// As `drill.toml` would say it.
    pub(crate) config: Config,
    /// What stays unproved with these.
    pub(crate) not_proved: Vec<NotProved>,
}

/// Reads the settings of a stack, and says what was detected where nothing was written.
pub(crate) async fn of(
    dir: &Path,
    selection: &Selection,
    compose: Option<&String>,
    format: Format,
    cancelled: &CancellationToken,
) -> Result<Settings> {
    if dir.join(FILE_NAME).is_file() || !dir.is_dir() {
        let config = Config::load_selected(dir, selection)?;
        let without = selection.without.iter();
        let not_proved = without.map(|it| NotProved::new(Gap::Service, it, "it was left out"));
        return Ok(Settings { config, not_proved: not_proved.collect() });
    }
    let runner = Runner::new(cancelled.clone());
    let (dir, selection, compose) = (dir.to_owned(), selection.clone(), compose.cloned());
    let found = read::detect(&runner, &Subject { dir, selection, compose }).await;
    // What was interrupted looks like what is missing.
    if cancelled.is_cancelled() {
        return Err(Error::interrupted());
    }
    let found = found?;
    if format == Format::Human {
        display::aside(&found.in_short());
    }
    Ok(Settings { config: found.config()?, not_proved: found.not_proved() })
}
