//! The program with a folder of its own, and what it answers.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Columns of the terminal that everything is written for.
pub(crate) const WIDTH: usize = 80;

/// Runs commands with files of their own.
pub(crate) struct Console {
    folder: tempfile::TempDir,
}

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit_code: i32,
    /// Standard output.
    pub(crate) said: String,
    /// Standard error.
    pub(crate) told: String,
}

impl Console {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Where a file of this console is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
        self
    }

    /// A command line, in which `DIR` stands for this console's folder.
    pub(crate) fn run(&self, line: &str) -> Answer {
        self.run_with(line, &[])
    }

    /// The same, with variables of the environment.
    pub(crate) fn run_with(&self, line: &str, environment: &[(&str, &str)]) -> Answer {
        let mut command = self.command(line, environment);
        Answer::of(&command.current_dir(root()).output().expect("it runs"))
    }

    /// The same under a name of its own, in this console's folder `empty`, with `cache` and `state` as
    /// its user's. Where the engine's tools are is the user's own, and stays.
    pub(crate) fn run_alone(&self, line: &str, environment: &[(&str, &str)]) -> Answer {
        let mut command = self.command(line, environment);
        command.arg0("dr-drill").current_dir(self.path("empty"));
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command.env("XDG_STATE_HOME", self.path("state"));
        Answer::of(&command.output().expect("it runs"))
    }

    fn command(&self, line: &str, environment: &[(&str, &str)]) -> Command {
        let folder = self.folder.path().to_str().expect("UTF-8");
        let words = line.split_whitespace().map(|word| word.replace("DIR", folder));
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(words);
        for variable in ["COLUMNS", "DOCKER_HOST", "DR_DRILL_COMPOSE", "PGPASSWORD"] {
            command.env_remove(variable);
        }
        command.envs(environment.iter().copied());
        command
    }

    /// Command lines with what each said on standard error, as a terminal shows them.
    pub(crate) fn transcript(&self, lines: &[&str]) -> String {
        let shown = lines.iter().map(|line| {
            let Answer { exit_code, said, told } = self.run(line);
            assert_ne!(exit_code, 0, "{line} was not refused: {said}");
            assert_eq!(said, "", "{line}: standard output is for results");
            format!("$ cargo xtask {line}\n{told}exit code {exit_code}\n")
        });
        shown.collect::<Vec<_>>().join("\n")
    }

    /// Holds a text against its snapshot, places and runs aside.
    pub(crate) fn assert_snapshot(&self, name: &str, text: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.add_filter(&regex::escape(self.folder.path().to_str().expect("UTF-8")), "DIR");
        // Each version of the engine's command line has words of its own.
        settings.add_filter(r"(does not answer): .*", "$1: [engine]");
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

impl Answer {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self {
            exit_code: output.status.code().expect("it exits"),
            said: text(&output.stdout),
            told: text(&output.stderr),
        }
    }

    /// Standard output as one JSON object a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.said.lines().map(serde_json::from_str::<Value>);
        let lines = lines.collect::<Result<Vec<_>, _>>();
        let lines = lines.unwrap_or_else(|cause| panic!("{cause}: {self:#?}"));
        assert!(lines.iter().all(Value::is_object), "{self:#?}");
        lines
    }

    /// The last line, which is the only verdict.
    #[track_caller]
    pub(crate) fn verdict(&self) -> Value {
        let lines = self.lines();
        let verdicts = lines.iter().filter(|line| line["event"] == "verdict").count();
        let last = lines.last().unwrap_or_else(|| panic!("no line: {self:#?}"));
        assert_eq!((verdicts, &last["event"]), (1, &"verdict".into()), "{self:#?}");
        last.clone()
    }
}

/// The folder of the workspace, from which commands are run.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// Every command, and those below it: `runbook check`.
pub(crate) fn commands() -> BTreeSet<String> {
    let console = Console::new();
    let below = |name: &str| {
        let help = console.run(&format!("{name} --help")).said;
        let list = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next());
        let names = list.unwrap_or_default().lines().filter_map(|line| {
            let name = line.strip_prefix("  ")?.split_whitespace().next()?;
            (!line.starts_with("   ") && name != "help").then(|| name.to_owned())
        });
        names.collect::<Vec<_>>()
    };
    let mut all = BTreeSet::new();
    for name in below("") {
        match below(&name).as_slice() {
            [] => drop(all.insert(name)),
            names => all.extend(names.iter().map(|last| format!("{name} {last}"))),
        }
    }
    all
}

/// Lines that are wider than the terminal. What cannot be broken, such as a path, may be.
pub(crate) fn too_wide(text: &str) -> Vec<&str> {
    let is_broken = |line: &str| line.trim().contains(' ');
    text.lines().filter(|line| line.chars().count() > WIDTH && is_broken(line)).collect()
}
