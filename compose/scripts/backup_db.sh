#!/usr/bin/env bash
# Backs up the database of a running stack into one compressed SQL file: the cluster's
# roles, and the database with its properties, large objects, owners and grants.
#
#   backup_db.sh [--project NAME] [--file FILE] [--dir DIR]
#
#   --dir DIR         where backups go (default: BACKUP_DIR, else backups/ beside the compose file)
#   --project NAME    compose project (default: as compose finds it, COMPOSE_PROJECT_NAME)
#   --file FILE       compose file; may be repeated (default: COMPOSE_FILE, else this stack's)
#   --keep-days N     afterwards, delete backups of this stack that are older (default: 30)
#   --verify FILE     read a backup in full, say what it is, and do nothing else
#   --prune           delete old backups, and do nothing else
#
#   COMPOSE_COMMAND   such as "docker-compose" (default: what is there)
#   DB_SERVICE        the database's service (default: db)
#
# The newest backup that verifies is never deleted, whatever its age. Restore with
# restore_db.sh, or by hand: zstd -dc FILE | psql --dbname template1
#
# Standard output: the path of the new backup. Exit: 0 done and verified, 1 failed and
# nothing left behind, 2 wrong usage.
set -euo pipefail

program=backup_db
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=backup_common.sh
source "$here/backup_common.sh"
# shellcheck source=database_common.sh
source "$here/database_common.sh"

parse --keep-days --verify --prune -- "$@"
case $action in
    verify) verify "$archive"; describe "$archive"; exit ;;
esac
find_compose
open_dir
find_database
if [ "$action" = prune ]; then
    prune "$pattern" "$stack"
    exit
fi
require_no_interrupted_restore
take_backup db
prune "$pattern" "$stack" "$taken"
printf '%s\n' "$dir/$taken"
