//! The way back: a restore that is killed with SIGKILL in any phase is rolled back, and what must
//! not be restored is refused before anything changes. The proof is the fingerprint of both stores.

mod terminal;

use self::terminal::{Copy, Terminal};

/// Backs up, then changes the state in every way that a restore would change back: rows, a role's
/// setting, a role, files. The state after that is what every rollback must bring back.
const PREPARE: &str = r#"
docker compose stop backend celery celery-beat proxy
export BASE=$(scripts/backup_db.sh) MEDIA=$(scripts/backup_media.sh)
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
CREATE ROLE only_in_backup;
SQL
export BASE=$(scripts/backup_db.sh)
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
DROP ROLE only_in_backup;
UPDATE grading_exam SET title = title || ' (later)';
DELETE FROM grading_annotation WHERE id % 3 = 0;
ALTER ROLE CURRENT_USER SET statement_timeout = '77s';
SQL
docker compose run --rm --no-deps -T --entrypoint sh backend -c 'cd /srv/media && find . -type f | sort | head -n 3 | xargs rm && echo later > later.txt'
cat > "$BACKUP_DIR/../kill.sh" << 'KILL'
set -o functrace
trap 'if [[ $BASH_COMMAND == "$KILL_AT"* ]]; then kill -KILL 0; fi' DEBUG
KILL
# Kills the restore, all of its processes, when it is about to run a command.
cat > "$BACKUP_DIR/../killed.sh" << 'KILLED'
#!/usr/bin/env bash
at=$1 code=0
shift
KILL_AT=$at BASH_ENV=${0%ed.sh}.sh setsid --wait "$@" || code=$?
echo "ended with $code" >&2
KILLED
chmod +x "$BACKUP_DIR/../killed.sh"
"#;

/// What an operator does afterwards. A session of the killed restore may live on for a moment.
const RECOVER: &str = "
for attempt in $(seq 60); do
    if scripts/restore_db.sh --recover --yes; then exit 0; fi
    sleep 1
done
exit 1";

/// The commands of `restore_db.sh` before which it is killed, and whether the state before is
/// still the live one then.
const DATABASE: [(&str, bool); 10] = [
    ("verify \"$archive\"", true),
    ("take_backup safety-db", true),
    ("restoring=1", true),
    ("set_aside", true),
    ("restore_database", true),
    ("tail -n \"+$((header", true),
    ("decide", true),
    ("drop_replaced", false),
    ("require_sign_in", false),
    ("say \"restored", false),
];

async fn database(terminal: &Terminal<'_>) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    for (at, before_lives) in DATABASE {
        let phase = |cause: String| format!("killed at {at}: {cause}");
        let restore = format!(
            "\"$BACKUP_DIR\"/../killed.sh '{at}' scripts/restore_db.sh --replace --yes \"$BASE\""
        );
        terminal.run(&restore, 0, &["ended with 137"]).await.map_err(phase)?;
        terminal.run(RECOVER, 0, &[]).await.map_err(phase)?;
        if !before_lives {
            let differs = terminal.unchanged_since(&before).await.is_err();
            if !differs {
                return Err(phase("it was decided, and yet nothing is restored".to_owned()));
            }
            let safety = "scripts/restore_db.sh --replace --yes --no-safety-backup \
                \"$(find \"$BACKUP_DIR\" -name 'safety-db-*.sql.*' ! -name '*.sha256' | sort | tail -n 1)\"";
            terminal.run(safety, 0, &["restore_db: restored"]).await.map_err(phase)?;
        }
        terminal.unchanged_since(&before).await.map_err(phase)?;
    }
    // Nothing is in the way of a clean retry.
    let retry = "scripts/restore_db.sh --replace --yes \"$BASE\"";
    terminal.run(retry, 0, &["restore_db: restored"]).await?;
    match terminal.unchanged_since(&before).await {
        Ok(()) => Err("the retry restored nothing".to_owned()),
        Err(_) => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restore_killed_in_any_phase_is_rolled_back_exactly() {
    let copy = Copy::up().await;
    let terminal = copy.terminal().await;
    let ended = match terminal.run(PREPARE, 0, &[]).await {
        Ok(()) => database(&terminal).await,
        Err(cause) => Err(cause),
    };
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}

/// The same for `restore_media.sh`: it empties the store in place.
const MEDIA: [(&str, bool); 5] = [
    ("find_media", true),
    ("take_backup safety-media", true),
    ("emptied=1", true),
    ("decompress \"$archive\"", false),
    ("emptied=''", false),
];

async fn media(terminal: &Terminal<'_>) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    for (at, before_lives) in MEDIA {
        let phase = |cause: String| format!("killed at {at}: {cause}");
        let restore = format!(
            "\"$BACKUP_DIR\"/../killed.sh '{at}' scripts/restore_media.sh --replace --yes \"$MEDIA\""
        );
        terminal.run(&restore, 0, &["ended with 137"]).await.map_err(phase)?;
        if !before_lives {
            let safety = "scripts/restore_media.sh --replace --yes --no-safety-backup \
                \"$(find \"$BACKUP_DIR\" -name 'safety-media-*.tar.*' ! -name '*.sha256' | sort | tail -n 1)\"";
            terminal.run(safety, 0, &["restore_media: restored"]).await.map_err(phase)?;
        }
        terminal.unchanged_since(&before).await.map_err(phase)?;
    }
    Ok(())
}

/// What makes a bad backup `$BAD` of a good one, how it is restored, and what is said of it.
const REFUSED: [(&str, &str, &str, &str); 15] = [
    (
        "database truncated",
        "head -c 20000 \"$BASE\" > $BAD.sql.zst; cp \"$BASE.sha256\" $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "its checksum is not the one in",
    ),
    (
        "database truncated, with a checksum of that",
        "head -c 20000 \"$BASE\" > $BAD.sql.zst; sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "cannot be decompressed to its end",
    ),
    (
        "database without its end",
        "zstd -dc \"$BASE\" | head -n -20 | zstd -q > $BAD.sql.zst; sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "is truncated: it has no end",
    ),
    (
        "database flipped",
        "cp \"$BASE\" $BAD.sql.zst; cp \"$BASE.sha256\" $BAD.sql.zst.sha256; printf '\\x55' | dd of=$BAD.sql.zst bs=1 seek=9999 conv=notrunc status=none",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "its checksum is not the one in",
    ),
    (
        "database of another major version",
        "zstd -dc \"$BASE\" | sed '1,6s/^-- postgresql: .*/-- postgresql: 14/' | zstd -q > $BAD.sql.zst; sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "is of PostgreSQL 14, this stack runs 15",
    ),
    (
        "database of another stack",
        "zstd -dc \"$BASE\" | sed '1,6s/^-- stack: .*/-- stack: elsewhere/' | zstd -q > $BAD.sql.zst; sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "it was taken from \"elsewhere\"",
    ),
    (
        "media in place of a database",
        "cp \"$MEDIA\" $BAD.sql.zst; sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "is not a backup of backup_db.sh",
    ),
    (
        "media truncated",
        "head -c 20000 \"$MEDIA\" > $BAD.tar.zst; sha256sum $BAD.tar.zst > $BAD.tar.zst.sha256",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "cannot be decompressed to its end",
    ),
    (
        "media flipped",
        "cp \"$MEDIA\" $BAD.tar.zst; cp \"$MEDIA.sha256\" $BAD.tar.zst.sha256; printf '\\x55' | dd of=$BAD.tar.zst bs=1 seek=9999 conv=notrunc status=none",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "its checksum is not the one in",
    ),
    (
        "media of another stack",
        "$HOSTILE elsewhere good.txt",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "it was taken from \"elsewhere\"",
    ),
    (
        "media with a path that climbs",
        "$HOSTILE korrigo.test ../climbs.txt",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "leads out of the store",
    ),
    (
        "media with an absolute path",
        "$HOSTILE korrigo.test absolute.txt",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "leads out of the store",
    ),
    (
        "media with a link that leaves",
        "$HOSTILE korrigo.test link",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "which leads out of the store",
    ),
    (
        "archive of Django's, truncated",
        "docker compose run --rm --no-deps -T backend python manage.py backup --output - > $BAD.whole; head -c 100000 $BAD.whole > $BAD.tar",
        "docker compose run --rm --no-deps -T backend python manage.py restore --input - --yes < $BAD.tar",
        "the backup is damaged",
    ),
    (
        "archive of Django's, flipped",
        "docker compose run --rm --no-deps -T backend python manage.py backup --output - > $BAD.tar; printf '\\x55' | dd of=$BAD.tar bs=1 seek=99999 conv=notrunc status=none",
        "docker compose run --rm --no-deps -T backend python manage.py restore --input - --yes < $BAD.tar",
        "the backup is damaged",
    ),
];

/// A media backup with one member that nobody should unpack.
const HOSTILE: &str = r#"
mkdir -p "$BACKUP_DIR/../bad/inside"
export BAD=$BACKUP_DIR/../bad/bad
BAD=$(readlink -m "$BAD")
export HOSTILE=${BAD%/*}/hostile.sh
cat > "${BAD%/*}/hostile.sh" << 'HOSTILE'
#!/usr/bin/env bash
# hostile.sh STACK MEMBER: a media backup with one member, "$BAD.tar.zst"
set -euo pipefail
cd "${BAD%/*}/inside"
touch good.txt ../climbs.txt absolute.txt
ln -sf /etc/passwd link
member=$2
[ "$member" != absolute.txt ] || member=$PWD/absolute.txt
tar --create --format=posix --absolute-names --owner=korrigo:10001 --group=korrigo:10001 \
    --pax-option="comment=media backup of a compose stack in format 1; stack $1; taken 2026-01-01T00:00:00Z" "$member" |
    zstd -q > "$BAD.tar.zst"
sha256sum "$BAD.tar.zst" > "$BAD.tar.zst.sha256"
HOSTILE
chmod +x "${BAD%/*}/hostile.sh"
"#;

/// A folder for the safety backup with less room than that takes. Only root may mount one.
const FULL: &str = r#"
export DIR=$BACKUP_DIR/../full
mkdir -p "$DIR"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo --non-interactive --preserve-env env "PATH=$PATH")
"${as_root[@]}" unshare --mount sh -c '
    mount -t tmpfs -o size=64k tmpfs "$DIR" && exec scripts/restore_db.sh --replace --yes --dir "$DIR" "$BASE"'
"#;

async fn refused(terminal: &Terminal<'_>) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    terminal.run(HOSTILE, 0, &[]).await?;
    for (what, make, restore, says) in REFUSED {
        let block = format!("rm -f $BAD.*\n{make}\ncode=0\n{restore} || code=$?\nexit \"$code\"");
        let refused = terminal.run(&block, 1, &[says, "hint:"]).await;
        refused.map_err(|cause| format!("{what}: {cause}"))?;
        terminal.unchanged_since(&before).await.map_err(|cause| format!("{what}: {cause}"))?;
    }
    terminal.run(FULL, 1, &["nothing is left of it", "hint:"]).await?;
    let full = FULL.replace("restore_db.sh", "restore_media.sh").replace("$BASE", "$MEDIA");
    terminal.run(&full, 1, &["nothing is left of it", "hint:"]).await?;
    terminal.unchanged_since(&before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_restore_is_rolled_back_and_bad_input_changes_nothing() {
    let copy = Copy::up().await;
    let terminal = copy.terminal().await;
    let mut ended = terminal.run(PREPARE, 0, &[]).await;
    if ended.is_ok() {
        ended = media(&terminal).await;
    }
    if ended.is_ok() {
        ended = refused(&terminal).await;
    }
    drop(terminal);
    copy.remove().await;
    assert_eq!(ended, Ok(()));
}
