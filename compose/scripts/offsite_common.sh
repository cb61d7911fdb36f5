#!/usr/bin/env bash
# Variables come from, and go to, the scripts that source this.
# shellcheck disable=SC2154
#
# What offsite_push.sh and offsite_fetch.sh share: the remote, and checksums. Sourced after
# backup_common.sh.

# Of rclone, only what went wrong.
export RCLONE_LOG_LEVEL=${RCLONE_LOG_LEVEL:-ERROR}
# Its S3 refuses to start where Amazon's own variable names the authorities to trust.
if [ -n "${AWS_CA_BUNDLE:-}" ]; then
    export RCLONE_CA_CERT=${RCLONE_CA_CERT:-$AWS_CA_BUNDLE}
    unset AWS_CA_BUNDLE
fi

require_remote() {
    command -v rclone > /dev/null || fail "rclone is not installed" "apt-get install rclone"
    [ -n "$remote" ] || misused "no remote: give --remote or set OFFSITE_REMOTE"
    remote=${remote%/}
}

# Names of what is there, a line each; nothing if the folder is not there yet. The slash at the end
# says that it is a folder: rclone would ask S3 whether it is an object.
list_remote() {
    local code=0
    rclone lsf --files-only "$remote/" 2> /dev/null || code=$?
    # rclone(1), 3: "Directory not found".
    case $code in
        0 | 3) ;;
        # Once more, with what it says.
        *) rclone lsf --files-only "$remote/" ;;
    esac
}

stated_sum() { # FILE
    local sum
    sum=$(head -c 200 "$1" | cut -d ' ' -f 1)
    [[ $sum =~ ^[0-9a-f]{64}$ ]] && printf %s "$sum"
}
