//! Binds commands on the host to the sandbox: in their search path `docker` and
//! `docker-compose` are scripts that reach the compose project of this run and no other.
//!
//! A command that looks for another engine client by its full path escapes this. The drill
//! runs what its operator's stack brings along, and guards against accidents, not malice.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Attempt, Result};
use crate::process::Command;
use crate::stack::Site;

/// The script that stands for both programs.
const SCRIPT: &str = include_str!("bound.sh");

/// Programs that the script stands for.
const PROGRAMS: [&str; 2] = ["docker", "docker-compose"];

/// A folder of scripts that comes first in the search path.
pub(crate) struct Bound {
    folder: PathBuf,
}

impl Bound {
    /// Writes the scripts into the run's folder.
    pub(crate) fn new(site: &Site<'_>) -> Result<Self> {
        let folder = site.work.join("bound");
        let written = || {
            fs::create_dir_all(&folder)?;
            for program in PROGRAMS {
                let path = folder.join(program);
                fs::write(&path, SCRIPT)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
            }
            Ok::<_, std::io::Error>(())
        };
        written().attempt(|| format!("cannot write {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// A command in the stack's folder. A program with a slash is below that folder.
    pub(crate) fn command(&self, site: &Site<'_>, artefact: &Path, words: &[String]) -> Command {
        let program = if words[0].contains('/') {
            site.dir.join(&words[0]).into_os_string()
        } else {
            OsString::from(&words[0])
        };
        let mut path = self.folder.clone().into_os_string();
        if let Some(rest) = env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        let command = site.stack.runner().command(program).args(&words[1..]).dir(site.dir);
        let command = command.env("PATH", path).env("BACKUP_DIR", artefact);
        site.stack.bind(command)
    }
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    /// Runs the script as `program`; the real compose is `echo`.
    fn run(program: &str, words: &[&str]) -> (bool, String) {
        run_on("/tmp/compose.json", "", program, words)
    }

    fn run_on(file: &str, files: &str, program: &str, words: &[&str]) -> (bool, String) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let script = folder.path().join(program);
        fs::write(&script, SCRIPT).expect("written");
        let output = process::Command::new("sh")
            .arg(&script)
            .args(words)
            .env("COMPOSE_PROJECT_NAME", "another")
            .env("DR_DRILL_BOUND_PROJECT", "mine")
            .env("DR_DRILL_BOUND_FILE", file)
            .env("COMPOSE_FILE", files)
            .env("DR_DRILL_BOUND_COMPOSE", "echo compose")
            .output()
            .expect("sh runs");
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8_lossy(&text).trim().to_owned())
    }

    #[test]
    fn compose_commands_reach_this_runs_project() {
        let bound = "compose --project-name mine --file /tmp/compose.json";
        for (program, words, rest) in [
            ("docker", &["compose", "exec", "-T", "db", "true"][..], "exec -T db true"),
            ("docker-compose", &["exec", "-T", "db", "true"], "exec -T db true"),
            ("docker", &["compose", "-p", "mine", "ps", "-q"], "ps -q"),
            ("docker-compose", &["--project-name=mine", "stop", "backend"], "stop backend"),
            (
                "docker",
                &["compose", "--ansi", "never", "run", "-p", "80:80", "a"],
                "--ansi never run -p 80:80 a",
            ),
        ] {
            assert_eq!(run(program, words), (true, format!("{bound} {rest}")), "{words:?}");
        }
    }

    #[test]
    fn further_files_of_the_stack_are_those_that_were_sealed_with_it() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("compose.json").display().to_string();
        let with_wal = format!("{file}:compose.wal.yaml");
        fs::write(&with_wal, "{}").expect("written");
        for (files, used) in [(&*file, &*file), (&*with_wal, &*with_wal)] {
            let said = format!("compose --project-name mine --file {used} ps");
            assert_eq!(run_on(&file, files, "docker", &["compose", "ps"]), (true, said));
        }
        for files in [format!("{file}:other.yaml"), "/etc/other.yaml".to_owned()] {
            let (accepted, said) = run_on(&file, &files, "docker", &["compose", "ps"]);
            assert!(!accepted && said.contains(&files), "{files}: {said}");
        }
    }

    #[test]
    fn whatever_would_reach_another_stack_is_refused() {
        for (program, words) in [
            ("docker", &["rm", "-f", "other"][..]),
            ("docker", &["volume", "rm", "other"]),
            ("docker", &["-H", "tcp://other", "compose", "down"]),
            ("docker", &["compose", "-p", "other", "down", "-v"]),
            ("docker", &["compose", "-pother", "down"]),
            ("docker", &["compose", "--ansi", "never", "--project-name=other", "down"]),
            ("docker-compose", &["-f", "/etc/other.yaml", "down"]),
            ("docker-compose", &["--project-directory", "/srv/other", "down"]),
            ("docker-compose", &["-H", "tcp://other", "down"]),
        ] {
            let (accepted, said) = run(program, words);
            assert!(!accepted && said.contains("refused"), "{words:?}: {said}");
        }
    }
}
