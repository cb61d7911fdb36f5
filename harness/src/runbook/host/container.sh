#!/usr/bin/env bash
# Runs one block in a container, with the files of the blocks before it in their places and a
# mail server that prints what it gets.
#
#   container.sh FILES BLOCK
set -euo pipefail
cp -rT "$1" /
python3 -u -m aiosmtpd --nosetuid --listen 127.0.0.1:25 > /tmp/mail 2>&1 &
for _ in $(seq 100); do
    if (: < /dev/tcp/127.0.0.1/25) 2> /dev/null; then break; fi
    sleep 0.05
done
code=0
bash -eo pipefail "$2" || code=$?
cat /tmp/mail
exit "$code"
