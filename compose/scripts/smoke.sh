#!/usr/bin/env bash
# The short smoke test: is the site healthy, and is media closed to the public?
# smoke_prod.sh tries much more.
#
#   smoke.sh [URL]     default: http://localhost:8080
#
# Other options of curl go in CURL_OPTIONS, such as "--insecure".
# Exit: 0 when all is well, 1 otherwise.
set -uo pipefail

url=${1:-http://localhost:8080}
url=${url%/}
read -r -a options <<< "${CURL_OPTIONS:-}"
faults=0

check() { # NAME PATH ALLOWED…
    local name=$1 path=$2 status
    shift 2
    status=$(curl --silent --max-time 15 "${options[@]}" --output /dev/null --write-out '%{http_code}' "$url$path")
    case " $* " in
        *" $status "*) echo "ok    $name ($status)" ;;
        *) echo "FAIL  $name: $path answered $status, expected $*"; faults=$((faults + 1)) ;;
    esac
}

check "health" /api/health/ 200
check "media closed to the public" /media/copies/smoke.pdf 401 403 404
check "protected media not reachable" /_protected_media/smoke.pdf 404

[ "$faults" -eq 0 ]
