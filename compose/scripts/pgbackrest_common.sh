#!/usr/bin/env bash
# Variables come from, and go to, the scripts that source this.
# shellcheck disable=SC2034,SC2154
#
# A pgBackRest repository as a file: what is in it, when it is good. Sourced by
# backup_pgbackrest.sh and restore_pgbackrest.sh, after base_common.sh, whose set this replaces.
#
# pgbackrest-<UTC>.tar    the repository: its files are compressed already
# pgbackrest-<UTC>.info   written last: where it is from, what it reaches, checksum of the other

magic='pgbackrest repository of a compose stack, format 1'
pattern='^pgbackrest-[0-9]{8}T[0-9]{6}Z\.info$'

set_of() { # FILE
    local stem=${1%.info}
    stem=${stem%.tar}
    info=$stem.info repository=$stem.tar
}

discard() { # FILE
    set_of "$1"
    rm -f -- "$info" "$repository"
}

verify_set() {
    verify_info
    require_digest 'sha256 repository'
    [ -f "$repository" ] || fail "$repository does not exist" "copy both files from where the backup was taken"
    require_plain "$repository"
    [ "$(stat --format %s "$repository")" = "$(field 'size repository')" ] ||
        fail "$repository is damaged: it is $(stat --format %s "$repository") bytes, $(field 'size repository') were written" "copy it again from where the backup was taken"
}

# Everything: the archive's checksum, and every file of the repository by pgBackRest's own.
verify() { # FILE
    local said
    set_of "$1"
    verify_set
    [ "$(sum_of "$repository")" = "$(field 'sha256 repository')" ] ||
        fail "$repository is damaged: its checksum is not the one in $info" "copy it again from where the backup was taken"
    said=$(beside_db verify_repository < "$repository") || said=''
    # Not every compose passes exit codes on.
    [ "$said" = verified ] || fail "$repository cannot be restored" "look at the message above; use another backup"
}

describe() { # FILE
    set_of "$1"
    echo "verified: stack $(field stack), PostgreSQL $(field postgresql), restores any moment from $(field ended) until $(field until | cut -d ' ' -f 2), $(field 'size repository') bytes"
}
