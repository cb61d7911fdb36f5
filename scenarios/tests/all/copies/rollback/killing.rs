//! SIGKILL at a chosen command: of a script on the host, all of its processes at once, or of the
//! container in which the work is done.

use std::fs;
use std::time::Duration;

use super::terminal::Terminal;

/// How long a restore may take to come to where it is killed.
const REACH_S: u64 = 120;

/// Makes `killed.sh COMMAND WORD…`, which kills WORD… when it is about to run COMMAND.
pub(super) const PREPARE: &str = r#"
cat > "$BACKUP_DIR/../kill.sh" << 'KILL'
set -o functrace
trap 'if [[ $BASH_COMMAND == "$KILL_AT"* ]]; then kill -KILL 0; fi' DEBUG
KILL
cat > "$BACKUP_DIR/../killed.sh" << 'KILLED'
#!/usr/bin/env bash
at=$1 code=0
shift
KILL_AT=$at BASH_ENV=${0%ed.sh}.sh setsid --wait "$@" || code=$?
echo "ended with $code" >&2
KILLED
chmod +x "$BACKUP_DIR/../killed.sh"
"#;

/// In a container the first process cannot kill itself: it waits where it should be killed.
const IN_BASH: &str = r#"
set -o functrace
trap 'if [[ $BASH_COMMAND == "$KILL_AT"* ]]; then : > /tmp/reached; sleep 600; fi' DEBUG
"#;

const IN_PYTHON: &str = r#"
import linecache, os, sys, time

AT = os.environ.get("KILL_AT")


def line(frame, event, _):
    here = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    if event == "line" and here.startswith(AT):
        open("/tmp/reached", "w").close()
        time.sleep(600)
    return line


def call(frame, _event, _):
    name = frame.f_code.co_filename
    return line if "/grading/backups/" in name or name.endswith("/commands/restore.py") else None


if AT:
    sys.settrace(call)
"#;

/// Who dies when a container has come to where it is killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate<'a> {
    /// The script that started it, and then the container: a power cut.
    Both,
    /// The container alone: the script sees what came of it.
    Container,
    /// The script; this is run, which must fail and say so; and then the container dies.
    ContainerLater(&'a str, &'a str),
}

impl Terminal<'_> {
    /// Kills a script and all of its processes when it is about to run a command.
    pub(super) async fn killed(&self, at: &str, script: &str) -> Result<(), String> {
        let block = format!("\"$BACKUP_DIR\"/../killed.sh '{at}' {script}");
        self.run(&block, 0, &["ended with 137"]).await
    }

    /// Runs a restore until a new container of a service is about to run a command or a line,
    /// and kills it there.
    pub(super) async fn killed_inside(
        &self,
        service: &str,
        at: &str,
        restore: &str,
        fate: Fate<'_>,
    ) -> Result<(), String> {
        let stack = &self.copy.standing.sandbox.stack;
        let original = fs::read_to_string(stack.file()).map_err(|cause| cause.to_string())?;
        fs::write(stack.file(), self.with_trap(&original, service, at))
            .map_err(|cause| cause.to_string())?;
        let said = "\"$BACKUP_DIR/../said\"";
        let block = format!(
            "setsid bash -c 'echo $$ > \"$BACKUP_DIR/../pid\"; {restore}' 2> {said} || echo \"ended with $?\" >&2"
        );
        let run = self.run(&block, 0, &["ended with"]);
        tokio::pin!(run);
        // What started the container may be over before the container is.
        let container = tokio::select! {
            _ = &mut run => {
                let told = self.run(&format!("cat {said} >&2; exit 1"), 0, &[]).await;
                Err(format!("it ended before it came to {at:?}: {told:?}"))
            }
            container = self.reached(at) => container,
        };
        fs::write(stack.file(), &original).map_err(|cause| cause.to_string())?;
        let container = container?;
        let strike = async {
            if !matches!(fate, Fate::Container) {
                let kill = "kill -KILL -- \"-$(cat \"$BACKUP_DIR/../pid\")\"";
                self.run(kill, 0, &[]).await?;
            }
            if let Fate::ContainerLater(block, says) = fate {
                self.run(block, 1, &[says]).await?;
            }
            let killed = stack.engine().docker(["kill", &container]).run().await;
            let killed = killed.map_err(|cause| cause.chain())?;
            killed.require(|| "cannot kill it").map(drop).map_err(|cause| cause.chain())
        };
        let (ran, struck) = tokio::join!(run, strike);
        struck.and(ran)
    }

    /// The compose file with what makes a service's containers wait at a command.
    fn with_trap(&self, file: &str, service: &str, at: &str) -> String {
        let folder = self.copy.standing.folder.work().join("kill");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("kill.sh"), IN_BASH).expect("written");
        fs::write(folder.join("sitecustomize.py"), IN_PYTHON).expect("written");
        let mut file = serde_json::from_str::<serde_json::Value>(file).expect("JSON");
        let service = &mut file["services"][service];
        for (name, value) in
            [("BASH_ENV", "/kill/kill.sh"), ("PYTHONPATH", "/kill"), ("KILL_AT", at)]
        {
            // Compose reads a dollar as the beginning of a variable.
            service["environment"][name] = value.replace('$', "$$").into();
        }
        let mount = serde_json::json!({
            "type": "bind", "source": folder, "target": "/kill", "read_only": true
        });
        service["volumes"].as_array_mut().expect("it has volumes").push(mount);
        file.to_string()
    }

    /// The container that waits to be killed.
    async fn reached(&self, at: &str) -> Result<String, String> {
        let stack = &self.copy.standing.sandbox.stack;
        for _ in 0..REACH_S * 5 {
            let containers = stack.containers().await.map_err(|cause| cause.chain())?;
            for container in containers {
                let one_off = container.labels.get("com.docker.compose.oneoff");
                if one_off.is_none_or(|it| it != "True") || container.status != "running" {
                    continue;
                }
                let looking = ["exec", &container.id, "test", "-e", "/tmp/reached"];
                let looked = stack.engine().docker(looking).run().await;
                if looked.map_err(|cause| cause.chain())?.succeeded() {
                    return Ok(container.id);
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(format!("nothing came to {at:?} in {REACH_S} s"))
    }
}
