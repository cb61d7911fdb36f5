//! A volume that is too small for both states: the restore is refused before anything is changed,
//! with the figures and the next step; once there is room, the same restore succeeds.

use std::fs;
use std::time::Duration;

use harness::stack::RunLabels;

use super::terminal::{Copy, Terminal};
use super::{PREPARE, database, django, media, physical};

/// What a volume gets beyond what is in it: enough for each restore, and for the padding.
const SPARE_IN_DATABASE_BYTES: u64 = 704 << 20;
const SPARE_IN_MEDIA_BYTES: u64 = 32 << 20;

/// What is left when the ballast is in. The server goes on with it: four segments of WAL, beside
/// those that it has in store. Every restore needs more than twice of it, by the padding alone.
const LEFT_IN_DATABASE_BYTES: u64 = 64 << 20;
const LEFT_IN_MEDIA_BYTES: u64 = 64 << 10;

/// Rows of a mebibyte each that nothing compresses: in the cluster and in each of the backups.
const PAD: &str = r#"
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
CREATE TABLE padding (id integer PRIMARY KEY, content text);
ALTER TABLE padding ALTER content SET STORAGE EXTERNAL;
INSERT INTO padding SELECT id, repeat('x', 1 << 20) FROM generate_series(1, 64) AS id;
SQL
"#;

/// Until something changes, nothing that reads or cleans up has to write, and no WAL is left that
/// the next checkpoint would give back.
const CALM: &str = r#"
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
VACUUM (FREEZE);
CHECKPOINT;
CHECKPOINT;
SQL
"#;

impl Terminal<'_> {
    /// Moves a volume of the stopped stack to one of limited size. A tmpfs lives as long as
    /// something has it mounted: a container of this run sees to that.
    async fn limit(&self, volume: &str, spare_bytes: u64) -> Result<(), String> {
        let standing = &self.copy.standing;
        let stack = &standing.sandbox.stack;
        let text = fs::read_to_string(stack.file()).map_err(|cause| cause.to_string())?;
        let mut file = serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
        let actual = file["volumes"][volume]["name"].as_str().expect("a name").to_owned();
        let limited = format!("{actual}_limited");
        let image = file["services"]["db"]["image"].as_str().expect("an image").to_owned();
        let labels = || RunLabels::of(&standing.run).arguments();
        let docker = async |command: harness::process::Command| {
            let output = command.timeout(Duration::from_secs(120)).run().await;
            let output = output.and_then(|output| output.require(|| "cannot limit a volume"));
            output.map(|output| output.text()).map_err(|cause| cause.chain())
        };
        let engine = stack.engine();
        let from = format!("{actual}:/from:ro");
        let measure = engine.docker(["run", "--rm", "--network", "none"]).args(labels());
        let measure = measure.args(["--volume", &from, "--entrypoint", "du", &image]);
        let used = docker(measure.args(["--summarize", "--bytes", "/from"])).await?;
        let used = used.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
        // Small files take whole pages.
        let size = used.ok_or("cannot measure a volume")? * 3 / 2 + spare_bytes;
        let create = engine.docker(["volume", "create"]).args(labels());
        let options = format!("o=size={size}");
        let options = ["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", &options];
        docker(create.args(options).arg(&limited)).await?;
        let keeper = engine.docker(["run", "--detach", "--network", "none"]).args(labels());
        let to = format!("{limited}:/to");
        let keeper = keeper.args(["--volume", &from, "--volume", &to, "--user", "root"]);
        let keeper = keeper.args(["--entrypoint", "sleep", &image, "infinity"]);
        let keeper = docker(keeper).await?;
        docker(engine.docker(["exec", &keeper, "cp", "-a", "/from/.", "/to/"])).await?;
        file["volumes"][volume]["name"] = limited.into();
        fs::write(stack.file(), file.to_string()).map_err(|cause| cause.to_string())
    }
}

/// Fills a volume, but for a little.
fn fill(folder: &str, left_bytes: u64) -> String {
    format!(
        "free=$(df --output=avail --block-size=1 {folder} | tail -n 1); \
         fallocate --length=$((free - {left_bytes})) {folder}/ballast"
    )
}

fn in_db(script: &str) -> String {
    format!("docker compose exec -T --user postgres db sh -c '{script}'")
}

fn beside_media(script: &str) -> String {
    format!("docker compose run --rm --no-deps -T --entrypoint sh backend -c '{script}'")
}

/// The restores that write to a volume, and what they say when it is too small.
const DATABASE: [(&str, &str); 3] = [
    (database::RESTORE, "the database's volume has"),
    (physical::BASE, "bytes left, the backup needs"),
    (django::RESTORE, "the database's volume has"),
];

const MEDIA: [(&str, &str); 3] = [
    (media::RESTORE, "the media store has room for"),
    (media::UNPACK, "the media store has room for"),
    (django::RESTORE, "no room to unpack the backup"),
];

/// Names, dates, rights and content of all that is in the store.
const PICTURE: &str = "cd /srv/media && find . -printf \"%P %T@ %m %U %l\\n\" | sort && \
    find . -type f -exec sha256sum {} + | sort";

async fn refused(terminal: &Terminal<'_>) -> Result<(), String> {
    let picture = |name: &str| format!("{} > \"$BACKUP_DIR/../{name}\"", beside_media(PICTURE));
    terminal.run(&in_db(&fill("$PGDATA", LEFT_IN_DATABASE_BYTES)), 0, &[]).await?;
    let before = terminal.fingerprint().await?;
    terminal.run(&picture("before"), 0, &[]).await?;
    let untouched = async |terminal: &Terminal<'_>| {
        terminal.unchanged_since(&before).await?;
        let same = "diff \"$BACKUP_DIR/../before\" \"$BACKUP_DIR/../after\" >&2";
        terminal.run(&format!("{}\n{same}", picture("after")), 0, &[]).await
    };
    for (restore, says) in DATABASE {
        terminal.run(restore, 1, &[says, "hint: free some space"]).await?;
        untouched(terminal).await.map_err(|cause| format!("{restore}: {cause}"))?;
    }
    terminal.run(&in_db("rm $PGDATA/ballast"), 0, &[]).await?;

    terminal.run(&beside_media(&fill("/srv/media", LEFT_IN_MEDIA_BYTES)), 0, &[]).await?;
    terminal.run(&picture("before"), 0, &[]).await?;
    for (restore, says) in MEDIA {
        terminal.run(restore, 1, &[says, "hint: free some space"]).await?;
        untouched(terminal).await.map_err(|cause| format!("{restore}: {cause}"))?;
    }
    terminal.run(&beside_media("rm /srv/media/ballast"), 0, &[]).await?;
    for (restore, _) in DATABASE.into_iter().chain(MEDIA) {
        terminal.run(restore, 0, &["restored"]).await?;
    }
    Ok(())
}

async fn limited(terminal: &Terminal<'_>) -> Result<(), String> {
    terminal.run("docker compose stop", 0, &[]).await?;
    terminal.limit("postgres_data", SPARE_IN_DATABASE_BYTES).await?;
    terminal.limit("media_volume", SPARE_IN_MEDIA_BYTES).await?;
    let service = &terminal.copy.standing.sandbox.database().expect("it has one").service;
    let up = terminal.copy.standing.sandbox.stack.up(&[service], Duration::from_secs(120)).await;
    if let Some(unready) = up.map_err(|cause| cause.chain())? {
        return Err(unready.into_error().chain());
    }
    let prepare = [PAD, PREPARE, "export THEN=$(scripts/backup_base.sh)\n", CALM];
    terminal.run(&prepare.concat(), 0, &[]).await?;
    refused(terminal).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_too_small_for_the_restore_is_refused_before_anything_is_changed() {
    let copy = Copy::up("base-backup").await;
    let terminal = copy.terminal().await;
    let ended = limited(&terminal).await;
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}
