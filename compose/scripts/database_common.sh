#!/usr/bin/env bash
# Variables come from, and go to, the scripts that source this.
# shellcheck disable=SC2034,SC2154
#
# The database backup as a file: how it is taken, what is in it, when it is good. Sourced by
# backup_db.sh and restore_db.sh, after backup_common.sh.
#
# The file is SQL, compressed: a header of comments, the roles (pg_dumpall), the database
# (pg_dump --create), a last line that says that it is complete.

magic='-- database backup of a compose stack, format 1'
complete='-- end of the database backup: complete'
pattern='^(safety-)?db-[0-9]{8}T[0-9]{6}Z\.sql\.(zst|gz)$'
header_lines=6

# SQL on standard input, in the application's database or in another one. :db is the name of
# the application's, :old the one under which a restore keeps the present state, :replaced the
# one under which it waits to be dropped once the restore is decided.
ask() { # [DATABASE]
    # Variables of the container.
    # shellcheck disable=SC2016
    { echo "SELECT left(:'db', 40) || '_before_restore' AS old, left(:'db', 40) || '_given_up' AS replaced \\gset"; cat; } |
        in_db 'exec env PGAPPNAME=restore_db psql --no-psqlrc --quiet --no-align --tuples-only \
            --set=ON_ERROR_STOP=1 --set=db="${POSTGRES_DB:-$POSTGRES_USER}" \
            --username="$POSTGRES_USER" --dbname="${1:-${POSTGRES_DB:-$POSTGRES_USER}}"' psql "$@"
}

# Where the application's database itself comes and goes.
maintain() { ask template1; }

# Sets, once the database answers: $stack, $major; $interrupted, whether a restore was killed
# and left the state before it under another name; $others, the sessions of other restores;
# $present, whether the application's database is there; $decided, whether a restore that was
# killed had been complete.
find_database() {
    local seen
    is_running "$db_service" || fail "service $db_service is not running" "start it: compose up -d $db_service"
    stack=$(in_db "$print_stack" < /dev/null)
    seen=$(maintain << 'SQL'
SELECT current_setting('server_version_num')::int / 10000,
       (SELECT count(*) FROM pg_database WHERE datname = :'old'),
       (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restore_db' AND pid <> pg_backend_pid()),
       (SELECT count(*) FROM pg_database WHERE datname = :'db'),
       (SELECT count(*) FROM pg_database WHERE datname = :'replaced')
SQL
    ) || fail "the database in service $db_service does not answer" "look at its log: compose logs $db_service"
    IFS='|' read -r major interrupted others present decided <<< "$seen"
}

require_no_interrupted_restore() {
    [ "$interrupted" -eq 0 ] ||
        fail "a restore is under way or was interrupted: the database may be half restored" \
            "go back to the state before it: restore_db.sh --recover"
}

# --- Taking it --------------------------------------------------------------------

# take_backup KIND: leaves a verified file in the folder, and its name in $taken.
take_backup() {
    local globals
    taken=$(new_name "$1" "sql.$compressed")
    begin "$taken"
    # Variables of the container, in all that follows.
    # shellcheck disable=SC2016
    globals=$(in_db 'exec pg_dumpall --globals-only --username="$POSTGRES_USER" --database=template1' < /dev/null && echo .) ||
        fail "cannot read the roles"
    globals=${globals%.}
    # Not every compose passes exit codes on.
    grep -qxF -- '-- PostgreSQL database cluster dump complete' <<< "$globals" ||
        fail "the roles were read in part; nothing is left of the backup" "take it again"
    # Tablespaces are folders outside the cluster's, which no dump carries.
    ! grep -q '^CREATE TABLESPACE' <<< "$globals" ||
        fail "the cluster has tablespaces, which this method does not carry" "use a physical backup"
    write_backup "$globals" | compress > "$unfinished" ||
        fail "the backup failed; nothing is left of it" "look at the messages above, and at the free space of $dir"
    keep "$taken"
    say "$taken: $(describe "$dir/$taken")"
}

write_backup() { # GLOBALS
    printf '%s\n' "$magic" "-- stack: $stack" "-- postgresql: $major" "-- taken: $(date -u +%Y-%m-%dT%H:%M:%SZ)" \
        "-- lines of roles: $(printf %s "$1" | grep -c '')" '--' || return
    printf %s "$1" || return
    # shellcheck disable=SC2016
    in_db 'exec pg_dump --create --username="$POSTGRES_USER" --dbname="${POSTGRES_DB:-$POSTGRES_USER}"' < /dev/null || return
    printf '%s\n' "$complete"
}

# --- Reading it -------------------------------------------------------------------

header_of() { # FILE FIELD
    decompress "$1" 2> /dev/null | head -n "$header_lines" | sed -n "s/^-- $2: //p" || true
}

stack_in() { header_of "$1" stack; }

describe() { # FILE
    echo "verified: stack $(header_of "$1" stack), PostgreSQL $(header_of "$1" postgresql), taken $(header_of "$1" taken), $(stat --format %s "$1") bytes"
}

verify() { # FILE
    local first last
    verify_file "$1"
    last=$(decompress "$1" | tail -n 12) || refuse_damaged "$1"
    first=$(decompress "$1" 2> /dev/null | head -n 1 || true)
    [ "$first" = "$magic" ] || fail "$1 is not a backup of backup_db.sh" "media is restored by restore_media.sh"
    if ! grep -qxF -- '-- PostgreSQL database dump complete' <<< "$last" || [ "${last##*$'\n'}" != "$complete" ]; then
        fail "$1 is truncated: it has no end" "use another backup"
    fi
    grep -qxE '[0-9]+' <<< "$(header_of "$1" 'lines of roles')" || fail "$1 is damaged: its header is incomplete" "use another backup"
}

# The roles of a backup, and the database of a backup, as SQL.
roles_in() { # FILE
    local lines
    lines=$(header_of "$1" 'lines of roles')
    # Not "head": the rest must be read, or decompress would fail.
    decompress "$1" | sed -n "$((header_lines + 1)),$((header_lines + lines))p"
}

database_in() { # FILE
    local lines
    lines=$(header_of "$1" 'lines of roles')
    decompress "$1" | tail -n "+$((header_lines + lines + 1))"
}
