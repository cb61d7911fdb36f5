#!/usr/bin/env bash
# Backs up the whole database cluster of a running stack as files, with the WAL after them:
# any moment from the end of the base backup to the end of the WAL can be restored. Needs WAL
# archiving (compose.wal.yaml). Nobody has to stop writing.
#
#   backup_base.sh [--project NAME] [--file FILE] [--dir DIR] [--point NAME]
#
#   --start           take the base backup only; it needs --finish before it can be restored
#   --finish          bring the WAL of the newest base backup up to now: a restore point, and
#                     all segments from its start on. As often as wanted: by cron, every hour
#   --point NAME      what the restore point is called (default: backup-<UTC>)
#   --dir DIR         where backups go (default: BACKUP_DIR, else backups/ beside the compose file)
#   --project NAME    compose project (default: as compose finds it, COMPOSE_PROJECT_NAME)
#   --file FILE       compose file; may be repeated (default: COMPOSE_FILE, else this stack's)
#   --keep-days N     afterwards, delete backups of this stack that are older (default: 30)
#   --verify FILE     unpack a backup in a container, have pg_verifybackup and pg_waldump read
#                     all of it, say what it is, and do nothing else
#   --prune           delete old backups and the WAL before them, and do nothing else
#
#   COMPOSE_COMMAND   such as "docker-compose" (default: what is there)
#   DB_SERVICE        the database's service (default: db)
#   ARCHIVE_TIMEOUT_S how long the last segment may take to be archived (default: 120)
#
# While the base backup is taken, the database's container needs room for it, compressed.
# The newest backup that verifies is never deleted. Of the archive, segments go that are older
# than the oldest base backup in the folder, and of this cluster's lineage. Restore with restore_base.sh, or by hand:
# unpack base-*.tar.zst into an empty PGDATA and base-*.wal.tar.zst elsewhere, set
# restore_command, create recovery.signal, start the server.
#
# Standard output: the path of the base backup. Exit: 0 done, 1 failed, 2 wrong usage.
set -euo pipefail

program=backup_base
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=base_common.sh
source "$here/base_common.sh"

parse --start --finish --point --keep-days --verify --prune -- "$@"
archive_timeout_s=${ARCHIVE_TIMEOUT_S:-120}
[ -z "$point" ] || [[ $point =~ ^[A-Za-z0-9._-]{1,63}$ ]] || misused "--point is \"$point\"; letters, digits, dots and dashes only"

# Sets $stack, $major, $system, $timeline, $lineage, and $archive_dir, which has its WAL.
find_cluster() {
    local seen
    is_running "$db_service" || fail "service $db_service is not running" "start it: compose up -d $db_service"
    stack=$(in_db "$print_stack" < /dev/null)
    seen=$(query << 'SQL'
SELECT current_setting('server_version_num')::int / 10000, s.system_identifier, c.timeline_id,
       current_setting('archive_mode'), coalesce(nullif(current_setting('archive_command'), '(disabled)'), '-') ~ 'archive_wal',
       (SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global'))
  FROM pg_control_system() s, pg_control_checkpoint() c
SQL
    ) || fail "the database in service $db_service does not answer" "look at its log: compose logs $db_service"
    local mode archives tablespaces
    IFS='|' read -r major system timeline mode archives tablespaces <<< "$seen"
    [ "$mode/$archives" = on/t ] ||
        fail "service $db_service does not archive its WAL" "start it with compose.wal.yaml beside compose.yaml"
    [ "$tablespaces" -eq 0 ] || fail "the cluster has tablespaces, which this method does not carry"
    # shellcheck disable=SC2016
    archive_dir=$(in_db 'echo "${WAL_ARCHIVE:-/var/lib/postgresql/wal}/$(cat "$PGDATA/wal_lineage" 2>/dev/null || echo original)"' < /dev/null)
    lineage=${archive_dir##*/}
}

spool=''
# shellcheck disable=SC2016
remove_spool() { [ -z "$spool" ] || in_db 'rm -rf -- "$1"' rm "$spool" < /dev/null || true; }

# Copies a file of the folder in the container to $unfinished.
fetch() { # FILE
    # shellcheck disable=SC2016
    { in_db 'exec cat "$1/set/$2"' cat "$spool" "$1" < /dev/null > "$unfinished" && sync "$unfinished"; } ||
        fail "cannot write to $dir; nothing is left of the backup" "free some space and take it again"
}
trap 'remove_spool; remove_unfinished' EXIT

# Leaves the base backup in the folder, without its WAL.
take_base() {
    local began ended name start bytes
    name=$(new_name base tar.zst)
    set_of "$dir/$name"
    began=$(now)
    spool=$(in_db 'mktemp -d /tmp/base.XXXXXX' < /dev/null)
    # Compressed by the server: what travels is small. The server also verifies the checksum
    # of each page that it sends.
    # shellcheck disable=SC2016
    in_db 'exec pg_basebackup --pgdata="$1/set" --format=tar --compress=server-zstd:3 --checkpoint=fast \
        --wal-method=none --manifest-checksums=SHA256 --no-sync --label="$2" --username="$POSTGRES_USER" 2>&1' \
        pg_basebackup "$spool" "${name%.tar.zst}" < /dev/null | { grep -v 'NOTICE\|archived' || true; } >&2 ||
        fail "the base backup failed; nothing is left of it" "look at the messages above, and at the free space of the container"
    ended=$(now)
    begin "${base##*/}"
    fetch base.tar.zst
    begin "${manifest##*/}"
    fetch backup_manifest
    # What arrived is what was sent, to the byte.
    local there here_too
    # shellcheck disable=SC2016
    there=$(in_db 'cd "$1/set" && sha256sum base.tar.zst backup_manifest | cut -d " " -f 1' sha256sum "$spool" < /dev/null)
    here_too=$(sha256sum "$dir/.unfinished-${base##*/}" "$dir/.unfinished-${manifest##*/}" | cut -d ' ' -f 1)
    [ "$there" = "$here_too" ] || fail "the base backup was damaged on its way; nothing is left of it" "take it again"
    start=$(sed -n 's/.*"Start-LSN": "\([^"]*\)".*/\1/p' "$unfinished")
    bytes=$(grep -o '"Size": [0-9]*' "$unfinished" | awk '{ sum += $2 } END { printf "%d", sum }')
    [[ -n $start && $bytes -gt 0 ]] || fail "the base backup has no manifest that can be read"
    mv -- "$dir/.unfinished-${base##*/}" "$base"
    mv -- "$dir/.unfinished-${manifest##*/}" "$manifest"
    write_info << INFO
$magic
stack: $stack
postgresql: $major
system: $system
timeline: $timeline
lineage: $lineage
began: $began
ended: $ended
start: $start
bytes: $bytes
size base: $(stat --format %s "$base")
sha256 base: $(head -n 1 <<< "$there")
size manifest: $(stat --format %s "$manifest")
sha256 manifest: $(tail -n 1 <<< "$there")
INFO
    remove_spool
    spool=''
    say "${base##*/}: base backup of stack $stack, $(field 'size base') bytes"
}

# Whether a set may be of this cluster and its lineage: older ones do not say which that was.
is_of_lineage() {
    [ "$(field stack)/$(field system)" = "$stack/$system" ] &&
        case $(field lineage) in '' | "$lineage") ;; *) return 1 ;; esac
}

# Deletes the segments of this lineage that are older than every base backup that is kept. The
# oldest of these counts, although it has the WAL that it needs itself.
prune_wal() {
    local name starts='' oldest before after
    while read -r name; do
        set_of "$dir/$name"
        if ! (verify_info); then
            say "no WAL is deleted: nobody knows where that base backup starts"
            return 1
        fi
        ! is_of_lineage || starts+="$(field start) "
    done < <(find "$dir" -maxdepth 1 -type f -printf '%f\n' | grep -E "$pattern")
    [ -n "$starts" ] || return 0
    oldest=$(query --set=starts="${starts% }" <<< "SELECT pg_walfile_name(min(lsn::pg_lsn)) FROM unnest(string_to_array(:'starts', ' ')) AS lsn") ||
        fail "cannot tell which WAL is old"
    # shellcheck disable=SC2016
    before=$(in_db 'ls "$1" | wc -l' ls "$archive_dir" < /dev/null)
    # shellcheck disable=SC2016
    in_db 'exec pg_archivecleanup "$1" "$2"' pg_archivecleanup "$archive_dir" "$oldest" < /dev/null >&2 ||
        fail "cannot delete old WAL" "look at the message above"
    # shellcheck disable=SC2016
    after=$(in_db 'ls "$1" | wc -l' ls "$archive_dir" < /dev/null)
    [ "$before" -eq "$after" ] || say "deleted $((before - after)) WAL segments older than $oldest, from which the oldest base backup starts"
}

# The newest set of this cluster.
newest() {
    local name
    while read -r name; do
        set_of "$dir/$name"
        is_of_lineage && [ "$(field timeline)" = "$timeline" ] && return
    done < <(find "$dir" -maxdepth 1 -type f -printf '%f\n' | grep -E "$pattern" | sort -r)
    fail "$dir has no base backup of this cluster and its timeline $timeline" "take one: backup_base.sh"
}

# Brings the WAL of the set up to now.
collect_wal() {
    local seen lsn ended segments waited=0 last points size sum
    # A commit after the restore point: a target in time ends at the first one after it. The
    # switch has the last segment archived.
    seen=$(query --set=start="$(field start)" --set=point="${point:-backup-$(date -u +%Y%m%dT%H%M%SZ)}" << 'SQL'
SELECT pg_create_restore_point(:'point') AS lsn \gset
SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ended \gset
SELECT count(pg_current_xact_id()) \g /dev/null
SELECT pg_switch_wal() AS switched \gset
SELECT :'lsn', :'ended', string_agg(pg_walfile_name('0/0'::pg_lsn + n * size + 1), ' ' ORDER BY n)
  FROM (SELECT setting::numeric AS size FROM pg_settings WHERE name = 'wal_segment_size') w,
       generate_series(div(:'start'::pg_lsn - '0/0', size), div(:'switched'::pg_lsn - '0/0' - 1, size)) n
SQL
    ) || fail "cannot create a restore point"
    IFS='|' read -r lsn ended segments <<< "$seen"
    last=${segments##* }
    # shellcheck disable=SC2016
    until in_db 'test -e "$1"' test "$archive_dir/$last" < /dev/null; do
        waited=$((waited + 1))
        [ "$waited" -lt "$archive_timeout_s" ] || fail "WAL segment $last is not archived after $archive_timeout_s s" \
            "look at the server's log: $(query <<< "SELECT 'last failure: ' || coalesce(last_failed_wal || ' at ' || last_failed_time, 'none') FROM pg_stat_archiver")"
        sleep 1
    done
    begin "${wal##*/}"
    # shellcheck disable=SC2016,SC2086
    { in_db 'cd "$0" || exit
        for segment; do [ -s "$segment" ] || { echo "backup_base: WAL segment $segment is missing in the archive" >&2; exit 1; }; done
        exec tar --create --use-compress-program="zstd -3 --threads=0" --file=- $(ls | grep "\.history$") "$@"' \
        "$archive_dir" $segments < /dev/null > "$unfinished" && sync "$unfinished"; } ||
        fail "cannot collect the WAL; the backup reaches as far as before" "look at the message above; if a segment is lost, only a new base backup helps"
    # pg_waldump reads every record: a gap or a damaged one is found now.
    # shellcheck disable=SC2016
    points=$(in_db 'pg_waldump --path="$1" --timeline="$2" --start="$3" --end="$4" --rmgr=XLOG' pg_waldump \
        "$archive_dir" "$timeline" "$(field start)" "$lsn" < /dev/null) || fail "the archived WAL cannot be read to its end" "take a new base backup"
    points=$(sed -n 's/.* lsn: \([0-9A-F/]*\), .* desc: RESTORE_POINT \([A-Za-z0-9._-]*\)$/point: \1 \2/p' <<< "$points")
    size=$(stat --format %s "$unfinished")
    sum=$(sum_of "$unfinished")
    mv -- "$unfinished" "$wal"
    {
        sed '/^segments: /,$d; /^# sha256/d' "$info"
        printf '%s\n' "segments: $segments" "until: $lsn $ended" "size wal: $size" "sha256 wal: $sum"
        [ -z "$points" ] || printf '%s\n' "$points"
    } | write_info
    say "${base##*/}: WAL of $(wc -w <<< "$segments") segments, until $ended ($(tail -n 1 <<< "$points" | cut -d ' ' -f 3))"
}

find_compose
if [ "$action" = verify ]; then
    verify "$archive"
    describe "$archive"
    exit
fi
open_dir
# Left by a run that was killed before it wrote the .info.
for file in "$dir"/base-*Z.tar.zst "$dir"/base-*Z.manifest; do
    set_of "$file"
    [ -e "$info" ] || rm -f -- "$file"
done
find_cluster
case $action in
    prune) prune "$pattern" "$stack"; prune_wal; exit ;;
    finish) newest; collect_wal ;;
    start) take_base ;;
    *) take_base; collect_wal ;;
esac
printf '%s\n' "$base"
if [ "$action" = run ]; then
    set_of "$base"
    taken=${info##*/}
    (verify "$info") || fail "the backup does not verify" "take it again"
    prune "$pattern" "$stack" "$taken"
    prune_wal
fi
