#!/bin/bash
# Creates the cluster on an empty volume, then becomes the server.
#
# POSTGRES_PASSWORD  required when the volume is empty
# POSTGRES_USER      superuser to create, besides postgres (default: korrigo)
# POSTGRES_DB        its database (default: POSTGRES_USER)
#
# All is built in PGDATA/.init by a single-user backend, which listens nowhere,
# then moved up. While .init exists nothing has ever been served from this
# volume, so an interrupted start is begun again.
set -euo pipefail

fail() {
    echo "db: $1" >&2
    exit "${2:-1}"
}

if [ "${1:-}" != postgres ]; then
    exec "$@"
fi

if [ "$(id -u)" = 0 ]; then
    # The mount point only: a restore that left wrong owners inside must show.
    chown postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

sql_literal() { printf "'%s'" "${1//\'/\'\'}"; }
sql_name() { printf '"%s"' "${1//\"/\"\"}"; }

create_cluster() {
    local user=${POSTGRES_USER:-korrigo}
    local database=${POSTGRES_DB:-$user}
    local building=$PGDATA/.init

    [ -n "${POSTGRES_PASSWORD:-}" ] ||
        fail "POSTGRES_PASSWORD is empty; the superuser \"$user\" needs a password" 78

    mkdir "$building"
    # C.UTF-8: sorts by code point and does not change with the C library's
    # locale data, so an index made here is valid wherever it is restored.
    # One sync at the end, before .init goes, does what each of initdb's would, and those of
    # the single-user backend. TZ spares initdb a search through every zone there is.
    TZ=UTC initdb --no-sync --pgdata="$building" --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
        --data-checksums --auth-local=peer --auth-host=scram-sha-256 > /dev/null

    echo "include_if_exists = '/etc/postgresql/korrigo.conf'" >> "$building/postgresql.conf"
    cat > "$building/pg_hba.conf" <<HBA
# Over the socket, the system user postgres may be either superuser; over the
# network everyone needs a password.
local   all          all                 peer map=korrigo
local   replication  all                 peer map=korrigo
host    all          all         all     scram-sha-256
host    replication  all         all     scram-sha-256
HBA
    cat > "$building/pg_ident.conf" <<IDENT
korrigo  postgres  postgres
korrigo  postgres  "$user"
IDENT

    local said
    said=$({
        if [ "$user" = postgres ]; then
            echo "ALTER ROLE postgres PASSWORD $(sql_literal "$POSTGRES_PASSWORD");"
        else
            echo "CREATE ROLE $(sql_name "$user") SUPERUSER LOGIN PASSWORD $(sql_literal "$POSTGRES_PASSWORD");"
        fi
        if [ "$database" != postgres ]; then
            echo "CREATE DATABASE $(sql_name "$database") OWNER $(sql_name "$user");"
        fi
        # Read back: a single-user backend reports errors but exits 0.
        echo "SELECT count(*) FROM pg_database, pg_roles" \
            "WHERE datname = $(sql_literal "$database") AND rolname = $(sql_literal "$user");"
    } | postgres --single -F -D "$building" postgres) || fail "the single-user backend failed"
    [[ $said == *'count = "1"'* ]] ||
        fail "could not create the role \"$user\" and the database \"$database\""

    mv "$building"/* "$PGDATA"/
    sync --file-system "$PGDATA"
    rmdir "$building"
    sync "$PGDATA"
}

if [ -e "$PGDATA/.incoming" ] || [ -e "$PGDATA/.moving-aside" ] || [ -e "$PGDATA/.before-restore" ]; then
    fail "a restore is under way or was interrupted; bring back the state before it: restore_base.sh --recover"
fi

if [ -d "$PGDATA/.init" ]; then
    echo "db: the first start was interrupted, beginning again" >&2
    find "$PGDATA" -mindepth 1 -delete
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Never initialise over files: they may be what is left of a restore.
    if find "$PGDATA" -mindepth 1 -not -name lost+found -print -quit | grep -q .; then
        fail "$PGDATA is not empty but has no PG_VERSION; restore it or empty the volume"
    fi
    create_cluster
fi

exec "$@"
