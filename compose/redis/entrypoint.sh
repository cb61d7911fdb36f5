#!/bin/sh
# Starts Redis with a password that shows in no process list: the whole
# configuration goes in through standard input.
set -eu

if [ -z "${REDIS_PASSWORD:-}" ]; then
    echo "redis: REDIS_PASSWORD is empty; refusing to start without a password" >&2
    exit 78
fi

password=$(printf %s "$REDIS_PASSWORD" | sed 's/[\\"]/\\&/g')
exec redis-server - <<CONF
$(cat /etc/redis/korrigo.conf)
requirepass "$password"
CONF
