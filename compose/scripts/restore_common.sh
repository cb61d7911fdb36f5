#!/usr/bin/env bash
# Variables come from, and go to, the scripts that source this.
# shellcheck disable=SC2034,SC2154
#
# What restore_base.sh and restore_pgbackrest.sh share: a look into the volume, the target of a
# recovery, stopping and starting, going back. Sourced after base_common.sh.

# Sets, from a look into the volume: $major, $entries, $free bytes, $interrupted, $stack.
find_volume() {
    local seen
    seen=$(beside_db look < /dev/null) || fail "cannot look into the volume of service $db_service" "see the message above"
    read -r major entries free interrupted <<< "${seen%%$'\n'*}"
    stack=${seen##*$'\n'}
}

# Refuses what cannot go into this stack, or was not meant for it.
require_same() {
    [ "$(field postgresql)" = "$major" ] || fail "$archive is of PostgreSQL $(field postgresql), this stack runs $major" \
        "restore it into a stack that runs $(field postgresql), and upgrade from there"
    require_origin "$archive" "$(field stack)" "$stack"
}

micros() { date -u -d "$1" +%s%6N 2> /dev/null; } # TIME

# Sets $setting, what the server is told, and $least, how far it must get at least.
choose_target() {
    local at until ended
    until=$(field until) least=${until%% *} setting=''
    [ "${target:-latest}" != latest ] || return 0
    least=$(field point | awk -v name="$target" '$2 == name && !lsn { lsn = $1 } END { print lsn }')
    if [ -n "$least" ]; then
        setting=recovery_target_name=$target
        return
    fi
    ended=$(field ended)
    at=$(micros "$target") || fail "the backup has no restore point \"$target\", and that is no time either" \
        "it has: $(field point | cut -d ' ' -f 2 | paste -sd ' ')"
    [ "$at" -ge "$(micros "$ended")" ] || fail "$target is before the backup: its first moment is $ended" "use an older backup"
    [ "$at" -le "$(micros "${until##* }")" ] || fail "$target is after the end of the backup's WAL, ${until##* }" "for all there is: --to latest"
    setting=$(date -u -d "$target" '+recovery_target_time=%Y-%m-%d %H:%M:%S.%6N+00')
    least=$(field start)
}

all_stopped=()
stop_all() {
    stop_application
    all_stopped=("${stopped[@]}")
    if is_running "$db_service"; then
        say "stopping $db_service"
        compose stop "$db_service" < /dev/null >&2
        all_stopped=("$db_service" "${all_stopped[@]}")
    fi
}

start_all() {
    [ ${#all_stopped[@]} -gt 0 ] || return 0
    say "starting ${all_stopped[*]} again"
    compose start "${all_stopped[@]}" < /dev/null >&2
    all_stopped=()
}

undo() {
    local code=$?
    trap - EXIT
    [ "$code" -eq 0 ] || start_all || true
    exit "$code"
}
trap undo EXIT

# Who restored may have been killed before it could undo what it did.
come_back() {
    find_volume
    if [ "$interrupted" -eq 1 ] && ! beside_db bring_back < /dev/null; then
        all_stopped=()
        fail "the state before could not be brought back" "look at the message above, then: $program.sh --recover"
    fi
}

recover() {
    find_compose
    find_volume
    if [ "$interrupted" -eq 2 ]; then
        beside_db drop_former < /dev/null || fail "what it had replaced could not be dropped" "look at the message above"
        say "the interrupted restore was complete; what it had replaced is dropped now"
    elif [ "$interrupted" -eq 1 ]; then
        confirm "What the interrupted restore left will be dropped, and the state before it brought back."
        stop_all
        beside_db bring_back < /dev/null || { all_stopped=(); fail "the state before could not be brought back" "look at the message above"; }
        start_all
        say "the state before the interrupted restore is back"
    else
        say "no restore was interrupted, nothing to do"
    fi
}
