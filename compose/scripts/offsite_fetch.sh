#!/usr/bin/env bash
# Fetches a backup that offsite_push.sh copied to another place, and verifies it.
#
#   offsite_fetch.sh [--dir DIR] [--remote REMOTE] NAME
#   offsite_fetch.sh [--dir DIR] [--remote REMOTE] --latest db|media
#   offsite_fetch.sh [--remote REMOTE] --list
#
#   --dir DIR         where it goes (default: BACKUP_DIR, else backups/ beside the compose file)
#   --remote REMOTE   where it is, as rclone names it (default: OFFSITE_REMOTE)
#   --latest KIND     the newest of a kind: "db" or "media"
#   --list            print the names of all that are complete there, and do nothing else
#
# A file here of the same name is kept if it is the same, and never overwritten. A backup that
# is damaged there is refused, and nothing is left of it.
#
# Standard output: the path of the backup. Exit: 0 here and verified, 1 failed, 2 wrong usage.
set -euo pipefail

program=offsite_fetch
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=offsite_common.sh
source "$here/offsite_common.sh"

parse FILE --remote --latest --list -- "$@"
require_remote

listed=$(list_remote) || fail "cannot list $remote" "look at the message above, and at: rclone config show"
# Complete is what has its checksum.
complete=$(grep '\.sha256$' <<< "$listed" | sed 's/\.sha256$//' | grep -xF -f <(printf '%s\n' "$listed") || true)
if [ "$action" = list ]; then
    [ -z "$complete" ] || printf '%s\n' "$complete"
    exit
fi
if [ -n "$latest" ]; then
    [[ $latest =~ ^[a-z]+$ ]] || misused "--latest is \"$latest\"; it must be db or media"
    archive=$(grep -E "^$latest-[0-9]{8}T[0-9]{6}Z\." <<< "$complete" | sort | tail -n 1 || true)
    [ -n "$archive" ] || fail "no backup of $latest at $remote" "what there is: offsite_fetch.sh --list"
fi
[ -n "$archive" ] || misused "no backup is named"
[[ $archive != */* && $archive != .* ]] || misused "$archive is not a plain name; --list prints those there are"
grep -qxF "$archive" <<< "$complete" || fail "no backup $archive at $remote, or not a complete one" "what there is: offsite_fetch.sh --list"

open_dir
begin "$archive"
rclone copyto "$remote/$archive.sha256" "$unfinished.sha256" || fail "cannot fetch $archive.sha256 from $remote"
sum=$(stated_sum "$unfinished.sha256") || fail "$archive.sha256 at $remote is not a checksum" "fetch another backup"
if [ -e "$dir/$archive" ]; then
    [ "$(sha256 < "$dir/$archive")" = "$sum" ] ||
        fail "$dir/$archive is there already, with other content; it is left as it is" "move it away, or choose another --dir"
    [ -e "$dir/$archive.sha256" ] || mv -- "$unfinished.sha256" "$dir/$archive.sha256"
    say "$archive is here already"
else
    rclone copyto "$remote/$archive" "$unfinished" || fail "cannot fetch $archive from $remote"
    [ "$(sha256 < "$unfinished")" = "$sum" ] ||
        fail "$archive is damaged at $remote: its checksum is not the one in $archive.sha256; nothing is left of it here" \
            "fetch another backup: offsite_fetch.sh --list"
    sync "$unfinished"
    mv -- "$unfinished.sha256" "$dir/$archive.sha256"
    mv -- "$unfinished" "$dir/$archive"
    sync "$dir"
    say "$archive: fetched and verified"
fi
printf '%s\n' "$dir/$archive"
