#!/usr/bin/env bash
# Restores a database that backup_db.sh backed up: roles, database, large objects, owners,
# grants. Stops the application meanwhile and starts it again. If anything fails, the state
# before comes back.
#
# ⚠️ What is in the database now is replaced.
#
#   restore_db.sh [--project NAME] [--file FILE] [--dir DIR] [--replace] FILE
#
#   --replace            the database holds tables: replace them. Without it, only an empty
#                        database is restored into
#   --no-safety-backup   do not back up the present state first (of an empty database none
#                        is taken)
#   --yes                do not ask for confirmation
#   --from-stack NAME    accept a backup of another stack, by name
#   --verify FILE        read a backup in full, say what it is, and do nothing else
#   --recover            after a restore that was killed: bring back the state before it
#   --dir DIR            where the safety backup goes (default: BACKUP_DIR, else backups/
#                        beside the compose file)
#   --project NAME, --file FILE, COMPOSE_COMMAND, DB_SERVICE   as for backup_db.sh
#
#   APP_SERVICES         what is stopped (default: "backend celery celery-beat")
#
# Refused before anything is changed: a backup that is truncated or damaged, of another
# PostgreSQL major version or of another stack, or larger than the room there is. Roles that the
# backup does not know stay, but for those that the restore before created, when its safety
# backup is restored.
#
# Exit: 0 restored, 1 failed or refused, 2 wrong usage.
set -euo pipefail

program=restore_db
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=database_common.sh
source "$here/database_common.sh"

parse FILE --replace --no-safety-backup --yes --from-stack --verify --recover -- "$@"
[ "$action" = recover ] || [ -n "$archive" ] || misused "no file to restore"

ready_timeout_s=120

start_database() {
    is_running "$db_service" || compose up -d --no-deps "$db_service" < /dev/null >&2
    local waited=0
    # Over TCP: only the final server listens there.
    # shellcheck disable=SC2016
    until in_db 'exec pg_isready --quiet --host=127.0.0.1' < /dev/null > /dev/null 2>&1; do
        waited=$((waited + 1))
        [ "$waited" -lt "$ready_timeout_s" ] || fail "service $db_service is not ready after $ready_timeout_s s" \
            "look at its log: compose logs $db_service"
        sleep 1
    done
}

require_alone() {
    [ "$others" -eq 0 ] || fail "another restore is at work on this database" "wait for it"
}

# Both states are there for a while. The restored one takes what its SQL does, at least, with
# the WAL of that, and has a catalogue of its own.
require_room() {
    local needs free
    needs=$(($(decompress "$archive" | wc -c) * 2 + 10485760))
    # shellcheck disable=SC2016
    free=$(in_db 'df --output=avail --block-size=1 "${PGDATA:-/var/lib/postgresql/data}" | tail -n 1' < /dev/null) ||
        fail "cannot tell how much room the database's volume has"
    [ "${free//[^0-9]/}" -gt "$needs" ] ||
        fail "the database's volume has ${free//[^0-9]/} bytes left, the backup needs at least $needs" "free some space"
}

tables_now() {
    ask << 'SQL'
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind IN ('r', 'p', 'm') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
SQL
}

# Ends every session in the databases, and renames or drops them. Statements on standard
# input; :old is where the present state is kept meanwhile.
rearrange() {
    local statements
    statements=$(cat)
    maintain << SQL
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN (:'db', :'old') \\g /dev/null
$statements
SQL
}

set_aside() { rearrange <<< 'ALTER DATABASE :"db" RENAME TO :"old";'; }
drop_replaced() { maintain <<< 'DROP DATABASE IF EXISTS :"replaced" WITH (FORCE);'; }

bring_back() {
    rearrange << 'SQL'
SELECT count(*) = 1 AS found FROM pg_database WHERE datname = :'old' \gset
\if :found
DROP DATABASE IF EXISTS :"db";
ALTER DATABASE :"old" RENAME TO :"db";
\endif
SQL
}

# Roles that the cluster does not have are created first, bare: the database's owners and
# grants need them. Everything else about them is set when the database is complete.
create_roles() {
    local existing
    existing=$(maintain <<< "SELECT 'CREATE ROLE ' || quote_ident(rolname) || ';' FROM pg_roles")
    created=$(roles_in "$archive" | grep -E '^CREATE ROLE .*;$' | grep -vxF "$existing" || true)
    # Noted first: whoever is killed from here on leaves them to --recover.
    printf '%s\n' "-- $taken" "$created" > "$(note_of_roles)"
    sync "$(note_of_roles)"
    [ -z "$created" ] || maintain <<< "$created"
}

# Where this stack's restore notes the roles that it creates.
note_of_roles() { printf '%s/.created-roles-%s' "$dir" "$(printf %s "$stack" | sha256sum | head -c 16)"; }

has_roles() { grep -qs '^CREATE ROLE ' "$1"; } # NOTE

drop_created_roles() { # NOTE
    if has_roles "$1"; then
        sed -n 's/^CREATE ROLE /DROP ROLE IF EXISTS /p' "$1" | maintain || say "some roles that the restore created are left"
    fi
    rm -f -- "$1"
}

# Once the restore is decided, the note goes to the safety backup that it names: who restores
# that one later wants the roles gone again.
hand_over_note() {
    local note safe
    note=$(note_of_roles)
    safe=$(sed -n '1s/^-- //p' "$note" 2> /dev/null || true)
    if [ -n "$safe" ] && has_roles "$note"; then mv -- "$note" "$dir/.created-roles-of-$safe"; else rm -f -- "$note"; fi
}

# Decides: one transaction makes the roles those of the backup, and gives up the database that
# was live. A restore that is killed before it goes back, and after it is complete. A role that
# is there already must not keep a setting that the backup does not know.
decide() {
    {
        echo 'BEGIN;'
        roles_in "$archive" | sed -E 's/^CREATE ROLE (.*);$/ALTER ROLE \1 RESET ALL;/'
        echo 'ALTER DATABASE :"old" RENAME TO :"replaced";'
        echo 'COMMIT;'
    } | rearrange > /dev/null
}

restore_database() {
    local said finished='restored to the end'
    said=$({ database_in "$archive"; printf "%s\\n" "\\echo $finished"; } | maintain) || return
    # The last line that psql said, and not its exit code: not every compose passes that on.
    [ "${said##*$'\n'}" = "$finished" ]
}

created='' taken=''
restoring=''
undo() {
    local code=$?
    trap - EXIT
    if [ -n "$restoring" ]; then
        say "the restore failed; bringing back the state before it"
        if bring_back && drop_created_roles "$(note_of_roles)"; then
            start_application || true
            say "the state before is back"
        else
            say "⚠️  the state before could not be brought back"
            printf 'hint: %s\n' "look at the messages above, then: restore_db.sh --recover" >&2
        fi
    elif [ "$code" -ne 0 ] && [ ${#stopped[@]} -gt 0 ]; then
        start_application || true
    fi
    remove_unfinished
    exit "$code"
}
trap undo EXIT

# The restored role has the password of the backup; the application brings that of .env.
require_sign_in() {
    # shellcheck disable=SC2016
    in_db 'PGPASSWORD=$POSTGRES_PASSWORD exec psql --no-psqlrc --host=127.0.0.1 --username="$POSTGRES_USER" \
        --dbname="${POSTGRES_DB:-$POSTGRES_USER}" --command="SELECT 1"' < /dev/null > /dev/null || {
        stopped=()
        fail "restored, but the application cannot sign in: the backup has another password than POSTGRES_PASSWORD" \
            "put the password of that time into .env, or give the role the new one with ALTER ROLE; then start the application"
    }
}

main() {
    verify "$archive"
    archive=$(readlink -f "$archive")
    open_dir
    find_compose
    start_database
    find_database
    require_alone
    local from
    from=$(header_of "$archive" postgresql)
    [ "$from" = "$major" ] || fail "$archive is of PostgreSQL $from, this stack runs $major" \
        "restore it into a stack that runs $from, and upgrade from there"
    require_origin "$archive" "$(header_of "$archive" stack)" "$stack"
    require_no_interrupted_restore
    # Of a restore that was complete when it was killed.
    [ "$decided" -eq 0 ] || drop_replaced
    require_room

    local tables=0
    [ "$present" -eq 1 ] || fail "the database does not exist" "create it: compose exec $db_service createdb NAME"
    tables=$(tables_now)
    if [ "$tables" -gt 0 ]; then
        [ -n "$replace" ] || fail "the database is not empty: it has $tables tables" "to replace them: --replace"
        confirm "The database of stack \"$stack\" ($tables tables) will be replaced by $archive ($(describe "$archive"))."
    fi
    stop_application
    if [ "$tables" -gt 0 ] && [ -n "$safety" ]; then
        take_backup safety-db
        say "the present state is kept in $dir/$taken"
    fi

    restoring=1
    create_roles
    set_aside
    restore_database || fail "cannot restore $archive"
    decide
    restoring=''
    hand_over_note
    drop_created_roles "${archive%/*}/.created-roles-of-${archive##*/}"
    drop_replaced
    require_sign_in
    start_application
    say "restored $archive: $(tables_now) tables"
}

recover() {
    open_dir
    find_compose
    start_database
    find_database
    require_alone
    if [ "$interrupted" -gt 0 ]; then
        confirm "What the interrupted restore left will be dropped, and the state before it brought back."
        stop_application
        bring_back
        drop_created_roles "$(note_of_roles)"
        start_application
        say "the state before the interrupted restore is back"
    elif [ "$decided" -gt 0 ]; then
        hand_over_note
        drop_replaced
        say "the interrupted restore was complete; what it had replaced is dropped now"
    elif has_roles "$(note_of_roles)"; then
        drop_created_roles "$(note_of_roles)"
        say "the interrupted restore had changed nothing yet; the roles that it created are dropped"
    else
        say "no restore was interrupted, nothing to do"
    fi
}

case $action in
    verify) verify "$archive"; describe "$archive" ;;
    recover) recover ;;
    *) main ;;
esac
