#!/bin/bash
# Does what the official entry point does, as far as compose files rely on it: POSTGRES_USER,
# POSTGRES_PASSWORD, POSTGRES_DB and POSTGRES_INITDB_ARGS, each also from a file (…_FILE),
# POSTGRES_HOST_AUTH_METHOD, and /docker-entrypoint-initdb.d. Without root it is whoever it is.
set -Eeuo pipefail

from_file() {
    local name=$1 file=${1}_FILE
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
        echo "error: both $name and $file are set" >&2
        exit 1
    fi
    if [ -n "${!file:-}" ]; then
        printf -v "$name" '%s' "$(< "${!file}")"
    fi
    export "$name=${!name:-${2:-}}"
    unset "$file"
}

if [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi
if [ "$1" != postgres ]; then
    exec "$@"
fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
mkdir -p "$PGDATA"
chmod 700 "$PGDATA" || :

from_file POSTGRES_USER postgres
from_file POSTGRES_PASSWORD
from_file POSTGRES_DB "$POSTGRES_USER"
from_file POSTGRES_INITDB_ARGS

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
        echo "error: the database is not initialised and POSTGRES_PASSWORD is not set" >&2
        exit 1
    fi
    # The server knows no user by this number; initdb wants a name.
    if ! getent passwd "$(id -u)" > /dev/null; then
        NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
        echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" > "$NSS_WRAPPER_PASSWD"
        echo "postgres:x:$(id -g):" > "$NSS_WRAPPER_GROUP"
        LD_PRELOAD=$(echo /usr/lib/*/libnss_wrapper.so)
        export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP LD_PRELOAD
    fi
    # shellcheck disable=SC2086 # Arguments, in words.
    TZ=UTC initdb --no-sync --username="$POSTGRES_USER" --auth-local=trust \
        --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-unused}") \
        --auth-host=scram-sha-256 $POSTGRES_INITDB_ARGS > /dev/null
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    echo "host all all all $method" >> "$PGDATA/pg_hba.conf"

    export PGUSER=$POSTGRES_USER
    pg_ctl --wait --silent --options="-c listen_addresses=''" start > /dev/null
    if [ "$POSTGRES_DB" != postgres ]; then
        psql --no-psqlrc --quiet --dbname=postgres --set=db="$POSTGRES_DB" \
            --set=ON_ERROR_STOP=1 <<< 'CREATE DATABASE :"db";'
    fi
    run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname="$POSTGRES_DB" "$@"; }
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh)
                if [ -x "$file" ]; then
                    "$file"
                else
                    # shellcheck disable=SC1090 # Whatever the stack mounts.
                    . "$file"
                fi
                ;;
            *.sql) run --file="$file" ;;
            *.sql.gz) gunzip --stdout "$file" | run ;;
        esac
    done
    pg_ctl --wait --silent --mode=fast stop
    unset PGUSER
    echo 'PostgreSQL init process complete; ready for start up.'
fi

exec "$@"
