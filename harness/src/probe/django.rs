//! Asks Django about its own configuration, through the commands of the installation itself.
//! What the rules are given is in [`Facts`]; secrets stay where they are.

use std::time::Duration;

use crate::audit::django::facts::{Facts, INSPECT};
use crate::config::DjangoConfig;
use crate::error::Result;
use crate::stack::OwnedStack;

/// Importing an application and running all its checks takes seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Has `manage.py shell` read the questions from its standard input, to the end: its own way to
/// read a script gives up when the script is late.
const READ: &str = "import sys; exec(sys.stdin.read())";

/// Runs every system check, those of deployments included, and reads what rules look at.
pub async fn observe(stack: &OwnedStack, config: &DjangoConfig) -> Result<Facts> {
    let words = config.manage.iter().cloned();
    let words = words.chain(["shell", "--command", READ].map(str::to_owned));
    let command = stack.exec(&config.service, None, words).await?.timeout(TIMEOUT);
    let output = command.run_with(INSPECT.as_bytes().to_vec()).await?;
    let output = output.require(|| "cannot ask Django about its configuration")?;
    // Nothing secret is asked for. Should a message of a check quote one, it goes no further.
    Facts::parse(&stack.runner().redact(&output.text()))
}
