//! A command line that asks for no command: it wants help, or it was not understood. Both are
//! answers that programs can read.

use std::env;
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde_json::json;

use crate::display;
use crate::ending::Ending;
use crate::flags::Format;

/// Answers, and gives the code to exit with.
pub(crate) fn close(unread: &clap::Error) -> ExitCode {
    let format = wanted(env::args_os().map(|word| word.to_string_lossy().into_owned()));
    answer(unread, format).close(format)
}

fn answer(unread: &clap::Error, format: Format) -> Ending {
    let text = unread.render().to_string();
    if matches!(unread.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        match format {
            Format::Human => drop(unread.print()),
            Format::Json => display::json_line(&json!({ "event": "help", "text": text })),
        }
        return Ending::done();
    }
    // Standard error is for people. Whoever stopped reading is not served.
    drop(unread.print());
    let (error, hint) = told(&text);
    Ending::misunderstood(&error, hint.as_deref())
}

/// What is wrong and what to do, from the paragraphs that people are shown.
fn told(text: &str) -> (String, Option<String>) {
    let mut paragraphs = text.split("\n\n").map(|it| it.split_whitespace().collect::<Vec<_>>());
    let first = paragraphs.next().unwrap_or_default().join(" ");
    let error = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
    // A tip if there is one, and where help is if not: it is the last.
    let rest = paragraphs.map(|words| words.join(" ")).collect::<Vec<_>>();
    let tip = rest.iter().find_map(|line| line.strip_prefix("tip: ")).map(str::to_owned);
    (error, tip.or_else(|| rest.last().cloned()))
}

/// What the output of a command line that could not be read should have been.
fn wanted(words: impl Iterator<Item = String>) -> Format {
    let words = words.collect::<Vec<_>>();
    let json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair == ["--format", "json"]);
    if json { Format::Json } else { Format::Human }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::flags::Flags;

    #[test]
    fn a_wrong_request_says_what_is_wrong_and_what_is_near() {
        let unread = |words: &[&str]| {
            let error = Flags::try_parse_from(words).expect_err("it is wrong");
            told(&error.render().to_string())
        };
        let (error, hint) = unread(&["xtask", "dr-drill", "--scales", "1"]);
        assert_eq!(error, "unexpected argument '--scales' found");
        assert_eq!(hint.as_deref(), Some("a similar argument exists: '--scale'"));
        let (error, hint) = unread(&["xtask", "verify"]);
        assert!(error.ends_with("not provided: <PATH>..."), "{error}");
        assert_eq!(hint.as_deref(), Some("For more information, try '--help'."));
    }

    #[test]
    fn the_format_is_read_from_a_line_that_is_wrong_otherwise() {
        let wanted = |line: &str| wanted(line.split(' ').map(str::to_owned));
        assert_eq!(wanted("xtask doctor --format json --wrong"), Format::Json);
        assert_eq!(wanted("xtask --format=json docter"), Format::Json);
        assert_eq!(wanted("xtask docter --format human json"), Format::Human);
    }
}
