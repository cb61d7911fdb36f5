#!/usr/bin/env bash
# Backs up the whole database cluster of a running stack with pgBackRest: full and incremental
# backups and WAL, in a repository that is a volume; and the repository as one file. Needs
# compose.pgbackrest.yaml. Nobody has to stop writing.
#
#   backup_pgbackrest.sh [--project NAME] [--file FILE] [--dir DIR] [--point NAME]
#
#   --full            a full backup into the repository, and nothing else
#   --incremental     what changed since the last backup, and nothing else
#   --export          bring the repository's WAL up to now, with a restore point, and copy the
#                     repository into one file
#   --point NAME      what the restore point is called (default: backup-<UTC>)
#   --dir DIR         where files go (default: BACKUP_DIR, else backups/ beside the compose file)
#   --project NAME    compose project (default: as compose finds it, COMPOSE_PROJECT_NAME)
#   --file FILE       compose file; may be repeated (default: COMPOSE_FILE, else this stack's)
#   --keep-days N     afterwards, delete files of this stack that are older (default: 30)
#   --verify FILE     have "pgbackrest verify" read all of it, say what it is, and do nothing else
#   --prune           delete old files, and do nothing else
#
#   COMPOSE_COMMAND, DB_SERVICE   as for backup_base.sh
#
# Without --full, --incremental or --export: an incremental backup (the first is full), then
# the file. How many backups the repository keeps is pgBackRest's own (repo1-retention-full).
# Restore with restore_pgbackrest.sh, or by hand: tar, then pgbackrest restore.
#
# Standard output: the path of the file. Exit: 0 done, 1 failed, 2 wrong usage.
set -euo pipefail

program=backup_pgbackrest
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=base_common.sh
source "$here/base_common.sh"
# shellcheck source=pgbackrest_common.sh
source "$here/pgbackrest_common.sh"

parse --full --incremental --export --point --keep-days --verify --prune -- "$@"
[ -z "$point" ] || [[ $point =~ ^[A-Za-z0-9._-]{1,63}$ ]] || misused "--point is \"$point\"; letters, digits, dots and dashes only"

# Sets $stack, $major and $system.
find_cluster() {
    local seen archives
    is_running "$db_service" || fail "service $db_service is not running" "start it: compose up -d $db_service"
    stack=$(in_db "$print_stack" < /dev/null)
    seen=$(query << 'SQL'
SELECT current_setting('server_version_num')::int / 10000, system_identifier,
       current_setting('archive_mode') = 'on' AND current_setting('archive_command') ~ 'pgbackrest'
  FROM pg_control_system()
SQL
    ) || fail "the database in service $db_service does not answer" "look at its log: compose logs $db_service"
    IFS='|' read -r major system archives <<< "$seen"
    [ "$archives" = t ] || fail "service $db_service does not archive its WAL with pgBackRest" "start it with compose.pgbackrest.yaml beside compose.yaml"
}

take_backup() { # TYPE
    # Creating what is there already changes nothing. The switch wakes the archiver, which may
    # have given up while there was no stanza.
    # shellcheck disable=SC2016
    in_db 'pgbackrest stanza-create && psql --no-psqlrc --quiet --username="$POSTGRES_USER" --dbname=template1 \
        --command="SELECT pg_switch_wal()" > /dev/null && exec pgbackrest backup --type="$1"' backup "$1" < /dev/null >&2 ||
        fail "the backup failed" "look at the messages above"
    say "$1 backup of stack $stack is in the repository"
}

export_repository() {
    local name lsn ended oldest
    name=$(new_name pgbackrest tar)
    set_of "$dir/$name"
    # A commit after the restore point: a target in time ends at the first one after it.
    point=${point:-backup-$(date -u +%Y%m%dT%H%M%SZ)}
    IFS='|' read -r lsn ended <<< "$(query --set=point="$point" << 'SQL'
SELECT pg_create_restore_point(:'point') AS lsn \gset
SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ended \gset
SELECT count(pg_current_xact_id()) \g /dev/null
SELECT :'lsn', :'ended'
SQL
    )"
    [ -n "$ended" ] || fail "cannot create a restore point"
    # Switches the segment, and waits until the last one is archived.
    in_db 'exec pgbackrest check --archive-timeout=120' < /dev/null >&2 || fail "the WAL is not archived" "look at the message above"
    # shellcheck disable=SC2016
    oldest=$(in_db 'pgbackrest repo-get "backup/$PGBACKREST_STANZA/backup.info"' < /dev/null |
        sed -nE '0,/^[0-9]{8}-[0-9]{6}F=/s/^[0-9]{8}-[0-9]{6}F=.*"backup-timestamp-stop":([0-9]+).*/\1/p')
    [ -n "$oldest" ] || fail "the repository has no backup" "take one: backup_pgbackrest.sh --full"
    begin "$name"
    # What is there now, by name: tar would fail at a folder into which the archiver puts more
    # meanwhile. What has its own name is complete, and never changes.
    # shellcheck disable=SC2016
    { in_db 'cd "$PGBACKREST_REPO1_PATH" && list=$(mktemp) && trap "rm -f -- $list" EXIT &&
        find . -not -type d -not -name "*.pgbackrest.tmp" -print0 > "$list" &&
        tar --create --null --no-recursion --files-from="$list" --file=-' < /dev/null > "$unfinished" &&
        sync "$unfinished"; } || fail "cannot copy the repository; nothing is left of the file" "look at the message above, and at the free space of $dir"
    mv -- "$unfinished" "$repository"
    write_info << INFO
$magic
stack: $stack
postgresql: $major
system: $system
ended: $(date -u -d "@$((oldest + 1))" +%Y-%m-%dT%H:%M:%SZ)
until: $lsn $ended
point: $lsn $point
size repository: $(stat --format %s "$repository")
sha256 repository: $(sum_of "$repository")
INFO
    say "$name: repository of stack $stack, until $ended ($point)"
}

find_compose
if [ "$action" = verify ]; then
    verify "$archive"
    describe "$archive"
    exit
fi
open_dir
# Left by a run that was killed before it wrote the .info.
for file in "$dir"/pgbackrest-*Z.tar; do
    set_of "$file"
    [ -e "$info" ] || rm -f -- "$file"
done
find_cluster
case $action in
    prune) prune "$pattern" "$stack"; exit ;;
    full) take_backup full; exit ;;
    incremental) take_backup incr; exit ;;
    export) export_repository ;;
    *) take_backup incr; export_repository ;;
esac
printf '%s\n' "$repository"
if [ "$action" = run ]; then
    taken=${info##*/}
    (verify "$info") || fail "the backup does not verify" "take it again"
    prune "$pattern" "$stack" "$taken"
fi
