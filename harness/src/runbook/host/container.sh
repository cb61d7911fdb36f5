#!/usr/bin/env bash
# Runs one block in a container, with the files of the blocks before it in their places and a
# mail server that prints what it gets.
#
#   container.sh FILES BLOCK
set -euo pipefail
cp -rT "$1" /
python3 -u -m aiosmtpd --nosetuid --listen 127.0.0.1:25 > /tmp/mail 2>&1 &
listens() { (: < /dev/tcp/127.0.0.1/25) 2> /dev/null; }
for _ in $(seq 200); do
    if listens; then break; fi
    sleep 0.05
done
if ! listens; then
    echo "the mail server did not start" >&2
    cat /tmp/mail >&2
    exit 1
fi
code=0
bash -eo pipefail "$2" || code=$?
cat /tmp/mail
exit "$code"
