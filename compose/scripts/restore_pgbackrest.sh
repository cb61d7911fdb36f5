#!/usr/bin/env bash
# Restores what backup_pgbackrest.sh backed up, to any moment that its WAL reaches: from a file,
# or from the repository in its volume. Stops the database and the application meanwhile and
# starts them again.
#
# ⚠️ With --replace, the whole database cluster that is there now is overwritten in place: only
# files that differ are restored. There is no --recover: take a backup first
# (backup_pgbackrest.sh --incremental, then --export --point before), and if the restore fails or
# is killed, restore again, or go back with --to before.
#
#   restore_pgbackrest.sh [--project NAME] [--file FILE] [--dir DIR] [--replace] [--to latest|TIME|NAME] [FILE]
#
#   --to latest          the end of its WAL (default)
#   --to TIME            just before the first commit after it: 'TZ="Europe/Paris" 2026-03-01 14:05:00'.
#                        For a dropped database: a time before the last commit before that
#   --to NAME            the restore point of the file; without FILE, of any whose .info is in --dir
#   --replace            there is a cluster: overwrite it. Without it, only an empty volume is
#                        restored into
#   --yes                do not ask for confirmation
#   --from-stack NAME    accept a backup of another stack, by name
#   --verify FILE        read a backup in full, say what it is, and do nothing else
#   --project NAME, --file FILE, COMPOSE_COMMAND, DB_SERVICE   as for backup_pgbackrest.sh
#
#   RESTORE_PROFILE      "tuned": recover without fsync, flush everything at the end (default:
#                        production)
#   APP_SERVICES         what is stopped besides the database (default: "backend celery celery-beat")
#
# FILE needs an empty repository volume, into which it goes; backups go on from there. The
# restored cluster goes on under a new timeline. Refused before the cluster is changed: a file
# that is damaged, of another PostgreSQL major version or of another stack, a missing WAL
# segment, too little room, a target before the first backup or after the end of the WAL.
#
# Exit: 0 restored, 1 failed or refused, 2 wrong usage.
set -euo pipefail

program=restore_pgbackrest
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=base_common.sh
source "$here/base_common.sh"
# shellcheck source=pgbackrest_common.sh
source "$here/pgbackrest_common.sh"
# shellcheck source=restore_common.sh
source "$here/restore_common.sh"

parse FILE --to --replace --yes --from-stack --verify -- "$@"

# The same for the repository in its volume. Of that no file says what it has, but each export of
# it says where its restore point is: the newest backup may be later than that.
choose_in_volume() {
    local at
    least=0/0 setting=''
    if [ "${target:-latest}" = latest ]; then
        return
    elif at=$(micros "$target"); then
        setting=$(date -u -d "$target" '+recovery_target_time=%Y-%m-%d %H:%M:%S.%6N+00')
        before=BEFORE_S=$((at / 1000000))
    else
        local folder=${dir:-$stack_dir/backups}
        least=$(sed -n "s|^point: \([0-9A-F]*/[0-9A-F]*\) $target\$|\1|p" "$folder"/pgbackrest-*.info 2> /dev/null | head -n 1 || true)
        [ -n "$least" ] || fail "nobody knows where the restore point \"$target\" is: no pgbackrest-*.info in $folder has it" \
            "copy it there, name its folder with --dir, or give a time"
        setting=recovery_target_name=$target before=BEFORE_LSN=$least until=$least
    fi
}

main() {
    local before=BEFORE= sha='' until='' reached
    find_compose
    if [ -n "$archive" ]; then
        set_of "$archive"
        verify_set
        choose_target
        case $setting in
            recovery_target_name=*) before=BEFORE_LSN=$least ;;
            recovery_target_time=*) before=BEFORE_S=$(($(micros "$target") / 1000000)) least=0/0 ;;
        esac
        sha=$(field 'sha256 repository')
        until=$(field until)
    else
        choose_in_volume
    fi
    find_volume
    [ -z "$archive" ] || require_same
    if [ "$entries" -gt 0 ]; then
        [ -n "$replace" ] || fail "the volume is not empty: there is a cluster" "to overwrite it: --replace"
        confirm "The whole database cluster of stack \"$stack\" will be overwritten from ${archive:-its repository}."
    elif is_running "$db_service"; then
        fail "service $db_service runs, but its volume is empty" "stop it"
    fi
    stop_all
    reached=$(beside_db "SHA256=$sha" "TARGET=$setting" "LEAST=$least" "$before" "REPLACE=${entries#0}" \
        "UNTIL=${until%% *}" restore_repository \
        < "${repository:-/dev/null}") || reached=''
    # Not every compose passes exit codes on.
    [[ $reached == timeline* ]] || fail "cannot restore ${archive:-from the repository}" \
        "look at the message above; a cluster that is overwritten in part does not start: restore again, or a backup from before"
    start_all
    say "restored ${archive:-from the repository}: $reached"
}

case $action in
    verify) find_compose; verify "$archive"; describe "$archive" ;;
    *) main ;;
esac
