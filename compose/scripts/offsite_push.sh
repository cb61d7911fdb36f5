#!/usr/bin/env bash
# Copies the backups of a folder to another place: a folder, or anything rclone(1) reaches (S3,
# SFTP, WebDAV …). Verifies each here before, and reads it back from there afterwards.
#
#   offsite_push.sh [--dir DIR] [--remote REMOTE]
#
#   --dir DIR         where the backups are (default: BACKUP_DIR, else backups/ beside the
#                     compose file)
#   --remote REMOTE   where they go, as rclone names it: s3:bucket/folder, /mnt/nas/folder
#                     (default: OFFSITE_REMOTE)
#   --reread          read back those that were there already, too
#
# A backup is a file with its checksum beside it: NAME and NAME.sha256. What is there is never
# overwritten: another file of the same name is refused. Nothing is deleted there; that is for
# the store's own rules. Fetch with offsite_fetch.sh.
#
# Exit: 0 every backup of the folder is there, 1 not all, 2 wrong usage.
set -euo pipefail

program=offsite_push
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=offsite_common.sh
source "$here/offsite_common.sh"

parse --remote --reread -- "$@"
require_remote
open_dir

# Copies one file; refuses to replace another. A list of one: "copyto" knows no --immutable.
put() { # NAME
    rclone copy --checksum --immutable --retries 1 --files-from-raw - "$dir" "$remote/" <<< "$1" ||
        { say "cannot copy $1 to $remote; if another copy was interrupted there, delete its part"; return 1; }
}

push() { # NAME
    local sum there
    sum=$(stated_sum "$dir/$1.sha256") || { say "$1.sha256 is not a checksum; it is not copied"; return 1; }
    if grep -qxF "$1.sha256" <<< "$listed"; then
        there=$(rclone cat "$remote/$1.sha256" | cut -d ' ' -f 1) || { say "cannot read $1.sha256 from $remote"; return 1; }
        if [ "$there" != "$sum" ]; then
            say "$1 is at $remote already, with other content; it is left as it is"
            return 1
        fi
        if grep -qxF "$1" <<< "$listed" && [ -z "$reread" ]; then
            kept=$((kept + 1))
            return 0
        fi
    fi
    [ "$(sha256 < "$dir/$1")" = "$sum" ] || { say "$1 is damaged here: its checksum is not the one in $1.sha256; it is not copied"; return 1; }
    # The checksum last: what has one there was copied to its end.
    put "$1" && reads_back "$1" "$sum" && put "$1.sha256" || return 1
    say "$1: there, and read back"
    pushed=$((pushed + 1))
}

reads_back() { # NAME SUM
    local seen
    seen=$(rclone cat "$remote/$1" | sha256) || { say "cannot read $1 back from $remote"; return 1; }
    [ "$seen" = "$2" ] || { say "$1 is damaged at $remote: what was read back has another checksum"; return 1; }
}

pushed=0 kept=0 failed=0
listed=$(list_remote) || fail "cannot list $remote" "look at the message above, and at: rclone config show"
mapfile -t names < <(find "$dir" -maxdepth 1 -type f -name '*.sha256' -not -name '.*' -printf '%f\n' | sort)
[ ${#names[@]} -gt 0 ] || fail "no backup in $dir: no file there has a checksum beside it" "take one: backup_db.sh, backup_media.sh"
for name in "${names[@]}"; do
    push "${name%.sha256}" || failed=$((failed + 1))
done
say "$pushed copied, $kept there already, $failed failed: $remote"
[ "$failed" -eq 0 ] || fail "$failed of ${#names[@]} backups are not off-site" "look at the messages above"
