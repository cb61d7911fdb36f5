#!/bin/sh
# Asks as nginx would: under a host name that Django accepts, and over https when
# that is what it insists on.
set -eu

case ${DJANGO_ENV:-} in
    production) hosts=${DJANGO_ALLOWED_HOSTS:-} ;;
    *) hosts=${ALLOWED_HOSTS:-localhost} ;;
esac
host=$(printf %s "${hosts%%,*}" | tr -d '[:space:]')
exec curl --fail --silent --show-error --max-time 3 --output /dev/null \
    --header "Host: ${host#.}" --header "X-Forwarded-Proto: https" \
    http://127.0.0.1:8000/api/health/live/
