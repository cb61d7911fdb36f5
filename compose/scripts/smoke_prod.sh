#!/usr/bin/env bash
# Smoke scenarios against a running Korrigo, with curl alone. Reads only: the one
# thing it can leave behind is the session of SMOKE_USER, which it logs out.
#
#   smoke_prod.sh --url https://korrigo.example.org
#
#   --url URL                 the site (default: http://localhost:8080)
#   --ca FILE                 trust this CA besides no other
#   --insecure                do not verify the certificate (its scenario warns)
#   --resolve HOST:PORT:ADDR  as curl's; may be repeated
#   --http-url URL            where plain HTTP must redirect (default: port 80 of the host)
#
#   SMOKE_USER, SMOKE_PASSWORD   an account that may read at least one copy;
#                                without it, media.account warns
#
# One line a scenario: PASS, WARN or FAIL, its id as in drill.toml, what was seen.
# Exit: 0 without FAIL, 1 with, 2 on wrong usage.
set -uo pipefail

url=http://localhost:8080
http_url=
insecure=
common=(--silent --show-error --max-time 15 --path-as-is)

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
value() { [ $# -ge 2 ] || { echo "smoke_prod: $1 needs a value" >&2; exit 2; }; }

while [ $# -gt 0 ]; do
    case $1 in
        --url) value "$@"; url=${2%/}; shift ;;
        --http-url) value "$@"; http_url=${2%/}; shift ;;
        --ca) value "$@"; common+=(--cacert "$2"); shift ;;
        --resolve) value "$@"; common+=(--resolve "$2"); shift ;;
        --insecure) insecure=1; common+=(--insecure) ;;
        -h | --help) usage; exit 0 ;;
        *) echo "smoke_prod: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done
case $url in
    https://?*) tls=1 ;;
    http://?*) tls= ;;
    *) echo "smoke_prod: --url must start with http:// or https://" >&2; exit 2 ;;
esac

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

passed=0 warned=0 failed=0
report() { # OUTCOME ID TEXT
    case $1 in
        PASS) passed=$((passed + 1)) ;;
        WARN) warned=$((warned + 1)) ;;
        FAIL) failed=$((failed + 1)) ;;
    esac
    printf '%-4s  %-29s  %s\n' "$1" "$2" "$3"
}

# fetch PATH [curl option…]: sets $status and $type; leaves $work/headers, $work/body.
fetch() {
    local path=$1 seen
    shift
    # Nothing of the last answer may pass for this one.
    : > "$work/headers"
    : > "$work/body"
    seen=$(curl "${common[@]}" "$@" --dump-header "$work/headers" --output "$work/body" \
        --write-out '%{http_code} %{content_type}' "$url$path" 2> "$work/error")
    status=${seen%% *} type=${seen#* }
    [ "$status" != 000 ] || status="no answer ($(tr '\n' ' ' < "$work/error"))"
}

expect_status() { # ID NAME PATH ALLOWED…
    local id=$1 name=$2 path=$3
    shift 3
    fetch "$path"
    case " $* " in
        *" $status "*) report PASS "$id" "$name: $status" ;;
        *) report FAIL "$id" "$name: $path answered $status, expected one of: $*" ;;
    esac
}

# header NAME [FILE]: the values of a header, one a line.
header() {
    tr -d '\r' < "${2:-$work/headers}" | awk -v name="$(printf %s "$1" | tr '[:upper:]' '[:lower:]')" \
        'i = index($0, ":") { if (tolower(substr($0, 1, i - 1)) == name) { v = substr($0, i + 1); sub(/^ +/, "", v); print v } }'
}

# A page, the API refusing, the admin, a file, an error of nginx's own.
routes=(/ /api/ /admin/login/ /static/admin/css/base.css /smoke-no-such-page)

route_status=()
for index in "${!routes[@]}"; do
    fetch "${routes[index]}"
    route_status+=("$status")
    cp "$work/headers" "$work/route-$index"
done

expect_header() { # ID NAME REGEX
    local index where seen
    for index in "${!routes[@]}"; do
        where="${routes[index]} (${route_status[index]})"
        seen=$(header "$2" "$work/route-$index")
        if [ "$(printf %s "$seen" | grep -c '')" -ne 1 ]; then
            report FAIL "$1" "$2: on $where it must appear once, seen: ${seen:-nothing}"
            return
        elif ! printf %s "$seen" | grep -Eqx -- "$3"; then
            report FAIL "$1" "$2: on $where it is: $seen"
            return
        fi
    done
    report PASS "$1" "$2: ${#routes[@]} routes"
}

expect_status health.live "health, live" /api/health/live/ 200
expect_status health.ready "health, ready" /api/health/ready/ 200
expect_status health.combined "health, combined" /api/health/ 200
fetch /
case "$status $type" in
    "200 text/html"*) if grep -q Korrigo "$work/body"; then
        report PASS front-end "front end: served"
    else
        report FAIL front-end "front end: the page does not name Korrigo"
    fi ;;
    *) report FAIL front-end "front end: $status $type, expected 200 text/html" ;;
esac

fetch /api/
challenge=$(header WWW-Authenticate)
case "$status/$challenge/$type" in
    '401/Session realm="korrigo"/application/json'*) report PASS api.anonymous "API root, anonymous: 401" ;;
    401/*) report FAIL api.anonymous "API root, anonymous: 401 as $type, challenge: ${challenge:-none}" ;;
    *) report FAIL api.anonymous "API root, anonymous: $status, expected 401" ;;
esac

expect_status admin.reachable "admin reachable" /admin/login/ 200

fetch /static/admin/css/base.css
case "$status $type" in
    "200 text/css"*) report PASS static.mime "static file: $type" ;;
    *) report FAIL static.mime "static file: $status $type, expected 200 text/css" ;;
esac

media_leak=
for path in /media/ /media/copies/ /media/smoke.pdf /_protected_media/smoke.pdf /media/../_protected_media/; do
    fetch "$path"
    case $status in
        400 | 401 | 403 | 404) ;;
        *) media_leak="$path answered $status"; break ;;
    esac
done
if [ -z "$media_leak" ]; then
    report PASS media.closed "media closed to the public"
else
    report FAIL media.closed "media closed to the public: $media_leak"
fi

# What an account can read: its first copy, through nginx's internal redirect.
media_authorised() {
    local jar=$work/jar token file
    fetch /api/auth/csrf/ --cookie-jar "$jar"
    token=$(awk '$6 == "csrftoken" { print $7 }' "$jar")
    # In a file: arguments show in process lists.
    printf '{"username":"%s","password":"%s"}' "$(json "$SMOKE_USER")" "$(json "${SMOKE_PASSWORD:-}")" > "$work/login"
    fetch /api/auth/login/ --cookie "$jar" --cookie-jar "$jar" --header "X-CSRFToken: $token" \
        --header "Referer: $url/" --header 'Content-Type: application/json' --data-binary "@$work/login"
    [ "$status" = 200 ] || { report FAIL media.account "media for an account: login answered $status"; return; }
    token=$(awk '$6 == "csrftoken" { print $7 }' "$jar")

    fetch "/api/copies/" --cookie "$jar"
    file=$(grep -o '"file":"/media/[^"]*"' "$work/body" | head -n 1 | cut -d '"' -f 4)
    if [ -z "$file" ]; then
        report WARN media.account "media for an account: $SMOKE_USER can read no copy"
    else
        fetch "$file" --cookie "$jar"
        if [ "$status" = 200 ] && [ "$(head -c 5 "$work/body")" = "%PDF-" ]; then
            fetch "$file"
            case $status in
                401 | 403 | 404) report PASS media.account "media for an account: readable, and $status without it" ;;
                *) report FAIL media.account "media for an account: readable without it too ($status)" ;;
            esac
        else
            report FAIL media.account "media for an account: $status, or not a PDF"
        fi
    fi
    fetch /api/auth/logout/ --request POST --cookie "$jar" --header "X-CSRFToken: $token" --header "Referer: $url/"
}
json() { printf %s "$1" | sed 's/[\\"]/\\&/g'; }

if [ -n "${SMOKE_USER:-}" ]; then
    media_authorised
else
    report WARN media.account "media for an account: not tried, SMOKE_USER is not set"
fi

upgrade=
[ -z "$tls" ] || upgrade='; upgrade-insecure-requests'
csp="default-src '(self|none)'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri '(self|none)'; form-action 'self'$upgrade"
expect_header "header.csp${tls:+-tls}" Content-Security-Policy "$csp"
expect_header header.referrer-policy Referrer-Policy 'strict-origin-when-cross-origin'
expect_header header.permissions-policy Permissions-Policy 'camera=\(\), microphone=\(\), geolocation=\(\)'
expect_header header.x-frame-options X-Frame-Options 'DENY'
expect_header header.x-content-type-options X-Content-Type-Options 'nosniff'
expect_header header.x-xss-protection X-XSS-Protection '1; mode=block'

# A file of nginx's own, and a route of Django's.
fetch / --header 'Host: forged.invalid'
forged=$status
fetch /api/health/live/ --header 'Host: forged.invalid'
case "$forged $status" in
    "400 400") report PASS host.forged "forged Host: 400" ;;
    *) report FAIL host.forged "forged Host: $forged and $status, expected 400" ;;
esac

if [ -z "$tls" ]; then
    fetch /
    case "$status/$(header Strict-Transport-Security)" in
        200/) report PASS hsts.absent "no HSTS over plain HTTP" ;;
        200/*) report FAIL hsts.absent "HSTS is sent over plain HTTP, where browsers ignore it" ;;
        *) report FAIL hsts.absent "HSTS over plain HTTP: / answered $status" ;;
    esac
else
    expect_header tls.hsts Strict-Transport-Security 'max-age=31536000; includeSubDomains; preload'

    fetch /
    case "$insecure/$status" in
        1/*) report WARN tls.certificate "certificate: not verified (--insecure)" ;;
        /200) report PASS tls.certificate "certificate: trusted, for this host, not expired" ;;
        *) report FAIL tls.certificate "certificate: $status" ;;
    esac

    authority=${url#https://}
    case $authority in
        \[*) host="${authority%%]*}]" ;;
        *) host=${authority%%:*} ;;
    esac
    http_url=${http_url:-http://$host}
    redirect_fault=
    for route in "${routes[@]}" /media/smoke.pdf; do
        seen=$(curl "${common[@]}" --output /dev/null --write-out '%{http_code} %{redirect_url}' "$http_url$route" 2> "$work/error")
        case $seen in
            "301 https://$host"*"$route" | "308 https://$host"*"$route") ;;
            *) redirect_fault="$route gave: $seen $(tr '\n' ' ' < "$work/error")"; break ;;
        esac
    done
    if [ -z "$redirect_fault" ]; then
        report PASS tls.redirect "HTTP redirects to HTTPS"
    else
        report FAIL tls.redirect "HTTP redirects to HTTPS: $redirect_fault"
    fi

    fetch /api/auth/csrf/
    if header Set-Cookie | grep -qi '; *secure' && header Set-Cookie | grep -qi 'samesite=lax'; then
        report PASS tls.cookies "cookies: Secure, SameSite=Lax"
    else
        report FAIL tls.cookies "cookies: $(header Set-Cookie | sed 's/=[^;]*;/=…;/')"
    fi

    # Without the lower security level, the client itself would not offer them.
    curl "${common[@]}" --tlsv1.0 --tls-max 1.1 --ciphers 'DEFAULT@SECLEVEL=0' --output /dev/null "$url/" 2> /dev/null
    case $? in
        35) report PASS tls.old-versions "TLS older than 1.2 is refused" ;;
        0) report FAIL tls.old-versions "TLS 1.1 or older is accepted" ;;
        *) report FAIL tls.old-versions "TLS older than 1.2: the host did not answer" ;;
    esac
fi

echo "$passed passed, $warned warned, $failed failed: $url"
[ "$failed" -eq 0 ]
