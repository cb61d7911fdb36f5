#!/bin/sh
# An entry point of the project's own, mounted over the image's.
set -eu

echo "start: serving as $(id -u)"
exec python3 /app/shop.py web
