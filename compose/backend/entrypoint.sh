#!/bin/sh
# One image, three services: the backend by default (it migrates by itself, see
# gunicorn.conf.py), Celery by its command.
set -eu

if [ "${1:-serve}" != serve ]; then
    exec "$@"
fi

# Collected when the image was built; the volume follows when the image changed.
if ! cmp -s /opt/korrigo/static/.version /srv/static/.version; then
    cp -R /opt/korrigo/static/. /srv/static/
fi

exec gunicorn korrigo.wsgi:application
