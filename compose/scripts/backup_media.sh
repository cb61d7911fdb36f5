#!/usr/bin/env bash
# Backs up the media of a stack into one compressed tar archive: files, folders and links
# with their owners, modes, dates and extended attributes. The stack may run.
#
#   backup_media.sh [--project NAME] [--file FILE] [--dir DIR]
#
#   --dir DIR         where backups go (default: BACKUP_DIR, else backups/ beside the compose file)
#   --project NAME    compose project (default: as compose finds it, COMPOSE_PROJECT_NAME)
#   --file FILE       compose file; may be repeated (default: COMPOSE_FILE, else this stack's)
#   --keep-days N     afterwards, delete backups of this stack that are older (default: 30)
#   --verify FILE     read a backup in full, say what it is, and do nothing else
#   --prune           delete old backups, and do nothing else
#
#   COMPOSE_COMMAND             such as "docker-compose" (default: what is there)
#   MEDIA_SERVICE, MEDIA_PATH   who has the media, and where (default: backend, /srv/media)
#
# Take the database first: what its rows name is then in the media. The newest backup that
# verifies is never deleted, whatever its age. Restore with restore_media.sh, or by hand:
# zstd -dc FILE | tar --extract --same-owner --xattrs --directory FOLDER
#
# Runs as the application's user: a file that belongs to somebody else could not be given
# back, and is refused by name.
#
# Standard output: the path of the new backup. Exit: 0 done and verified, 1 failed and
# nothing left behind, 2 wrong usage.
set -euo pipefail

program=backup_media
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=media_common.sh
source "$here/media_common.sh"

parse --keep-days --verify --prune -- "$@"
find_compose
if [ "$action" = verify ]; then
    verify "$archive"
    describe "$archive"
    exit
fi
open_dir
find_media
case $action in
    prune) prune "$pattern" "$stack" ;;
    *)
        require_no_interrupted_restore
        take_backup media
        prune "$pattern" "$stack" "$taken"
        printf '%s\n' "$dir/$taken"
        ;;
esac
