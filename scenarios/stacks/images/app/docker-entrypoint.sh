#!/bin/sh
# Gives the application the folders that it writes to, and stops being root.
set -eu

case ${1:-} in
    web | migrate | worker | proxy) set -- python3 /app/shop.py "$@" ;;
esac
if [ "$(id -u)" = 0 ]; then
    for folder in "${MEDIA_ROOT:-/app/media}" ${WRITABLE:-}; do
        mkdir -p "$folder"
        chown -R app:app "$folder"
    done
    exec setpriv --reuid=app --regid=app --init-groups "$@"
fi
exec "$@"
