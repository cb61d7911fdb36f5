#!/usr/bin/env bash
# Restores a base backup that backup_base.sh took, to any moment that its WAL reaches. Stops the
# database and the application meanwhile and starts them again. If anything fails, the state
# before comes back.
#
# ⚠️ With --replace, the whole database cluster that is there now is replaced.
#
#   restore_base.sh [--project NAME] [--file FILE] [--dir DIR] [--replace] [--to latest|TIME|NAME] FILE
#
#   --to latest          the end of its WAL (default)
#   --to TIME            just before the first commit after it: 'TZ="Europe/Paris" 2026-03-01 14:05:00'
#   --to NAME            a named restore point
#   --replace            there is a cluster: replace it. Without it, only an empty volume is
#                        restored into
#   --yes                do not ask for confirmation
#   --from-stack NAME    accept a backup of another stack, by name
#   --verify FILE        read a backup in full, say what it is, and do nothing else
#   --recover            after a restore that was killed: bring back the state before it
#   --project NAME, --file FILE, COMPOSE_COMMAND, DB_SERVICE   as for backup_base.sh
#
#   RESTORE_PROFILE      "tuned": recover without fsync, flush everything at the end (default:
#                        production)
#   APP_SERVICES         what is stopped besides the database (default: "backend celery celery-beat")
#
# The restored cluster goes on under a new timeline, and what it archives goes to a folder of
# its own. The state before is kept in the same volume until the restored one is complete, so
# there must be room for both. After a restore that was killed the database does not start until
# --recover has brought it back. Refused before anything is changed: a backup that is damaged, of
# another PostgreSQL major version or of another stack, or larger than the room there is, a missing
# WAL segment, a target before the end of the base backup or after the end of its WAL.
#
# Exit: 0 restored, 1 failed or refused, 2 wrong usage.
set -euo pipefail

program=restore_base
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=base_common.sh
source "$here/base_common.sh"
# shellcheck source=restore_common.sh
source "$here/restore_common.sh"

parse FILE --to --replace --yes --from-stack --verify --recover -- "$@"
[ "$action" = recover ] || [ -n "$archive" ] || misused "no file to restore"

# The state before stays meanwhile. The WAL goes beside the cluster, and recovery adds some.
needs() { echo $(($(field bytes) + ($(field segments | wc -w) + 4) * 16777216)); }

main() {
    set_of "$archive"
    verify_set
    choose_target
    find_compose
    # Where nothing runs, one container does it all, and looks for itself first.
    if [ -n "$running_now$replace" ]; then
        find_volume
        require_same
        [ "$interrupted" -ne 1 ] || fail "a restore was interrupted: the database may be half restored" "go back to the state before it: restore_base.sh --recover"
        [ "$entries" -eq 0 ] || [ -n "$replace" ] || fail "the volume is not empty: there is a cluster" "to replace it: --replace"
        [ "$free" -gt "$(needs)" ] || fail "the volume has $free bytes left, the backup needs $(needs)" "free some space"
        [ "$entries" -eq 0 ] || confirm "The whole database cluster of stack \"$stack\" will be replaced by $archive."
        stop_all
    fi
    local reached origin
    origin=$(field stack)
    [ "$origin" != "$from_stack" ] || origin=''
    reached=$(cat "$wal" "$base" | beside_db "WAL_BYTES=$(field 'size wal')" "SEGMENTS=$(field segments)" \
        "BASE_SHA256=$(field 'sha256 base')" "TARGET=$setting" "LEAST=$least" "REPLACE=$replace" "FROM_MAJOR=$(field postgresql)" \
        "STACK=$origin" "BYTES=$(needs)" restore_set) || reached=''
    # Not every compose passes exit codes on.
    [[ $reached == timeline* ]] || {
        come_back
        fail "cannot restore $archive" "look at the message above; what was there before is there again"
    }
    start_all
    say "restored $archive: $reached"
}

case $action in
    verify) find_compose; verify "$archive"; describe "$archive" ;;
    recover) recover ;;
    *) main ;;
esac
