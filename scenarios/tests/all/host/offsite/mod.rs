//! Copies off-site, to a folder and to a server that speaks S3: intact first, then damaged.

mod s3;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;
use scenarios::rehearsal::reference_stack;
use scenarios::turn::{self, Fixture, Turn};
use tempfile::TempDir;

const DATABASE: &str = "db-20260101T023000Z.sql.zst";
const NEWER: &str = "db-20260102T023000Z.sql.zst";
const MEDIA: &str = "media-20260101T023100Z.tar.zst";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Folder,
    S3,
}

/// A folder of backups here, a store elsewhere.
struct Place {
    here: TempDir,
    /// Where the store keeps its files.
    there: PathBuf,
    remote: String,
    environment: BTreeMap<&'static str, String>,
    _root: TempDir,
    _turn: Turn,
}

impl Place {
    async fn new(store: Store) -> Self {
        let turn = turn::take(Fixture::Host);
        let folder = || crate::reports();
        let (here, root) = (folder(), folder());
        let there = root.path().join("bucket/korrigo");
        fs::create_dir(root.path().join("bucket")).expect("created");
        let config = here.path().join(".rclone.conf").display().to_string();
        let mut environment = BTreeMap::from([("RCLONE_CONFIG", config)]);
        let remote = match store {
            Store::Folder => there.display().to_string(),
            Store::S3 => {
                let address = s3::serve(root.path()).await;
                environment.extend(
                    [
                        ("RCLONE_CONFIG_ELSEWHERE_TYPE", "s3"),
                        ("RCLONE_CONFIG_ELSEWHERE_PROVIDER", "Other"),
                        ("RCLONE_CONFIG_ELSEWHERE_ACCESS_KEY_ID", s3::KEY),
                        ("RCLONE_CONFIG_ELSEWHERE_SECRET_ACCESS_KEY", s3::SECRET),
                        ("RCLONE_CONFIG_ELSEWHERE_NO_CHECK_BUCKET", "true"),
                        ("NO_PROXY", "127.0.0.1"),
                        ("no_proxy", "127.0.0.1"),
                    ]
                    .map(|(name, value)| (name, value.to_owned())),
                );
                let endpoint = format!("http://{address}");
                environment.insert("RCLONE_CONFIG_ELSEWHERE_ENDPOINT", endpoint);
                "elsewhere:bucket/korrigo".to_owned()
            }
        };
        let place = Self { here, there, remote, environment, _root: root, _turn: turn };
        for name in [DATABASE, NEWER, MEDIA] {
            // More than one block, and nothing that compresses.
            let content = blake3::Hasher::new().update(name.as_bytes()).finalize_xof();
            let mut bytes = vec![0; 300_000];
            let mut content = content;
            content.fill(&mut bytes);
            place.put(name, &bytes);
        }
        place
    }

    /// A backup here, with its checksum.
    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.here.path().join(name), bytes).expect("written");
        let script = format!("sha256sum {name} > {name}.sha256");
        let made = Command::new("sh").args(["-c", &script]).current_dir(self.here.path()).status();
        assert!(made.expect("sh runs").success());
    }

    /// A script of the stack's, as an operator runs it.
    async fn run(&self, script: &str, dir: &Path, words: &[&str]) -> Output {
        let mut command = Command::new(reference_stack().join("scripts").join(script));
        command.args(["--remote", &self.remote, "--dir"]).arg(dir).args(words);
        command.envs(&self.environment);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        output.expect("no panic").expect("the script runs")
    }

    async fn push(&self, words: &[&str]) -> Output {
        self.run("offsite_push.sh", self.here.path(), words).await
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn demand(output: &Output, code: i32, says: &[&str]) {
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for words in says {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names = names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>();
    names.sort();
    names
}

#[rstest]
#[case(Store::Folder)]
#[case(Store::S3)]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_from_elsewhere_as_it_went(#[case] store: Store) {
    let place = Place::new(store).await;
    demand(&place.push(&[]).await, 0, &["3 copied, 0 there already, 0 failed"]);
    demand(&place.push(&[]).await, 0, &["0 copied, 3 there already, 0 failed"]);
    demand(&place.push(&["--reread"]).await, 0, &["0 failed"]);

    let back = tempfile::tempdir().expect("a folder");
    let listed = place.run("offsite_fetch.sh", back.path(), &["--list"]).await;
    demand(&listed, 0, &[]);
    assert_eq!(text(&listed.stdout).lines().collect::<Vec<_>>(), [DATABASE, NEWER, MEDIA]);
    let latest = place.run("offsite_fetch.sh", back.path(), &["--latest", "db"]).await;
    demand(&latest, 0, &[NEWER, "fetched and verified"]);
    demand(&place.run("offsite_fetch.sh", back.path(), &[MEDIA]).await, 0, &[MEDIA]);
    for name in [NEWER, MEDIA] {
        let read = |dir: &Path| fs::read(dir.join(name)).expect("there");
        assert!(read(back.path()) == read(place.here.path()), "{name} differs");
        assert!(back.path().join(format!("{name}.sha256")).exists());
    }
}

#[rstest]
#[case(Store::Folder)]
#[case(Store::S3)]
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_flipped_elsewhere_is_refused_and_named(#[case] store: Store) {
    let place = Place::new(store).await;
    demand(&place.push(&[]).await, 0, &[]);
    let object = place.there.join(NEWER);
    let mut bytes = fs::read(&object).expect("the object");
    bytes[123_456] ^= 1;
    fs::write(&object, &bytes).expect("flipped");

    let back = tempfile::tempdir().expect("a folder");
    let fetched = place.run("offsite_fetch.sh", back.path(), &["--latest", "db"]).await;
    demand(&fetched, 1, &[NEWER, "hint:"]);
    assert_eq!(names(back.path()), Vec::<String>::new(), "something is left of it");
    // The others are whole.
    demand(&place.run("offsite_fetch.sh", back.path(), &[DATABASE]).await, 0, &[]);
    demand(&place.push(&["--reread"]).await, 1, &[NEWER, "1 failed"]);
    assert!(fs::read(&object).expect("the object") == bytes, "it was overwritten");
}

#[rstest]
#[case(Store::Folder)]
#[case(Store::S3)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_never_overwritten(#[case] store: Store) {
    let place = Place::new(store).await;
    demand(&place.push(&[]).await, 0, &[]);
    let before = fs::read(place.there.join(MEDIA)).expect("the object");
    place.put(MEDIA, b"another backup of the same name");
    demand(&place.push(&[]).await, 1, &[MEDIA, "with other content; it is left as it is"]);
    assert!(fs::read(place.there.join(MEDIA)).expect("the object") == before);
    // Nor what is here.
    let fetched = place.run("offsite_fetch.sh", place.here.path(), &[MEDIA]).await;
    demand(&fetched, 1, &[MEDIA, "there already, with other content"]);
    let here = fs::read(place.here.path().join(MEDIA)).expect("there");
    assert_eq!(here, b"another backup of the same name");
}

#[rstest]
#[case(Store::Folder)]
#[case(Store::S3)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_here_does_not_go_and_what_is_incomplete_does_not_come(
    #[case] store: Store,
) {
    let place = Place::new(store).await;
    let file = place.here.path().join(DATABASE);
    let mut bytes = fs::read(&file).expect("the backup");
    bytes.truncate(1000);
    fs::write(&file, bytes).expect("truncated");
    demand(&place.push(&[]).await, 1, &[DATABASE, "is damaged here", "2 copied", "1 failed"]);
    assert!(!place.there.join(DATABASE).exists());

    // As an upload leaves it that was killed: without its checksum.
    fs::remove_file(place.there.join(format!("{MEDIA}.sha256"))).expect("removed");
    let back = tempfile::tempdir().expect("a folder");
    let fetched = place.run("offsite_fetch.sh", back.path(), &[MEDIA]).await;
    demand(&fetched, 1, &["not a complete one", "hint:"]);
    assert_eq!(names(back.path()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_the_key_is_named_and_the_key_is_not_shown() {
    let mut place = Place::new(Store::S3).await;
    let wrong = "a-wrong-secret".to_owned();
    place.environment.insert("RCLONE_CONFIG_ELSEWHERE_SECRET_ACCESS_KEY", wrong.clone());
    let output = place.push(&[]).await;
    demand(&output, 1, &["cannot list elsewhere:bucket/korrigo", "hint:"]);
    assert!(!text(&output.stderr).contains(&wrong), "{output:?}");
}
