//! Events for people: on a terminal one live line for the phase at hand, elsewhere a line
//! when a phase ends.

use std::io::IsTerminal;
use std::time::Duration;

use harness::model::check::Outcome;
use harness::model::event::Event;
use harness::model::phase::Phase;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows events on standard error.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    is_terminal: bool,
}

impl Display {
    pub(crate) fn new() -> Self {
        Self { bar: None, is_terminal: std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::RunStarted { run_id } => self.line(&format!("run {run_id}")),
            Event::PhaseStarted { phase } => self.begin(*phase),
            Event::PhaseFinished { phase, seconds, completed } => {
                self.finish();
                let sign = if *completed { "✓" } else { "✗" };
                self.line(&format!("{sign} {phase:<15} {seconds:>7.1} s"));
            }
            Event::Progress { what, done, total } => self.progress(what, *done, *total),
            Event::Note { text } => self.line(&format!("  {text}")),
            Event::CheckReported { check } if check.outcome != Outcome::Passed => {
                self.line(&format!("  {} {}: {}", check.outcome.name(), check.id, check.detail));
            }
            Event::CheckReported { .. } => {}
        }
    }

    /// Takes the live line away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn begin(&mut self, phase: Phase) {
        self.finish();
        if !self.is_terminal {
            return;
        }
        let bar = ProgressBar::new_spinner();
        let template = "{spinner} {prefix:<15} {elapsed:>7}    {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(phase.name());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bar = Some(bar);
    }

    fn progress(&self, what: &str, done: u64, total: Option<u64>) {
        if let Some(bar) = &self.bar {
            bar.set_message(match total {
                Some(total) => format!("{what}: {done} of {total}"),
                None => format!("{what}: {done}"),
            });
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}
