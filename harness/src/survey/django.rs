//! Asks Django about its own configuration, through the commands of the installation itself.
//! What the rules are given is in [`Facts`]; secrets stay where they are.

use std::time::Duration;

use crate::config::DjangoConfig;
use crate::error::{Attempt, Error, Result};
use crate::model::django::Facts;
use crate::stack::OwnedStack;

/// The program that is given to `manage.py shell`.
const INSPECT: &str = include_str!("inspect.py");

/// What its answer begins with: start-up code of the application may print as well.
const MARK: &str = "django-audit:";

/// Importing an application and running all its checks takes seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Has `manage.py shell` read the questions from its standard input, to the end: its own way to
/// read a script gives up when the script is late.
const READ: &str = "import sys; exec(sys.stdin.read())";

/// Runs every system check, those of deployments included, and reads what rules look at.
pub(super) async fn observe(stack: &OwnedStack, config: &DjangoConfig) -> Result<Facts> {
    let words = config.manage.iter().cloned();
    let words = words.chain(["shell", "--command", READ].map(str::to_owned));
    let command = stack.exec(&config.service, None, words).await?.timeout(TIMEOUT);
    let output = command.run_with(INSPECT.as_bytes().to_vec()).await?;
    let output = output.require(|| "cannot ask Django about its configuration")?;
    // Nothing secret is asked for. Should a message of a check quote one, it goes no further.
    parse(&stack.runner().redact(&output.text()))
}

/// Reads what [`INSPECT`] printed. Undecided when its answer is not there, or when no check
/// ran: that nothing was complained about would then mean nothing.
fn parse(text: &str) -> Result<Facts> {
    let answer = text.lines().rev().find_map(|line| line.strip_prefix(MARK));
    let answer = answer.ok_or_else(|| {
        Error::undecided("Django did not say what its configuration is")
            .hint("try it by hand: manage.py check --deploy")
    })?;
    let facts = serde_json::from_str::<Facts>(answer);
    let facts = facts.attempt(|| "what Django says of its configuration is not understood")?;
    if facts.checks_run.iter().any(|check| check.contains(".security.")) {
        return Ok(facts);
    }
    Err(Error::undecided("Django ran none of its deployment checks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_application_prints_beside_the_answer_is_ignored() {
        let facts = Facts {
            checks_run: vec!["django.core.checks.security.base.check_debug".to_owned()],
            ..Facts::default()
        };
        let json = serde_json::to_string(&facts).expect("JSON");
        let text = format!("5 objects imported automatically\n{MARK}{json}\nbye\n");
        assert_eq!(parse(&text).expect("there"), facts);
    }

    #[test]
    fn no_answer_and_no_check_are_undecided() {
        let silent = parse("hello\n").expect_err("no answer");
        assert_eq!(silent.kind(), crate::ErrorKind::Undecided);
        let json = serde_json::to_string(&Facts::default()).expect("JSON");
        let idle = parse(&format!("{MARK}{json}")).expect_err("no check");
        assert!(idle.to_string().contains("none of its deployment checks"), "{idle}");
    }
}
