//! Raw proof beside the report: commands as they were run, and logs of services.

use std::fmt::Write;

use super::folder::RunFolder;
use crate::error::Result;
use crate::model::phase::Phase;
use crate::model::record::CommandRecord;
use crate::stack::OwnedStack;

/// Lines of each service's log that are kept.
const LOG_LINES: u32 = 2000;

/// Keeps the logs of every service when a phase did not go well.
pub(super) async fn logs(stack: &OwnedStack, folder: &RunFolder, phase: Phase) -> Result<()> {
    for container in stack.containers().await? {
        let name = if container.service.is_empty() { &container.id } else { &container.service };
        let log = stack.engine().logs(&container.id, LOG_LINES).await?;
        folder.write(&format!("evidence/logs/{phase}/{name}.log"), log.join("\n").as_bytes())?;
    }
    Ok(())
}

/// Writes the commands as a script that can be read, and pasted from.
pub(super) fn commands(commands: &[CommandRecord], folder: &RunFolder) -> Result<()> {
    let mut text = String::from("# seconds since start · duration · exit code, then the command\n");
    for command in commands {
        let exit = command.exit_code.map_or_else(|| "ended".to_owned(), |code| code.to_string());
        let CommandRecord { at_s, seconds, command, .. } = command;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {at_s:.2} · {seconds:.2} s · {exit}\n{command}");
    }
    folder.write("evidence/commands.sh", text.as_bytes()).map(drop)
}
