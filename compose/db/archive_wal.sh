#!/bin/sh
# archive_command: keeps a segment of WAL in the archive, for good or not at all.
#
#   archive_command = 'archive_wal %p %f'
#
# A file appears under its name only when it is complete and on disk, and is never replaced by
# a different one. Each lineage has a folder of its own: a restored cluster goes on under the
# same system identifier, but a restore gives it a new name (PGDATA/wal_lineage), so what it
# archives is never mixed with what the original archived.
#
# WAL_ARCHIVE  folder of the archive (default: /var/lib/postgresql/wal)
# Runs in PGDATA, as the server's user.
set -eu

from=$1 name=$2
lineage=original
[ ! -s wal_lineage ] || lineage=$(cat wal_lineage)
folder=${WAL_ARCHIVE:-/var/lib/postgresql/wal}/$lineage
mkdir -p "$folder"

if [ -e "$folder/$name" ]; then
    # The server asks again for what it archived just before it crashed.
    if cmp -s "$from" "$folder/$name"; then
        sync "$folder/$name" "$folder"
        exit 0
    fi
    echo "archive_wal: refused: $folder/$name is there already, and is different" >&2
    exit 1
fi

unfinished=$folder/.unfinished-$name
cp "$from" "$unfinished"
sync "$unfinished"
mv "$unfinished" "$folder/$name"
sync "$folder"
