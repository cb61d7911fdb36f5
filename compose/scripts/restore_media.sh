#!/usr/bin/env bash
# Restores media that backup_media.sh backed up, with owners, modes, dates and links: all of
# them, or none. Stops the application meanwhile and starts it again. If anything fails, the
# state before comes back.
#
# ⚠️ What is in the media store now is replaced.
#
#   restore_media.sh [--project NAME] [--file FILE] [--dir DIR] [--replace] FILE
#
#   --replace            the store is not empty: replace all of it. Without it, only an
#                        empty store is restored into
#   --no-safety-backup   do not back up the present state first (of an empty store none is
#                        taken)
#   --yes                do not ask for confirmation
#   --from-stack NAME    accept a backup of another stack, by name
#   --verify FILE        read a backup in full, say what it is, and do nothing else
#   --recover            after a restore that was killed: bring back the state before it
#   --dir DIR            where the safety backup goes (default: BACKUP_DIR, else backups/
#                        beside the compose file)
#   --project NAME, --file FILE, COMPOSE_COMMAND, MEDIA_SERVICE, MEDIA_PATH   as for
#                        backup_media.sh
#
#   APP_SERVICES         what is stopped (default: "backend celery celery-beat")
#
# The backup is unpacked beside the live files, in the same volume, and takes their place by
# renaming: there must be room for both. Refused before anything is changed: a backup that is
# truncated or damaged, of another stack, larger than the room there is, or with names or links
# that leave the store.
#
# Exit: 0 restored, 1 failed or refused, 2 wrong usage.
set -euo pipefail

program=restore_media
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=media_common.sh
source "$here/media_common.sh"

parse FILE --replace --no-safety-backup --yes --from-stack --verify --recover -- "$@"
[ "$action" = recover ] || [ -n "$archive" ] || misused "no file to restore"

# In a container of its own: what is unpacked takes the place of the store, or nothing changes.
# Says in a word what came of it; not every compose passes exit codes on.
place() { # restore|recover [ARGUMENT…]
    # shellcheck disable=SC2016
    beside 'cd /opt/korrigo/app && exec python3 -m grading.backups.place "$@"' place "$1" "$media_path" "${@:2}"
}

bring_back() {
    case $(place recover < /dev/null) in
        back) say "the state before the interrupted restore is back" ;;
        complete) say "the interrupted restore was complete" ;;
        nothing) say "the state before is back" ;;
        *) return 1 ;;
    esac
}

restoring=''
undo() {
    local code=$?
    trap - EXIT
    remove_unfinished
    if [ -n "$restoring" ]; then
        say "the restore failed; bringing back the state before it"
        if ! bring_back; then
            say "⚠️  the state before could not be brought back; ${stopped[*]} stay stopped"
            printf 'hint: %s\n' "look at the messages above, then: restore_media.sh --recover" >&2
            exit "$code"
        fi
    fi
    [ "$code" -eq 0 ] || start_application || true
    exit "$code"
}
trap undo EXIT

# Both states are there for a while; a file takes whole blocks.
require_room() {
    local entries_in content_bytes needs
    read -r entries_in _ _ _ content_bytes _ <<< "$contents"
    needs=$((content_bytes + entries_in * 4096))
    [ "$free" -gt "$needs" ] ||
        fail "the media store has room for $free bytes, the backup needs $needs" "free some space"
}

main() {
    local running
    open_dir
    find_media
    verify_origin "$archive"
    archive=$(readlink -f "$archive")
    require_origin "$archive" "$(stack_in "$archive")" "$stack"
    require_no_interrupted_restore
    if [ "$entries" -gt 0 ]; then
        [ -n "$replace" ] || fail "the store is not empty: it has $entries entries" "to replace them: --replace"
        confirm "The media of stack \"$stack\" ($entries entries) will be replaced by $archive."
    fi
    if [ "$entries" -eq 0 ]; then safety=''; fi
    # Nobody stops, or backs up, for a backup that is refused in the end. Where there is neither to
    # be done, what is unpacked is judged as it comes.
    running=$(running_app)
    if [ -n "$running$safety" ]; then
        verify_contents "$archive"
        require_room
    fi
    stop_application
    if [ -n "$safety" ]; then
        take_backup safety-media
        say "the present state is kept in $dir/$taken"
    fi
    unpack
    start_application
    say "restored $archive: $entries entries"
}

# Sets $entries, how many the store has now.
unpack() {
    local said
    restoring=1
    # The receiver must know where the end is.
    said=$({ decompress "$archive" && echo 'sent to its end'; } | place restore) || true
    case $said in
        'restored '*) restoring='' entries=${said#restored } ;;
        broken) refuse_damaged "$archive" ;;
        refused) refuse_unsafe "$archive" ;;
        *) fail "cannot restore $archive" "look at the messages above and below" ;;
    esac
}

recover() {
    open_dir
    find_media
    if [ "$interrupted" -eq 0 ]; then
        say "no restore was interrupted, nothing to do"
        return
    fi
    confirm "What the interrupted restore left will be dropped, and the state before it brought back."
    stop_application
    bring_back || { stopped=(); fail "the state before could not be brought back" "look at the message above"; }
    start_application
}

find_compose
case $action in
    verify) verify "$archive"; describe "$archive" ;;
    recover) recover ;;
    *) main ;;
esac
