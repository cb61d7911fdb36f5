//! A sealed copy of the reference stack that stays up while faults are planted in it, one at a
//! time, each on the configuration as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::drill::{Drill, Standing};
use harness::model::event::Events;
use harness::model::mode::Mode;
use harness::plan::Request;
use tokio_util::sync::CancellationToken;

use crate::rehearsal;
use crate::turn::{self, Fixture, Turn};

/// Puts new files into use and waits until no worker accepts connections under the old ones.
const RELOAD: &str = r#"
workers() {
    for process in /proc/[0-9]*; do
        title=$(tr '\0' ' ' < "$process/cmdline" 2>/dev/null | sed 's/ *$//')
        [ "$title" != "nginx: worker process" ] || echo "${process#/proc/}"
    done
}
old=$(workers)
nginx -t -q || exit 1
nginx -s reload
for attempt in $(seq 200); do
    now=" $(workers | tr '\n' ' ') "
    fresh=1
    for worker in $old; do case $now in *" $worker "*) fresh= ;; esac; done
    [ -z "$fresh" ] || [ -z "$(echo $now)" ] || exit 0
    sleep 0.05
done
exit 1
"#;

/// Waits until the backend answers through the proxy, in either mode.
const REACHES_BACKEND: &str = r#"
for attempt in $(seq 300); do
    for scheme in http https; do
        status=$(curl --silent --insecure --max-time 5 --output /dev/null --write-out '%{http_code}' \
            --resolve korrigo.test:80:127.0.0.1 --resolve korrigo.test:443:127.0.0.1 \
            "$scheme://korrigo.test/api/health/ready/")
        # A fault may make the backend believe that it is not asked over TLS: it answers.
        case $scheme/$status in http/200 | https/200 | https/301) exit 0 ;; esac
    done
    sleep 0.2
done
echo "the last answer was $status" >&2
exit 1
"#;

/// What answers requests, beside what it depends on. Nothing is asked of the workers.
const SERVICES: [&str; 2] = ["backend", "proxy"];

/// A replacement in a file of the stack: path below its folder, what is there, what shall be.
pub type Edit = (&'static str, &'static str, &'static str);

/// A copy that is up, and a folder with its files as they are at the moment.
pub struct Copy {
    /// The copy.
    pub standing: Standing,
    /// How it was made.
    pub drill: Drill,
    /// The stack's files, with what was planted.
    pub files: tempfile::TempDir,
    planted: std::sync::Mutex<Vec<PathBuf>>,
    _turn: Turn,
}

impl Copy {
    /// Brings one up in a mode.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn up(base: &Path, mode: Mode) -> Self {
        let turn = turn::take(Fixture::Copy);
        let request = Request { mode, ..rehearsal::request(base) };
        let drill = rehearsal::planned(request, rehearsal::config());
        let standing =
            drill.stand_with(&SERVICES, &Events::ignored(), CancellationToken::new()).await;
        let standing = standing.expect("the copy comes up");
        let files = tempfile::tempdir().expect("a temporary folder");
        copy(&rehearsal::reference_stack(), files.path());
        Self { standing, drill, files, planted: std::sync::Mutex::default(), _turn: turn }
    }

    /// Takes away what was planted before, and plants these edits: of the proxy's configuration,
    /// which is loaded anew, or of the backend's code, which is started anew.
    ///
    /// # Panics
    /// When an edit does not fit, or a service does not take it.
    pub async fn plant(&self, edits: &[Edit]) {
        let mut touched = std::mem::take(&mut *self.planted.lock().expect("no panic"));
        for path in &touched {
            let original = fs::read(rehearsal::reference_stack().join(path)).expect("a file");
            self.write(path, &original).await;
        }
        for (path, from, to) in edits {
            let path = PathBuf::from(path);
            let text = fs::read_to_string(self.files.path().join(&path)).expect("a file");
            assert!(text.contains(from), "{} has no {from:?}", path.display());
            self.write(&path, text.replacen(from, to, 1).as_bytes()).await;
            self.planted.lock().expect("no panic").push(path.clone());
            touched.push(path);
        }
        self.take_up(&touched).await;
    }

    /// Edits a file and leaves it so, for what reads it anew by itself: nothing is reloaded.
    ///
    /// # Panics
    /// When the edit does not fit.
    pub async fn set(&self, (path, from, to): Edit) {
        let text = fs::read_to_string(self.files.path().join(path)).expect("a file");
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(Path::new(path), text.replacen(from, to, 1).as_bytes()).await;
    }

    /// Edits a file of the stack's folder that no service reads, such as `drill.toml`. Gives back
    /// the edit that undoes it.
    ///
    /// # Panics
    /// When the edit does not fit.
    #[must_use]
    pub fn note(&self, (path, from, to): Edit) -> Edit {
        let file = self.files.path().join(path);
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.contains(from), "{path} has no {from:?}");
        fs::write(file, text.replacen(from, to, 1)).expect("written");
        (path, to, from)
    }

    /// The stack's files of text as they are, by their path.
    ///
    /// # Panics
    /// When one cannot be read.
    #[must_use]
    pub fn texts(&self) -> BTreeMap<String, String> {
        let root = self.files.path();
        let files = walk(root).into_iter().filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            Some((path.strip_prefix(root).expect("below it").display().to_string(), text))
        });
        files.collect()
    }

    /// Puts into use what somebody has changed in the files since they were as `before`. Gives
    /// back the paths of what was changed; [`plant`](Self::plant) takes it away again.
    ///
    /// # Panics
    /// When a service does not take it.
    pub async fn adopt(&self, before: &BTreeMap<String, String>) -> Vec<String> {
        let now = self.texts();
        assert_eq!(before.keys().collect::<Vec<_>>(), now.keys().collect::<Vec<_>>());
        let changed = now.iter().filter(|(path, text)| before[*path] != **text);
        let changed = changed.map(|(path, _)| PathBuf::from(path)).collect::<Vec<_>>();
        for path in &changed {
            self.write(path, now[&path.display().to_string()].as_bytes()).await;
        }
        self.planted.lock().expect("no panic").extend(changed.iter().cloned());
        self.take_up(&changed).await;
        changed.iter().map(|path| path.display().to_string()).collect()
    }

    /// Puts changed files into use. None at all stands for the certificate.
    async fn take_up(&self, touched: &[PathBuf]) {
        let backend = touched.iter().any(|path| path.starts_with("backend"));
        if backend {
            let stack = &self.standing.sandbox.stack;
            let container = stack.container("backend").await.expect("a container");
            let restart = stack.engine().docker(["restart", "--time", "5", &container.id]);
            assert!(restart.run().await.expect("docker runs").succeeded());
            // It may have another address now.
            stack.forget();
        }
        if touched.is_empty() || touched.iter().any(|path| path.starts_with("proxy")) {
            self.shell("proxy", RELOAD, Vec::new()).await;
        }
        if backend {
            self.wait_for_backend().await;
        }
    }

    /// Gives services variables that they did not have, in new containers; without any, they
    /// are as they were. Files that were planted in them go with the old ones.
    ///
    /// # Panics
    /// When a service does not come back.
    pub async fn vary(&self, services: &[&str], variables: &[(&str, &str)]) {
        let stack = &self.standing.sandbox.stack;
        let original = fs::read_to_string(stack.file()).expect("a compose file");
        let mut file = serde_json::from_str::<serde_json::Value>(&original).expect("JSON");
        for service in services {
            for (name, value) in variables {
                file["services"][*service]["environment"][*name] = (*value).into();
            }
        }
        fs::write(stack.file(), file.to_string()).expect("written");
        let unready = stack.up(services, Duration::from_secs(120)).await.expect("compose runs");
        assert!(unready.is_none(), "{unready:?}");
        fs::write(stack.file(), original).expect("written");
        self.wait_for_backend().await;
    }

    /// Waits until the proxy reaches the backend: it remembers addresses for a while.
    async fn wait_for_backend(&self) {
        self.shell("proxy", REACHES_BACKEND, Vec::new()).await;
    }

    /// Writes a file of the proxy or of the backend, into the copy and beside it.
    async fn write(&self, path: &Path, content: &[u8]) {
        fs::write(self.files.path().join(path), content).expect("written");
        let known = [
            ("proxy/conf", "proxy", "/etc/nginx"),
            ("frontend", "proxy", "/srv/frontend"),
            ("backend", "backend", "/opt/korrigo/app"),
        ];
        let known = known.into_iter().find_map(|(from, service, to)| {
            Some((service, Path::new(to).join(path.strip_prefix(from).ok()?)))
        });
        let (service, inside) = known.expect("a file of the proxy or of the backend");
        let script = format!("cat > {}", inside.display());
        self.shell(service, &script, content.to_vec()).await;
    }

    /// Runs a shell script in a service.
    ///
    /// # Panics
    /// When it ends other than well.
    pub async fn shell(&self, service: &str, script: &str, input: Vec<u8>) {
        let stack = &self.standing.sandbox.stack;
        let command = stack.exec(service, Some("root"), ["sh", "-c", script]).await;
        let output = command.expect("a container").run_with(input).await.expect("it runs");
        assert!(output.succeeded(), "{script}\n{}{}", output.text(), output.stderr);
    }

    /// Removes the copy.
    ///
    /// # Panics
    /// When something of it stays.
    pub async fn remove(self) {
        let Standing { run, sandbox, folder } = &self.standing;
        sandbox.stack.for_cleanup().tear_down(Duration::ZERO).await.expect("removed");
        folder.remove_work().expect("removed");
        assert_eq!(rehearsal::leftovers(run.as_str()).await, Vec::<String>::new());
    }
}

/// A test that fails leaves nothing running either.
impl Drop for Copy {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let stack = self.standing.sandbox.stack.for_cleanup();
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(stack.tear_down(Duration::ZERO)))
        });
        let _ = removed.join();
    }
}

/// Every file below a folder.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Copies a folder with all that is below it into another, which is there.
///
/// # Panics
/// When something cannot be copied.
pub fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).expect("created");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
