#!/usr/bin/env bash
# Runs one block on the host as in the terminal of whoever went through the blocks before it:
# exported variables and the folder are those that these left.
#
#   step.sh STATE BLOCK
state=$1 block=$2
if [ -f "$state" ]; then
    # shellcheck disable=SC1090  # written below
    source "$state"
fi
keep() {
    local code=$?
    { export -p; printf 'cd -- %q\n' "$PWD"; } > "$state"
    exit "$code"
}
trap keep EXIT
# A block stops at its first command that fails.
set -eo pipefail
# shellcheck disable=SC1090  # a block of the runbook
source "$block"
