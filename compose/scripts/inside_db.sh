#!/usr/bin/env bash
# Runs in a new container of the database's service, beside its volumes and as its user, with
# the server stopped: what restore_base.sh and others do to PGDATA. They hand it over as text,
# with the name of a function. Says on standard output what it found, on standard error why not.
set -euo pipefail

work=$(mktemp -d)
# The state before: while it is moved there, and once all of it is there.
moving=$PGDATA/.moving-aside aside=$PGDATA/.before-restore former=$PGDATA/.former
# What is unpacked waits there until it is whole: from the same volume it is moved, not copied.
incoming=$PGDATA/.incoming
server=''

refuse() {
    echo "inside_db: $1" >&2
    exit 1
}

everything_else() { # FIND'S ACTION…
    find "$PGDATA" -mindepth 1 -maxdepth 1 -not -name lost+found -not -name "${moving##*/}" \
        -not -name "${aside##*/}" -not -name "${former##*/}" -not -name "${incoming##*/}" "$@"
}

# --- The state before -------------------------------------------------------------

# Prints: major version of the image, files in the volume, free bytes, whether a restore was
# interrupted (1, or 2 if what it restored was complete), and on the next line which stack this is.
look() {
    local major entries free interrupted=0 stack=${STACK_NAME:-${DJANGO_ALLOWED_HOSTS:-$POSTGRES_DB}}
    [[ $(postgres --version) =~ [0-9]+ ]] && major=${BASH_REMATCH[0]}
    entries=$(everything_else -printf .)
    free=$(df --output=avail --block-size=1 "$PGDATA")
    [ ! -e "$former" ] || interrupted=2
    if [ -e "$moving" ] || [ -e "$aside" ] || [ -e "$incoming" ]; then interrupted=1; fi
    echo "$major ${#entries} $((${free##*$'\n'})) $interrupted"
    # As print_stack of backup_common.sh.
    stack=${stack//[[:space:]]/}
    echo "${stack//,/+}"
}

# Whether a backup of FROM_MAJOR that needs BYTES, and is of STACK (if given), can go here.
require_fit() {
    local major entries free interrupted stack
    { read -r major entries free interrupted && read -r stack; } < <(look)
    [ "$major" = "$FROM_MAJOR" ] || refuse "the backup is of PostgreSQL $FROM_MAJOR, this stack runs $major"
    [ -z "$STACK" ] || [ "$STACK" = "$stack" ] ||
        refuse "the backup is of another stack: it was taken from \"$STACK\", this is \"$stack\"; --from-stack accepts it"
    [ "$interrupted" -ne 1 ] || refuse "a restore was interrupted: bring back the state before it with --recover"
    [ "$entries" -eq 0 ] || [ -n "${REPLACE:-}" ] || refuse "the volume is not empty: there is a cluster; --replace replaces it"
    [ "$free" -gt "$BYTES" ] || refuse "the volume has $free bytes left, the backup needs $BYTES"
}

# Also where nothing is: whoever is killed from here on has left a mark.
set_aside() {
    mkdir "$moving"
    everything_else -exec mv --target-directory="$moving" -- {} +
    mv "$moving" "$aside"
}

# Can be killed anywhere and called again.
bring_back() {
    if [ -e "$aside" ]; then
        everything_else -exec rm -rf -- {} +
        mv "$aside" "$moving"
    fi
    if [ -e "$moving" ]; then
        find "$moving" -mindepth 1 -maxdepth 1 -exec mv --target-directory="$PGDATA" -- {} +
        rmdir "$moving"
    fi
    rm -rf -- "$former" "$incoming"
    sync --file-system "$PGDATA"
}

drop_former() {
    # The renaming decides: from here on the restored state is the one that counts.
    [ ! -e "$aside" ] || mv "$aside" "$former"
    rm -rf -- "$former"
}

undo() {
    local code=$?
    trap - EXIT
    [ -z "$server" ] || kill -QUIT "$server" 2> /dev/null || true
    rm -rf -- "$incoming"
    if [ -e "$aside" ] || [ -e "$moving" ]; then
        bring_back
        echo "inside_db: the state before is back" >&2
    fi
    exit "$code"
}

# --- Reading a set ----------------------------------------------------------------

# As in backup_common.sh.
sha256() { sha256sum | cut -d ' ' -f 1; }
of_nothing=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
if [ "$(openssl dgst -sha256 -r < /dev/null 2> /dev/null | cut -d ' ' -f 1)" = "$of_nothing" ]; then
    sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }
fi

# Sets $cluster: a folder for many files at once. ext4 without a journal, for every file that it
# makes, looks through the inodes that were deleted nearby in the last minutes: after a disaster
# that took three quarters of the time. Its hint +T puts the folders in one apart, by their names.
make_apart() { # PARENT
    chattr +T "$1" 2> /dev/null || true
    cluster=$(mktemp -d -p "$1" cluster.XXXXXX)
}

# Reads 64 KiB at a time, as much as a pipe holds, where tar's default is 10 KiB.
unpack() { tar --extract --blocking-factor=128 --directory="$1" --file=-; } # FOLDER
unpack_compressed() { zstd --quiet --decompress --stdout | unpack "$1"; }   # FOLDER

# The WAL on standard input: WAL_BYTES of it, and every one of SEGMENTS, into a new folder.
receive_wal() { # FOLDER
    local segment
    mkdir -m 700 "$1"
    head --bytes="$WAL_BYTES" | unpack_compressed "$1" ||
        refuse "the WAL cannot be unpacked"
    for segment in $SEGMENTS; do
        [ -s "$1/$segment" ] || refuse "WAL segment $segment is missing"
    done
}

# Gives standard input, to its end, to COMMAND, which unpacks it; whether it came whole. Of an empty
# SHA256 any will do.
receive() { # SHA256 COMMAND…
    local summing
    mkfifo "$work/copy"
    sha256 < "$work/copy" > "$work/sum" &
    summing=$!
    tee "$work/copy" | "${@:2}" && wait "$summing" && [[ -z $1 || $(< "$work/sum") == "$1" ]]
}

# The base backup on standard input.
receive_base() { # FOLDER [SHA256]
    receive "${2:-}" unpack_compressed "$1" ||
        refuse "the base backup is damaged: it cannot be unpacked, or its checksum is not the one that was written"
}

verify_set() {
    make_apart "$work"
    head --bytes="$MANIFEST_BYTES" > "$work/manifest"
    receive_wal "$work/wal"
    receive_base "$cluster"
    pg_verifybackup --quiet --manifest-path="$work/manifest" --wal-directory="$work/wal" "$cluster"
    pg_waldump --quiet --path="$work/wal" --timeline="$((16#${SEGMENTS:0:8}))" --start="$START" --end="$UNTIL"
    echo verified
}

# --- Recovery ---------------------------------------------------------------------

# Runs a server that nobody can reach until it has replayed the WAL and has gone over to a new
# timeline, and stops it again: what is left is a cluster that was shut down cleanly. Its
# settings are on its command line, so nothing of them stays.
recover_to() { # SETTING…
    local setting seen timeline options=()
    for setting in "$@"; do options+=(-c "$setting"); done
    # Nothing of it stays: these are on the command line too, and all is flushed at the end.
    [ "${PROFILE:-production}" != tuned ] || options+=(-c fsync=off -c full_page_writes=off -c synchronous_commit=off
        -c autovacuum=off -c maintenance_work_mem=512MB -c max_wal_size=16GB -c checkpoint_timeout=1h)
    touch "$PGDATA/recovery.signal"
    # Archiving is left to the service; what is due for it is only marked.
    postgres -D "$PGDATA" -c listen_addresses= -c unix_socket_directories="$work" -c hot_standby=off \
        -c archive_mode=on -c archive_command= -c recovery_init_sync_method=syncfs -c logging_collector=off \
        -c log_destination=stderr -c recovery_target_action=promote "${options[@]}" > "$work/log" 2>&1 &
    server=$!
    until pg_isready --quiet --host="$work"; do
        if ! kill -0 "$server" 2> /dev/null; then
            server=''
            grep -E 'FATAL|PANIC|HINT|DETAIL' "$work/log" >&2 || tail "$work/log" >&2
            refuse "the server did not recover"
        fi
        sleep 0.02
    done
    seen=$(ask_server "SELECT pg_last_wal_replay_lsn() >= '${LEAST:-0/0}', pg_last_wal_replay_lsn()")
    [[ $seen == t* ]] || refuse "the recovery ended too early: at ${seen#*|}, not at $LEAST"
    kill -INT "$server"
    wait "$server" || refuse "the server did not stop cleanly: $(tail -n 1 "$work/log")"
    server=''
    timeline=$(LC_ALL=C pg_controldata "$PGDATA" | sed -n "s/^Latest checkpoint's TimeLineID: *//p")
    reached="timeline $timeline, ${seen#*|}"
}

ask_server() {
    psql --no-psqlrc --quiet --no-align --tuples-only --host="$work" --username="$POSTGRES_USER" --dbname=template1 --command="$1"
}

# What the restored cluster archives goes to a place of its own.
begin_lineage() { printf 'restored-%s-%s' "$(date -u +%Y%m%dT%H%M%SZ)" "$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')" > "$PGDATA/wal_lineage"; }

# --- Restoring a set --------------------------------------------------------------

# Which server is on the cluster, or was until it crashed.
started() { cat "$PGDATA/postmaster.pid" 2> /dev/null || true; }

# Moves what was received to where the server looks for it. The WAL is in an archive already.
move_in() {
    local segment
    # A server that runs keeps what a restore left, and a backup of it has that.
    rm -rf -- "${cluster:?}/${incoming##*/}" "${cluster:?}/${former##*/}"
    for segment in $SEGMENTS; do : > "$cluster/pg_wal/archive_status/$segment.done"; done
    mv --target-directory="$cluster/pg_wal" -- "$incoming"/wal/*
    find "$cluster" -mindepth 1 -maxdepth 1 -exec mv --target-directory="$PGDATA" -- {} +
    rm -r -- "$incoming"
}

# WAL and base backup on standard input. TARGET is a setting, or empty for all there is.
restore_set() {
    require_fit
    # The owner of the files must be able to write here, and nobody else may read.
    chmod 700 "$PGDATA"
    local before
    before=$(started)
    trap undo EXIT
    # From here on the entrypoint refuses to start a server.
    mkdir -m 700 "$incoming"
    make_apart "$incoming"
    receive_wal "$incoming/wal"
    receive_base "$cluster" "$BASE_SHA256"
    [ "$(started)" = "$before" ] || refuse "the database was started meanwhile"
    set_aside
    move_in
    # There is no other WAL than what is in its place.
    local settings=(restore_command=false recovery_target_timeline=latest)
    [ -z "${TARGET:-}" ] || settings+=("$TARGET")
    recover_to "${settings[@]}"
    begin_lineage
    sync --file-system "$PGDATA"
    drop_former
    trap - EXIT
    echo "$reached"
}

# --- pgBackRest -------------------------------------------------------------------

# The repository on standard input, to its end, into an empty folder: all of it or nothing.
receive_repository() { # FOLDER [SHA256]
    local receiving=$1/.receiving
    # Left by one that was killed.
    rm -rf -- "$receiving"
    [ -z "$(find "$1" -mindepth 1 -print -quit)" ] ||
        refuse "the repository's volume is not empty: restore from what is in it, by giving no file"
    mkdir -m 750 "$receiving"
    if ! receive "${2:-}" unpack "$receiving"; then
        rm -rf -- "$receiving"
        refuse "the repository is damaged: it cannot be unpacked, or its checksum is not the one that was written"
    fi
    find "$receiving" -mindepth 1 -maxdepth 1 -exec mv --target-directory="$1" -- {} +
    rmdir "$receiving"
}

verify_repository() {
    local said
    mkdir "$work/repository"
    receive_repository "$work/repository"
    export PGBACKREST_REPO1_PATH=$work/repository
    said=$(pgbackrest verify --verbose --output=text --log-level-console=off) || refuse "pgbackrest verify: $said"
    grep -q '^ *status: ok' <<< "$said" || refuse "pgbackrest verify: $said"
    echo verified
}

lsn_number() { echo $((16#${1%/*} << 32 | 16#${1#*/})); } # LSN

# Sets $set: the newest backup that ended before the target; its size, and the segment in which
# it began.
choose_backup() {
    local label lsn ended first size oldest=''
    set=''
    while read -r label first size lsn ended; do
        oldest=${oldest:-$ended}
        [ -z "${BEFORE_S:-}" ] || [ "$ended" -le "$BEFORE_S" ] || continue
        [ -z "${BEFORE_LSN:-}" ] || [ "$(lsn_number "$lsn")" -le "$(lsn_number "$BEFORE_LSN")" ] || continue
        set=$label set_first=$first set_bytes=$size
    done < <(pgbackrest repo-get "backup/$PGBACKREST_STANZA/backup.info" |
        sed -nE 's/^([0-9]{8}-[0-9]{6}F[^=]*)=.*"backup-archive-start":"([^"]*)".*"backup-info-size":([0-9]+).*"backup-lsn-stop":"([^"]*)".*"backup-timestamp-stop":([0-9]+).*/\1 \2 \3 \4 \5/p')
    [ -n "$oldest" ] || refuse "the repository has no backup"
    [ -n "$set" ] || refuse "the target is before the first backup, which ended at $(date -u -d "@$oldest" +%Y-%m-%dT%H:%M:%SZ)"
}

segment_bytes=16777216

# What is overwritten gives its room back; recovery has a few segments of WAL beside it.
require_room() {
    local free used needs=$((set_bytes + 4 * segment_bytes))
    free=$(($(df --output=avail --block-size=1 "$PGDATA" | tail -n 1)))
    used=$(du --summarize --block-size=1 "$PGDATA" | cut -f 1)
    [ $((free + used)) -gt "$needs" ] || refuse "the volume has $((free + used)) bytes left, the backup needs $needs"
}

# Every segment from the start of the backup to UNTIL, on whichever timeline: a restore that
# misses one has overwritten the cluster by then.
require_segments() {
    local name number last
    local -A have=()
    [ -n "${UNTIL:-}" ] || return 0
    while read -r name; do have[$name]=1; done < <(pgbackrest repo-ls --recurse "archive/$PGBACKREST_STANZA" |
        sed -nE 's|^.*/[0-9A-F]{8}([0-9A-F]{16})-[0-9a-f]{40}.*|\1|p')
    last=$((($(lsn_number "$UNTIL") - 1) / segment_bytes))
    for ((number = 16#${set_first:8:8} * 256 + 16#${set_first:16:8}; number <= last; number++)); do
        printf -v name '%08X%08X' $((number / 256)) $((number % 256))
        [ -n "${have[$name]:-}" ] || refuse "WAL segment ${set_first:0:8}$name is missing"
    done
}

# A file that is refused leaves the repository's volume as empty as it was.
drop_received() {
    local code=$?
    [ "$code" -eq 0 ] || find "$PGBACKREST_REPO1_PATH" -mindepth 1 -delete
    exit "$code"
}

# With SHA256, the repository comes on standard input; without, it is the one in its volume.
restore_repository() {
    local options=(--type=none) settings=('restore_command=pgbackrest archive-get %f "%p"' recovery_target_timeline=latest)
    if [ -n "${SHA256:-}" ]; then
        receive_repository "$PGBACKREST_REPO1_PATH" "$SHA256"
        trap drop_received EXIT
    fi
    choose_backup
    require_segments
    require_room
    chmod 700 "$PGDATA"
    if [ -n "$(everything_else -print -quit)" ]; then
        [ -n "${REPLACE:-}" ] || refuse "the volume is not empty: there is a cluster; --replace overwrites it"
        # Only files that differ are restored, whatever was written to the others.
        options+=(--delta)
        rm -f "$PGDATA/postmaster.pid"
    fi
    trap - EXIT
    pgbackrest restore --set="$set" "${options[@]}" >&2
    [ -z "${TARGET:-}" ] || settings+=("$TARGET")
    recover_to "${settings[@]}"
    begin_lineage
    sync --file-system "$PGDATA"
    echo "$reached, from backup $set"
}

# For as long as this runs: whoever started it may have been killed.
keep_others_away() {
    exec 8< "$PGDATA"
    flock --nonblock 8 || refuse "another restore is at work on this volume; wait for it"
}

case $1 in
    restore_set | restore_repository | bring_back | drop_former) keep_others_away ;;
esac
"$@"
