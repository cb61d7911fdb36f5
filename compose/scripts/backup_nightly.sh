#!/usr/bin/env bash
# What cron or a systemd timer runs: backs up the database and the media, copies both off-site,
# and tells somebody how it went. Options are those of backup_db.sh and go to every script.
#
#   backup_nightly.sh [--project NAME] [--file FILE] [--dir DIR]
#   backup_nightly.sh --test-notifications
#
#   BACKUP_PHYSICAL   "base" or "pgbackrest": a backup by backup_base.sh or backup_pgbackrest.sh, too
#   OFFSITE_REMOTE    where offsite_push.sh copies to (default: nowhere, which it says)
#   NOTIFY_PING       dead man's switch: fetched when all went well, with /fail appended when not.
#                     Its owner raises the alarm when nothing comes
#   NOTIFY_WEBHOOK    gets {"text": "…"} as a POST, however it went
#   NOTIFY_MAIL       gets a mail by sendmail(8) when something failed
#
#   --test-notifications   use each of these once, and do nothing else
#
# Addresses of the first two are secrets: they are not printed.
#
# Exit: 0 all done and told, 1 something failed, 2 wrong usage.
set -uo pipefail

program=backup_nightly
here=$(dirname "${BASH_SOURCE[0]}")
faults=()

say() { printf '%s: %s\n' "$program" "$1" >&2; }
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }

# Runs a script of ours. Its standard output is the path of what it made.
attempt() { # SCRIPT [OPTION…]
    local script=$1 made
    shift
    if made=$("$here/$script" "$@"); then
        [ -z "$made" ] || { say "$made"; done_files+=("${made##*/}"); }
    else
        faults+=("$script failed with exit code $?")
        say "${faults[-1]}"
    fi
}
done_files=()

told() { # WHAT EXIT_CODE
    if [ "$2" -eq 0 ]; then say "$1: told"; else faults+=("$1: not told, exit code $2"); say "${faults[-1]}"; fi
}

# Without --show-error: curl would name the address.
fetch() { curl --fail --silent --max-time 20 --retry 3 --output /dev/null "$@"; }

as_json() { printf '{"text": "%s"}' "$(printf %s "$1" | sed 's/[\\"]/\\&/g' | tr -d '\000-\037')"; }

tell() { # SUBJECT FAILED
    local failed=$2
    if [ -n "${NOTIFY_WEBHOOK:-}" ]; then
        as_json "$1" | fetch --header 'Content-Type: application/json' --data-binary @- "$NOTIFY_WEBHOOK"
        told webhook $?
    fi
    if [ -n "${NOTIFY_MAIL:-}" ] && [ -n "$failed" ]; then
        printf 'To: %s\nSubject: %s\n\n%s\n' "$NOTIFY_MAIL" "$1" "$1" | "${SENDMAIL:-/usr/sbin/sendmail}" -t
        told mail $?
    fi
    # Last: it vouches for all of the above, too.
    if [ -n "${NOTIFY_PING:-}" ]; then
        if [ -z "$failed" ] && [ ${#faults[@]} -eq 0 ]; then fetch "$NOTIFY_PING"; else fetch "${NOTIFY_PING%/}/fail"; fi
        told "dead man's switch" $?
    fi
}

case ${1:-} in
    -h | --help) usage; exit ;;
    --test-notifications)
        [ -n "${NOTIFY_PING:-}${NOTIFY_WEBHOOK:-}${NOTIFY_MAIL:-}" ] || { say "nobody is to be told: set NOTIFY_PING, NOTIFY_WEBHOOK or NOTIFY_MAIL"; exit 2; }
        tell "test of the backup notifications on $(uname -n)" test
        [ ${#faults[@]} -eq 0 ]
        exit
        ;;
esac

# The database first: what its rows name is then in the media. One that fails does not keep
# the other from being taken.
attempt backup_db.sh "$@"
[ -z "${BACKUP_PHYSICAL:-}" ] || attempt "backup_$BACKUP_PHYSICAL.sh" "$@"
attempt backup_media.sh "$@"
if [ -n "${OFFSITE_REMOTE:-}" ]; then attempt offsite_push.sh "$@"; else say "no copy off-site: OFFSITE_REMOTE is not set"; fi

if [ ${#faults[@]} -eq 0 ]; then
    tell "backup on $(uname -n) done: ${done_files[*]}" ''
else
    tell "backup on $(uname -n) FAILED: $(IFS=';'; printf %s "${faults[*]}")" failed
fi
[ ${#faults[@]} -eq 0 ] || { say "failed: ${#faults[@]} faults"; exit 1; }
say "all done"
