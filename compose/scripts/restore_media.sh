#!/usr/bin/env bash
# Restores media that backup_media.sh backed up, with owners, modes, dates and links. Stops
# the application meanwhile and starts it again.
#
# ⚠️ What is in the media store now is deleted.
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
#   --dir DIR            where the safety backup goes (default: BACKUP_DIR, else backups/
#                        beside the compose file)
#   --project NAME, --file FILE, COMPOSE_COMMAND, MEDIA_SERVICE, MEDIA_PATH   as for
#                        backup_media.sh
#
#   APP_SERVICES         what is stopped (default: "backend celery celery-beat")
#
# Refused before anything is changed: a backup that is truncated or damaged, of another
# stack, or with names or links that leave the store. A restore that fails or is killed
# leaves the store in part; restore the safety backup, which it names, with --replace.
#
# Exit: 0 restored, 1 failed or refused, 2 wrong usage.
set -euo pipefail

program=restore_media
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=media_common.sh
source "$here/media_common.sh"

parse FILE --replace --no-safety-backup --yes --from-stack --verify -- "$@"
[ -n "$archive" ] || misused "no file to restore"

safe=''
undo() {
    local code=$?
    trap - EXIT
    remove_unfinished
    if [ "$code" -ne 0 ] && [ ${#stopped[@]} -gt 0 ]; then
        if [ -n "${emptied:-}" ]; then
            say "⚠️  the store is incomplete; ${stopped[*]} stay stopped"
            [ -z "$safe" ] || printf 'hint: %s\n' "go back: restore_media.sh --replace --no-safety-backup $safe" >&2
        else
            start_application || true
        fi
    fi
    exit "$code"
}
trap undo EXIT

find_compose
if [ "$action" = verify ]; then
    verify "$archive"
    describe "$archive"
    exit
fi

open_dir
find_media
verify "$archive"
archive=$(readlink -f "$archive")
require_origin "$archive" "$(stack_in "$archive")" "$stack"

if [ "$entries" -gt 0 ]; then
    [ -n "$replace" ] || fail "the store is not empty: it has $entries entries" "to replace them: --replace"
    confirm "The media of stack \"$stack\" ($entries entries) will be replaced by $archive."
fi
# What is there now goes before the backup comes.
needs=$(sed -n 's/.* files, \([0-9]*\) bytes of content.*/\1/p' <<< "$contents")
# shellcheck disable=SC2016
room=$(beside '{ df --output=avail --block-size=1 "$0" | tail -n 1; du --summarize --block-size=1 "$0" | cut -f 1; } | tr "\n" " "' "$media_path" < /dev/null) ||
    fail "cannot tell how much room the media store has"
read -r free used <<< "$room"
[ "$((free + used))" -gt "$needs" ] ||
    fail "the media store has room for $((free + used)) bytes, the backup needs $needs" "free some space"
stop_application
if [ "$entries" -gt 0 ] && [ -n "$safety" ]; then
    take_backup safety-media
    safe=$dir/$taken
    say "the present state is kept in $safe"
fi

emptied=1
# shellcheck disable=SC2016
decompress "$archive" | beside 'find "$0" -mindepth 1 -not -name lost+found -delete &&
    exec tar --extract --same-owner --same-permissions --numeric-owner --acls --xattrs "--xattrs-include=*" \
        --directory="$0" --file=-' "$media_path" || fail "cannot restore $archive"
find_media
[ "$entries" -gt 0 ] || [ "$contents" = '1 entries, 0 files, 0 bytes of content, ' ] || fail "cannot restore $archive: the store is empty"
emptied=''
start_application
say "restored $archive: $entries entries"
