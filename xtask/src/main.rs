//! Command line of the restore drill. Thin: reads options, runs a command of the harness,
//! shows its events, and turns the result into an exit code.

mod commands;
mod display;
mod flags;

use std::process::ExitCode;

use clap::Parser;

use crate::flags::{Command, Flags, RunbookCommand};

fn main() -> ExitCode {
    let flags = Flags::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(cause) => {
            display::error(&harness::Error::undecided("cannot start the runtime").because(cause));
            return ExitCode::from(3);
        }
    };
    let result = runtime.block_on(async {
        match flags.command {
            Command::DrDrill(options) => commands::dr_drill::run(options).await,
            Command::Verify(options) => commands::dr_drill::verify(options).await,
            Command::Bench(options) => Box::pin(commands::bench::run(options)).await,
            Command::Smoke(options) => commands::smoke::run(options).await,
            Command::Audit(options) => Box::pin(commands::audit::run(options)).await,
            Command::Up(options) => commands::up::run(options).await,
            Command::Down(options) => commands::clean::down(options).await,
            Command::Clean(options) => commands::clean::run(options).await,
            Command::Fingerprint(options) => commands::fingerprint::run(options).await,
            Command::Compare(options) => commands::compare::run(options).await,
            Command::Runbook { command: RunbookCommand::Check(options) } => {
                Box::pin(commands::runbook::run(options)).await
            }
            Command::Retention(options) => commands::retention::run(options).await,
            Command::Volumes(options) => Box::pin(commands::volumes::run(options)).await,
            Command::Doctor(options) => commands::doctor::run(options).await,
        }
    });
    // A thread that still reads from a connection that is gone must not delay the exit.
    runtime.shutdown_background();
    ExitCode::from(result.unwrap_or_else(|error| {
        display::error(&error);
        error.kind().exit_code()
    }))
}
