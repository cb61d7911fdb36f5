#!/bin/sh
# Writes the three lines of configuration that depend on the environment, then
# becomes nginx.
#
# DJANGO_ALLOWED_HOSTS  hosts to answer for; any other gets 400
# SSL_ENABLED           true: HTTPS, and HTTP only redirects
# HTTPS_PORT            the HTTPS port as clients see it (default: 443)
set -eu

generated=/run/nginx
mkdir -p "$generated"

# Commas to spaces; ".example.org" and "[::1]" mean the same to nginx.
hosts=$(printf %s "${DJANGO_ALLOWED_HOSTS:-}" | tr ',' ' ' | tr -s '[:space:]' ' ')
if [ -z "$(printf %s "$hosts" | tr -d '[:space:]')" ]; then
    echo "proxy: DJANGO_ALLOWED_HOSTS is empty; name the hosts to answer for" >&2
    exit 78
fi
# Into the configuration go host names only, never a directive.
if [ -n "$(printf %s "$hosts" | tr -d 'A-Za-z0-9.:[]_ -')" ]; then
    echo "proxy: DJANGO_ALLOWED_HOSTS has a character that no host has: $hosts" >&2
    exit 78
fi
echo "server_name $hosts;" > "$generated/hosts.conf"

# The container's own resolver, so that a backend that comes back under another
# address is found again. One that is gone gives 502 soon, not after half a minute.
nameserver=$(awk '$1 == "nameserver" { print $2; exit }' /etc/resolv.conf)
case $nameserver in *:*) nameserver="[$nameserver]" ;; esac
echo "resolver $nameserver valid=2s; resolver_timeout 5s;" > "$generated/resolver.conf"

case $(printf %s "${SSL_ENABLED:-false}" | tr '[:upper:]' '[:lower:]') in
    true|1|yes|on)
        for file in fullchain.pem privkey.pem; do
            [ -r "/etc/nginx/tls/$file" ] || {
                echo "proxy: SSL_ENABLED is true but /etc/nginx/tls/$file cannot be read" >&2
                exit 78
            }
        done
        case ${HTTPS_PORT:-443} in 443) port= ;; *) port=":$HTTPS_PORT" ;; esac
        echo "map '' \$https_port_suffix { default '$port'; }" > "$generated/port.conf"
        ln -sf /etc/nginx/servers-tls.conf "$generated/servers.conf" ;;
    *)
        : > "$generated/port.conf"
        ln -sf /etc/nginx/servers-http.conf "$generated/servers.conf" ;;
esac

exec "$@"
