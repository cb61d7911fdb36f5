#!/usr/bin/env bash
# Runs one block in a container, with the files of the blocks before it in their places and a
# mail server that prints what it gets.
#
#   container.sh FILES BLOCK [HH:MM:SS]
#
# With a time, a night comes first: the journal and cron are started, cron by a clock that shows
# this time, and the block waits for a job that begins within 40 s, until it has ended.
set -euo pipefail

within() { # SECONDS COMMAND…
    local deadline=$((SECONDS + $1))
    shift
    until "$@" 2> /dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

give_up() { # WHAT LOG
    echo "$1" >&2
    cat "$2" >&2
    exit 1
}

# shellcheck disable=SC2317  # within calls it
listens() { (: < /dev/tcp/127.0.0.1/25); }
# shellcheck disable=SC2317  # within calls it
cron_says() { journalctl --quiet --identifier=CRON | grep -q " $1 "; }

# Of cron, the clock is moved; its jobs are given none of that.
night() { # HH:MM:SS
    /lib/systemd/systemd-journald > /tmp/journald 2>&1 &
    within 10 test -S /run/systemd/journal/dev-log || give_up "the journal did not start" /tmp/journald
    ln -sf /run/systemd/journal/dev-log /dev/log
    faketime "$(date +%F) $1" cron -f -L 3 > /tmp/cron 2>&1 &
    # A job that does not run is for the block to find out.
    if within 40 cron_says CMD; then within 120 cron_says END || give_up "the job did not end" /tmp/cron; fi
}

cp -rT "$1" /
python3 -u -m aiosmtpd --nosetuid --listen 127.0.0.1:25 > /tmp/mail 2>&1 &
within 10 listens || give_up "the mail server did not start" /tmp/mail
[ -z "${3:-}" ] || night "$3"
code=0
bash -eo pipefail "$2" || code=$?
cat /tmp/mail
exit "$code"
