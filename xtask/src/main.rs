//! Command line of the restore drill. Thin: reads options, runs a command of the harness,
//! shows its events, and turns the result into an exit code.

mod called;
mod commands;
mod display;
mod ending;
mod existing;
mod flags;
mod reference;
mod selection;
mod sources;
mod usage;
mod values;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;
use harness::error::Attempt;
use harness::{Error, Result};

use crate::ending::Ending;
use crate::flags::{Command, Flags, Format, RunbookCommand};

fn main() -> ExitCode {
    let Flags { command, format } = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(unread) => return usage::close(&unread),
    };
    let ending = ended(run(command, format)).unwrap_or_else(|error| {
        display::error(&error);
        Ending::from(&error)
    });
    ending.close(format)
}

/// Runs a command to its end, even where that is a mistake of ours.
fn ended(command: impl Future<Output = Result<Ending>>) -> Result<Ending> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.attempt(|| "cannot start the runtime")?;
    let ended = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(command)));
    // A thread that still reads from a connection that is gone must not delay the exit.
    runtime.shutdown_background();
    ended.unwrap_or_else(|_| {
        Err(Error::undecided("the tool itself broke: its message is above")
            .hint("please report it; cargo xtask clean removes what a broken run left"))
    })
}

async fn run(command: Command, format: Format) -> Result<Ending> {
    if let Some(folder) = called::unpacked().filter(|folder| command.reads_below(folder)) {
        reference::provide(folder)?;
    }
    match command {
        Command::DrDrill(options) => commands::dr_drill::run(options, format).await,
        Command::Verify(options) => Box::pin(commands::verify::run(*options, format)).await,
        Command::Bench(options) => Box::pin(commands::bench::run(options, format)).await,
        Command::Smoke(options) => commands::smoke::run(options, format).await,
        Command::Audit(options) => Box::pin(commands::audit::run(options, format)).await,
        Command::Up(options) => Box::pin(commands::up::run(options, format)).await,
        Command::Down(options) => commands::clean::down(options, format).await,
        Command::Clean(options) => commands::clean::run(options, format).await,
        Command::Fingerprint(options) => commands::fingerprint::run(options, format).await,
        Command::Compare(options) => commands::compare::run(options, format).await,
        Command::Runbook { command: RunbookCommand::Check(options) } => {
            Box::pin(commands::runbook::run(options, format)).await
        }
        Command::Report(options) => commands::report::run(&options, format),
        Command::Retention(options) => commands::retention::run(options, format).await,
        Command::Volumes(options) => Box::pin(commands::volumes::run(options, format)).await,
        Command::Init(options) => commands::init::run(options, format).await,
        Command::Doctor(options) => commands::doctor::run(options, format).await,
        Command::Dist(options) => commands::dist::run(options, format).await,
        Command::Pages(options) => commands::pages::run(&options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_breaks_is_undecided_and_says_what_to_do() {
        let broken = ended(async { panic!("this message is part of the test") });
        let error = broken.expect_err("it broke");
        assert_eq!(error.kind().exit_code(), 3);
        assert!(error.next_step().is_some_and(|hint| hint.contains("cargo xtask clean")));
    }
}
