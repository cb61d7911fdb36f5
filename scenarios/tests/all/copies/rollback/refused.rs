//! What must not be restored is refused before anything changes, with the reason.

use super::terminal::Terminal;

/// What makes a bad backup `$BAD` of a good one, how it is restored, and what is said of it. Without
/// a safety backup, and with the application down, media is judged as it is unpacked.
const REFUSED: [(&str, &str, &str, &str); 23] = [
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
        "database of another stack than the one that is named",
        "zstd -dc \"$BASE\" | sed '1,6s/^-- stack: .*/-- stack: elsewhere/' | zstd -q > $BAD.sql.zst; sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes --from-stack nowhere $BAD.sql.zst",
        "--from-stack 'elsewhere'",
    ),
    (
        "media in place of a database",
        "cp \"$MEDIA\" $BAD.sql.zst; sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "is not a backup of backup_db.sh",
    ),
    (
        "database encrypted",
        "$ENCRYPT \"$BASE\" $BAD.sql.zst; cp \"$BASE.sha256\" $BAD.sql.zst.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst",
        "is encrypted",
    ),
    (
        "database encrypted, with a checksum of that, and named so",
        "$ENCRYPT \"$BASE\" $BAD.sql.zst.enc; sha256sum $BAD.sql.zst.enc > $BAD.sql.zst.enc.sha256",
        "scripts/restore_db.sh --replace --yes $BAD.sql.zst.enc",
        "is encrypted",
    ),
    (
        "media truncated",
        "head -c 20000 \"$MEDIA\" > $BAD.tar.zst; sha256sum $BAD.tar.zst > $BAD.tar.zst.sha256",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "cannot be decompressed to its end",
    ),
    (
        "media truncated, judged as it is unpacked",
        "head -c 20000 \"$MEDIA\" > $BAD.tar.zst; sha256sum $BAD.tar.zst > $BAD.tar.zst.sha256",
        "scripts/restore_media.sh --replace --no-safety-backup --yes $BAD.tar.zst",
        "cannot be decompressed to its end",
    ),
    (
        "media flipped",
        "cp \"$MEDIA\" $BAD.tar.zst; cp \"$MEDIA.sha256\" $BAD.tar.zst.sha256; printf '\\x55' | dd of=$BAD.tar.zst bs=1 seek=9999 conv=notrunc status=none",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "its checksum is not the one in",
    ),
    (
        "media encrypted",
        "$ENCRYPT \"$MEDIA\" $BAD.tar.zst; cp \"$MEDIA.sha256\" $BAD.tar.zst.sha256",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "is encrypted",
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
        "scripts/restore_media.sh --replace --no-safety-backup --yes $BAD.tar.zst",
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
        "scripts/restore_media.sh --replace --no-safety-backup --yes $BAD.tar.zst",
        "which leads out of the store",
    ),
    (
        "media without the end of its archive",
        // Up to there are the headers of an empty file.
        "$HOSTILE korrigo.test good.txt; zstd -qdc $BAD.tar.zst > $BAD.cut; head -c 2560 $BAD.cut | zstd -q > $BAD.tar.zst; sha256sum $BAD.tar.zst > $BAD.tar.zst.sha256",
        "scripts/restore_media.sh --replace --no-safety-backup --yes $BAD.tar.zst",
        "it has no end",
    ),
    (
        "media whose checksum is none",
        "cp \"$MEDIA\" $BAD.tar.zst; : > $BAD.tar.zst.sha256",
        "scripts/restore_media.sh --replace --yes $BAD.tar.zst",
        "has no checksum",
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
    (
        "archive of Django's, encrypted",
        "docker compose run --rm --no-deps -T backend python manage.py backup --output - > $BAD.whole; $ENCRYPT $BAD.whole $BAD.tar",
        "docker compose run --rm --no-deps -T backend python manage.py restore --input - --yes < $BAD.tar",
        "is encrypted",
    ),
];

/// A media backup with one member that nobody should unpack, and a copy of a file that nobody can
/// read without its key.
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
export ENCRYPT=${BAD%/*}/encrypt.sh
cat > "$ENCRYPT" << 'ENCRYPT'
#!/bin/sh
exec openssl enc -aes-256-cbc -pbkdf2 -pass pass:lost -in "$1" -out "$2"
ENCRYPT
chmod +x "$HOSTILE" "$ENCRYPT"
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

/// Backups that are taken in part, by a compose that says that all went well: some packagings of
/// version 2 do. `$DEAF` is that compose.
const DEAF: &str = r#"
export DEAF=$BACKUP_DIR/../deaf.sh
cat > "$DEAF" << 'DEAF'
case "$*" in
    *pg_dumpall*) docker compose "$@" | head -c 600 ;;
    *) docker compose "$@" ;;
esac
exit 0
DEAF
"#;
const IN_PART: [(&str, &str); 2] = [
    ("COMPOSE_COMMAND=\"sh $DEAF\" scripts/backup_db.sh", "the roles were read in part"),
    (
        "code=0
         in_store() { docker compose run --rm --no-deps -T --entrypoint sh backend -c \"cd /srv/media; $1\"; }
         file=$(in_store 'find . -type f | sort | head -n 1')
         mode=$(in_store \"stat -c %a '$file'\")
         in_store \"chmod 0 '$file'\"
         COMPOSE_COMMAND=\"sh $DEAF\" scripts/backup_media.sh || code=$?
         in_store \"chmod $mode '$file'\"
         exit $code",
        "Cannot open: Permission denied",
    ),
];

/// Another stack's backup, which the operator names, is restored as their own would be.
const NAMED: &str = r#"
rm -f $BAD.*
zstd -dc "$BASE" | sed '1,6s/^-- stack: .*/-- stack: elsewhere/' | zstd -q > $BAD.sql.zst
sha256sum $BAD.sql.zst > $BAD.sql.zst.sha256
scripts/restore_db.sh --replace --yes --no-safety-backup --from-stack elsewhere $BAD.sql.zst
"#;
const OWN: &str = "scripts/restore_db.sh --replace --yes --no-safety-backup \"$BASE\"";

pub(super) async fn all(terminal: &Terminal<'_>) -> Result<(), String> {
    let before = terminal.fingerprint().await?;
    terminal.run(HOSTILE, 0, &[]).await?;
    for (what, make, restore, says) in REFUSED {
        let block = format!("rm -f $BAD.*\n{make}\ncode=0\n{restore} || code=$?\nexit \"$code\"");
        let refused = terminal.run(&block, 1, &[says, "hint:"]).await;
        refused.map_err(|cause| format!("{what}: {cause}"))?;
        terminal.unchanged_since(&before).await.map_err(|cause| format!("{what}: {cause}"))?;
    }
    terminal.run(DEAF, 0, &[]).await?;
    for (backup, says) in IN_PART {
        terminal.run(backup, 1, &[says, "nothing is left of", "hint:"]).await?;
    }
    terminal.run(FULL, 1, &["nothing is left of it", "hint:"]).await?;
    let full = FULL.replace("restore_db.sh", "restore_media.sh").replace("$BASE", "$MEDIA");
    terminal.run(&full, 1, &["nothing is left of it", "hint:"]).await?;
    terminal.unchanged_since(&before).await?;
    terminal.run(NAMED, 0, &["restore_db: restored"]).await?;
    if terminal.unchanged_since(&before).await.is_ok() {
        return Err("the restore of another stack's backup changed nothing".to_owned());
    }
    let restored = terminal.fingerprint().await?;
    terminal.run(OWN, 0, &["restore_db: restored"]).await?;
    terminal.unchanged_since(&restored).await
}
