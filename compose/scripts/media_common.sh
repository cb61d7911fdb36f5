#!/usr/bin/env bash
# Variables come from, and go to, the scripts that source this.
# shellcheck disable=SC2034,SC2154
#
# The media backup as a file: how it is taken, what is in it, when it is good. Sourced by
# backup_media.sh and restore_media.sh, after backup_common.sh.
#
# The file is a tar archive, compressed. A comment in its global header, which tar ignores,
# says what it is.

# No commas: tar takes them for the next option.
magic='media backup of a compose stack in format 1'
pattern='^(safety-)?media-[0-9]{8}T[0-9]{6}Z\.tar\.(zst|gz)$'
media_service=${MEDIA_SERVICE:-backend}
media_path=${MEDIA_PATH:-/srv/media}

# A shell command as the application's user and with the media at its usual place: who may write
# the files may read and restore them. In a container of its own, or, for what only reads, in the
# service's if it runs: an engine logs all that the first process of a container prints, which
# takes many times as long as reading it.
beside() { compose run --rm --no-deps -T --entrypoint sh "$media_service" -c "$@"; }
within() {
    if is_running "$media_service"; then compose exec -T "$media_service" sh -c "$@"; else beside "$@"; fi
}

# Sets $stack; $entries, how many the store has; $interrupted, whether a restore was killed;
# and $free, the bytes that are left.
find_media() {
    local seen
    # shellcheck disable=SC2016
    seen=$(within "$print_stack"'; echo
        find "$0" -mindepth 1 -not -name lost+found -not -path "$0/.restore-*" -printf . | wc -c
        find "$0" -mindepth 1 -maxdepth 1 -name ".restore-*" -printf . | wc -c
        df --output=avail --block-size=1 "$0" | tail -n 1' "$media_path" < /dev/null) ||
        fail "cannot look into the media of service $media_service" \
            "see the message above; MEDIA_SERVICE and MEDIA_PATH say who has the media, and where"
    { read -r stack; read -r entries; read -r interrupted; read -r free; } <<< "$seen"
    [[ $entries/$interrupted/$free =~ ^[0-9]+/[0-9]+/[0-9]+$ ]] || fail "cannot look into the media of service $media_service"
}

require_no_interrupted_restore() {
    [ "$interrupted" -eq 0 ] ||
        fail "a restore is under way or was interrupted: the store may be half restored" \
            "go back to the state before it: restore_media.sh --recover"
}

# --- Taking it --------------------------------------------------------------------

attempts=3

# take_backup KIND: leaves a verified file in the folder, and its name in $taken.
take_backup() {
    local attempt codes ended said sum
    taken=$(new_name "$1" "tar.$compressed")
    begin "$taken"
    said=$dir/.unfinished-messages sum=$dir/.unfinished-sum
    unfinished_files+=("$said" "$sum")
    for ((attempt = 1; ; attempt++)); do
        codes=(0 0 0 0)
        write_backup 2> "$said" | compress | tee "$unfinished" | sha256 > "$sum" || codes=("${PIPESTATUS[@]}")
        # What they say themselves: not every compose passes exit codes on.
        ended=$(sed -n 's/^tar: ended with //p' "$said")
        contents=$(sed -n "/$summary/p" "$said")
        grep -v "^tar: ended with \|$summary" "$said" >&2 || true
        [ "$ended ${codes[*]:1}" != '0 0 0 0' ] || break
        # Code 1 of tar: nothing is missing, but something was written to meanwhile.
        if [ "$ended ${codes[*]:1}" != '1 0 0 0' ] || ! grep -q 'changed as we read it\|removed before we read it' "$said"; then
            fail "the backup failed; nothing is left of it" "look at the messages above, and at the free space of $dir"
        fi
        if [ "$attempt" -ge "$attempts" ]; then
            say "⚠️  files changed while they were read, $attempts times over; those named above may be torn in the backup"
            break
        fi
        say "files changed while they were read; taking the backup again"
    done
    [ -n "$contents" ] || fail "what is in the store cannot be restored safely; nothing is left of the backup" "look at the message above"
    keep "$taken" verify_taken "$(cat "$sum")"
    say "$taken: $(describe "$dir/$taken")"
}

# What grading.backups.inspect says of an archive that may be restored.
summary='^[0-9]* entries, [0-9]* files, [0-9]* bytes of content in [0-9]*$'

# Names, links and owners are judged on the way out. As many bytes at a time as a pipe holds: an
# engine's work is by the piece.
write_backup() {
    # PAX records carry fractions of seconds, long and odd names, and extended attributes.
    # shellcheck disable=SC2016
    within 'cd /opt/korrigo/app && { tar --create --format=posix --pax-option="comment=$1,delete=atime,delete=ctime" \
        --acls --xattrs --numeric-owner --blocking-factor=128 --directory="$0" --file=- .
        echo "tar: ended with $?" >&2; } | python3 -m grading.backups.inspect --pass' \
        "$media_path" "$magic; stack $stack; taken $(date -u +%Y-%m-%dT%H:%M:%SZ)" < /dev/null
}

# The archive that was judged on the way out is the one that is on disk.
verify_taken() { # FILE
    local bytes
    verify_file "$1"
    bytes=$(decompress "$1" | wc -c) || refuse_damaged "$1"
    [ "$bytes" = "${contents##* }" ] || fail "$1 has $bytes bytes of ${contents##* }"
}

# --- Reading it -------------------------------------------------------------------

comment_of() { # FILE
    decompress "$1" 2> /dev/null | head -c 4096 | tr '\0' '\n' | sed -n "s/^[0-9]* comment=$magic; //p" | head -n 1 || true
}

stack_in() { comment_of "$1" | sed -n 's/^stack \(.*\); taken .*/\1/p'; }

describe() { # FILE
    echo "verified: $(comment_of "$1"), ${contents:+$contents, }$(stat --format %s "$1") bytes"
}

# What can be said of a backup without judging all that is in it.
verify_origin() { # FILE
    verify_file "$1"
    [ -z "$(comment_of "$1")" ] || return 0
    decompress "$1" > /dev/null || refuse_damaged "$1"
    fail "$1 is not a backup of backup_media.sh" "a database is restored by restore_db.sh"
}

verify() { verify_origin "$1"; verify_contents "$1"; } # FILE

# The check of names, links, owners and of the end is in the image of the application. Sets
# $contents.
verify_contents() { # FILE
    local said
    # Whatever it refuses, it reads to the end: if the first of the two fails, it is the file.
    said=$(decompress "$1" | within 'cd /opt/korrigo/app && exec python3 -m grading.backups.inspect'; echo "${PIPESTATUS[*]}")
    [[ ${said##*$'\n'} == '0 '* ]] || refuse_damaged "$1"
    # Not every compose passes exit codes on.
    contents=$(grep "$summary" <<< "$said") || refuse_unsafe "$1"
}

refuse_unsafe() { # FILE
    fail "$1 cannot be restored safely" "look at the message above; restore it by hand where it can do no harm, or use another backup"
}
