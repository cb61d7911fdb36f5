#!/bin/sh
# One image, three services: the backend by default, Celery by its command.
#
# RUN_MIGRATIONS=0   leave the schema alone (default: migrate)
set -eu

python -m korrigo.environment

if [ "${1:-serve}" != serve ]; then
    exec "$@"
fi

# Collected when the image was built; the volume follows when the image changed.
if ! cmp -s /opt/korrigo/static/.version /srv/static/.version; then
    cp -R /opt/korrigo/static/. /srv/static/
fi

if [ "${RUN_MIGRATIONS:-1}" != 0 ]; then
    python manage.py migrate --no-input --skip-checks
fi

exec gunicorn korrigo.wsgi:application
