#!/usr/bin/env bash
# Variables come from, and go to, the scripts that source this.
# shellcheck disable=SC2034,SC2154
#
# The base backup as a set of files: what is in it, when it is good. Sourced by backup_base.sh
# and restore_base.sh, after backup_common.sh.
#
# base-<UTC>.tar.zst       the cluster's files, as pg_basebackup writes them
# base-<UTC>.manifest      its backup manifest, for pg_verifybackup
# base-<UTC>.wal.tar.zst   the WAL from its start on; written anew by each --finish
# base-<UTC>.info          written last: where it is from, what it reaches, checksums of the rest

magic='base backup of a compose stack, format 1'
sealed='# sha256 of the lines above: '
pattern='^base-[0-9]{8}T[0-9]{6}Z\.info$'

# SQL on standard input, in the maintenance database; arguments are psql's.
# shellcheck disable=SC2120
query() {
    # Variables of the container.
    # shellcheck disable=SC2016
    in_db 'exec psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 \
        --username="$POSTGRES_USER" --dbname=template1 "$@"' psql "$@"
}

# A new container of the database's service, with its volumes; the server need not run. What
# runs in it is a function of inside_db.sh. Variables, as NAME=VALUE, come first.
beside_db() { # [NAME=VALUE…] FUNCTION
    local variables=(-e "PROFILE=${RESTORE_PROFILE:-production}")
    while [[ $1 == *=* ]]; do variables+=(-e "$1"); shift; done
    compose run --rm --no-deps -T --user "${DB_SYSTEM_USER:-postgres}" "${variables[@]}" --entrypoint bash \
        "$db_service" -c "$(cat "$here/inside_db.sh")" inside_db "$@"
}

# The server's clock.
# shellcheck disable=SC2119
now() { query <<< "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"; }

# --- The set --------------------------------------------------------------------

# set_of FILE: names the files of the set that FILE is of.
set_of() {
    local stem=${1%.info}
    stem=${stem%.manifest}
    stem=${stem%.zst}
    stem=${stem%.tar}
    stem=${stem%.wal}
    info=$stem.info base=$stem.tar.zst manifest=$stem.manifest wal=$stem.wal.tar.zst
}

field() { sed -n "s/^$1: //p" "$info"; } # NAME

stack_in() { set_of "$1"; field stack; }

discard() { # FILE
    set_of "$1"
    # The .info first: without it the rest is nothing.
    rm -f -- "$info" "$base" "$manifest" "$wal"
}

# Writes standard input as the set's .info, with its own checksum.
write_info() {
    local text
    text=$(cat)
    begin "${info##*/}"
    { printf '%s\n%s%s\n' "$text" "$sealed" "$(sha256 <<< "$text")" > "$unfinished" && sync "$unfinished"; } ||
        fail "cannot write to $dir" "free some space"
    mv -- "$unfinished" "$info"
    sync "$dir"
}

sum_of() { sha256 < "$1"; } # FILE

verify_info() {
    case ${archive:-} in *.age | *.asc | *.enc | *.gpg) require_plain "$archive" ;; esac
    [ -f "$info" ] || fail "$info does not exist" "a base backup is complete when it has this file; copy the whole set"
    [ "$(head -n 1 "$info")" = "$magic" ] || fail "$info is not of the backup that this restores"
    [ "$(tail -n 1 "$info")" = "$sealed$(head -n -1 "$info" | sha256)" ] ||
        fail "$info is damaged: its checksum is not that of its lines" "copy it again from where the backup was taken"
}

# What is read when it is restored is held against that one.
require_digest() { # FIELD
    [[ $(field "$1") =~ ^[0-9a-f]{64}$ ]] || fail "$info has no checksum: \"$1\" is none" "copy it again from where the backup was taken"
}

# Sizes and the checksums of the small files, in no time: the rest is read when it is restored,
# before the server starts on it.
verify_set() {
    local part file
    verify_info
    require_digest 'sha256 base'
    [ -n "$(field segments)" ] || fail "$base has no WAL yet, without which it cannot be restored" "complete it: backup_base.sh --finish"
    for part in base manifest wal; do
        file=${!part}
        [ -f "$file" ] || fail "$file does not exist" "copy the whole set from where the backup was taken"
        require_plain "$file"
        [ "$(stat --format %s "$file")" = "$(field "size $part")" ] ||
            fail "$file is damaged: it is $(stat --format %s "$file") bytes, $(field "size $part") were written" "copy it again from where the backup was taken"
        [ "$part" = base ] || [ "$(sum_of "$file")" = "$(field "sha256 $part")" ] ||
            fail "$file is damaged: its checksum is not the one in $info" "copy it again from where the backup was taken"
    done
}

# Everything: every file of the cluster against the manifest (pg_verifybackup), and every record
# of WAL from the start of the backup to its end (pg_waldump), in a container without network.
verify() { # FILE
    set_of "$1"
    verify_set
    [ "$(sum_of "$base")" = "$(field 'sha256 base')" ] ||
        fail "$base is damaged: its checksum is not the one in $info" "copy it again from where the backup was taken"
    local said
    said=$(cat "$manifest" "$wal" "$base" | beside_db "MANIFEST_BYTES=$(field 'size manifest')" "WAL_BYTES=$(field 'size wal')" \
        "SEGMENTS=$(field segments)" "START=$(field start)" "UNTIL=$(field until | cut -d ' ' -f 1)" verify_set) || said=''
    # Not every compose passes exit codes on.
    [ "$said" = verified ] ||
        fail "$base cannot be restored" "look at the message above; use another backup"
}

describe() { # FILE
    set_of "$1"
    echo "verified: stack $(field stack), PostgreSQL $(field postgresql), taken $(field ended), restores any moment until $(field until | cut -d ' ' -f 2)," \
        "$(($(field 'size base') + $(field 'size wal'))) bytes"
}
