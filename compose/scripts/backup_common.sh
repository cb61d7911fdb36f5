#!/usr/bin/env bash
# Variables are read by the scripts that source this.
# shellcheck disable=SC2034
#
# What the backup and restore scripts share: which compose project, the folder, the lock,
# files that appear only when they are complete, verification, retention. Sourced, after
# $program is set; owns no command of its own.

: "${program:?is set by the script that sources this}"
stack_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${BACKUP_DIR:-}
keep_days=${BACKUP_KEEP_DAYS:-30}
from_stack='' assume_yes='' project='' compose_files=()
replace='' safety=1 action=run archive='' target='' point=''
remote=${OFFSITE_REMOTE:-} reread='' latest=''

say() { printf '%s: %s\n' "$program" "$1" >&2; }

fail() { # WHAT [NEXT STEP]
    say "$1"
    [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
    exit 1
}

misused() {
    say "$1"
    printf 'hint: %s --help\n' "$program" >&2
    exit 2
}

# The comment at the head of the script that was called.
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }

# --- Options ------------------------------------------------------------------

# parse ALLOWED… -- ARGUMENT…   ALLOWED names the options of this script, besides the
# common ones; "FILE" stands for one argument, which goes to $archive.
parse() {
    local allowed=' '
    while [ "$1" != -- ]; do allowed+="$1 "; shift; done
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage; exit 0 ;;
            --dir | --project | --file) [ $# -ge 2 ] || misused "$1 needs a value" ;;
            --*) [[ $allowed == *" $1 "* ]] || misused "unknown option $1" ;;
            -*) misused "unknown option $1" ;;
            *) [[ $allowed == *' FILE '* && -z $archive ]] || misused "unexpected argument $1" ;;
        esac
        case $1 in
            --verify | --keep-days | --from-stack | --to | --point | --remote | --latest) [ $# -ge 2 ] || misused "$1 needs a value" ;;
        esac
        case $1 in
            --dir) dir=$2; shift ;;
            --project) project=$2; shift ;;
            --file) compose_files+=("$2"); shift ;;
            --keep-days) keep_days=$2; shift ;;
            --from-stack) from_stack=$2; shift ;;
            --verify) action=verify archive=$2; shift ;;
            --to) target=$2; shift ;;
            --point) point=$2; shift ;;
            --prune | --recover | --start | --finish | --full | --incremental | --export | --list) action=${1#--} ;;
            --remote) remote=$2; shift ;;
            --latest) latest=$2; shift ;;
            --reread) reread=1 ;;
            --replace) replace=1 ;;
            --no-safety-backup) safety='' ;;
            --yes) assume_yes=1 ;;
            *) archive=$1 ;;
        esac
        shift
    done
    [[ $keep_days =~ ^[0-9]{1,5}$ ]] || misused "--keep-days is \"$keep_days\"; it must be a number of days"
}

# --- The compose project --------------------------------------------------------

find_compose() {
    if [ -n "${COMPOSE_COMMAND:-}" ]; then
        read -r -a compose_words <<< "$COMPOSE_COMMAND"
    elif docker compose version > /dev/null 2>&1; then
        compose_words=(docker compose)
    elif command -v docker-compose > /dev/null; then
        compose_words=(docker-compose)
    else
        fail "no compose tool: neither \"docker compose\" nor \"docker-compose\" answers" \
            "install one, or name it in COMPOSE_COMMAND"
    fi
    # By itself, version 1 speaks a version of the engine's interface that new engines refuse.
    export COMPOSE_API_VERSION=${COMPOSE_API_VERSION:-auto}
    local file
    for file in "${compose_files[@]}"; do compose_words+=(--file "$file"); done
    [ -z "$project" ] || compose_words+=(--project-name "$project")
    compose_in=.
    [ ${#compose_files[@]} -gt 0 ] || [ -n "${COMPOSE_FILE:-}" ] || compose_in=$stack_dir
    running_now=$(running_services) || fail "compose cannot read the project" "look at the message above; see --project and --file"
}

# Standard input is nothing, unless a caller says otherwise: compose would eat a loop's.
compose() { (cd "$compose_in" && "${compose_words[@]}" "$@"); }

running_services() { compose ps --services --filter status=running < /dev/null; }
is_running() { grep -qxF "$1" <<< "$(running_services)"; } # SERVICE

# Prints, inside a service, what tells one installation from another, wherever it runs:
# STACK_NAME, else its hosts. grading/backups knows it by the same name.
# shellcheck disable=SC2016
print_stack='printf %s "${STACK_NAME:-${DJANGO_ALLOWED_HOSTS:-$POSTGRES_DB}}" | tr -d "[:space:]" | tr , +'

app_services=${APP_SERVICES:-backend celery celery-beat}
stopped=()

# Those of the application's services that run, a line each.
running_app() {
    local running
    running=$(running_services) || return
    grep -xF -f <(tr -s '[:space:]' '\n' <<< "$app_services") <<< "$running" || true
}

# ⚠️ Takes the application down until start_application.
stop_application() {
    local running
    running=$(running_app)
    [ -n "$running" ] || return 0
    mapfile -t stopped <<< "$running"
    say "stopping ${stopped[*]} until the restore is over"
    compose stop "${stopped[@]}" < /dev/null >&2
}

start_application() {
    [ ${#stopped[@]} -gt 0 ] || return 0
    say "starting ${stopped[*]} again"
    compose start "${stopped[@]}" < /dev/null >&2
    stopped=()
}

db_service=${DB_SERVICE:-db}

# in_db SCRIPT [ARGUMENT…]: a shell command in the database's container, over its socket, as
# the system's user postgres: needs no password, whatever the restored roles say.
in_db() { compose exec -T --user "${DB_SYSTEM_USER:-postgres}" "$db_service" sh -c "$@"; }

confirm() { # WHAT WILL BE LOST
    [ -z "$assume_yes" ] || return 0
    [ -t 0 ] || misused "this needs a terminal to ask for confirmation, or --yes"
    local answer
    printf '⚠️  %s\nType "yes" to go on: ' "$1" >&2
    read -r answer
    [ "$answer" = yes ] || fail "nothing was changed"
}

# --- The folder -----------------------------------------------------------------

# Opens the folder, and keeps everyone else out of it for as long as the script runs.
open_dir() {
    umask 077
    if [ -z "$dir" ]; then
        local first=${compose_files[0]:-${COMPOSE_FILE:-$stack_dir/compose.yaml}}
        dir=$(dirname "${first%%:*}")/backups
    fi
    mkdir -p -- "$dir" || fail "cannot create $dir"
    dir=$(cd "$dir" && pwd)
    chmod 700 "$dir" || fail "cannot make $dir private" "choose another --dir"
    exec 9> "$dir/.lock" || fail "cannot write to $dir"
    flock --nonblock 9 || fail "another backup or restore is at work in $dir" "wait for it, or choose another --dir"
    # Under the lock, whatever is unfinished was left by a run that was killed.
    find "$dir" -maxdepth 1 -name '.unfinished-*' -type f -delete
    local sum
    for sum in "$dir"/*db-*Z.sql.*.sha256 "$dir"/*media-*Z.tar.*.sha256; do
        [ ! -f "$sum" ] || [ -e "${sum%.sha256}" ] || rm -f -- "$sum"
    done
}

# A name that no file in the folder has.
new_name() { # KIND SUFFIX
    local name
    while name=$1-$(date -u +%Y%m%dT%H%M%SZ).$2; [ -e "$dir/$name" ]; do sleep 1; done
    printf %s "$name"
}

unfinished='' unfinished_files=()
remove_unfinished() { [ ${#unfinished_files[@]} -eq 0 ] || rm -f -- "${unfinished_files[@]}"; }
trap remove_unfinished EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Sets $unfinished: where the file NAME is written until it is complete.
begin() { # NAME
    unfinished=$dir/.unfinished-$1
    unfinished_files+=("$unfinished" "$unfinished.sha256")
}

# Verifies what was begun, while it goes to disk, and gives it its name. The checksum goes first:
# a file that has its name has its checksum, too. Needs the function verify FILE of the script, or
# the one that is named; and the checksum, if it was made of what was written.
keep() { # NAME [VERIFY SUM]
    local sum=${3:-} flushing
    [ -n "$sum" ] || sum=$(sha256 < "$unfinished")
    printf '%s  %s\n' "$sum" "$1" > "$unfinished.sha256" || unwritten
    sync "$unfinished" "$unfinished.sha256" & flushing=$!
    ("${2:-verify}" "$unfinished") || fail "the backup does not verify; nothing is left of it" "take it again"
    wait "$flushing" || unwritten
    mv -- "$unfinished.sha256" "$dir/$1.sha256"
    mv -- "$unfinished" "$dir/$1"
    sync "$dir"
}
unwritten() { fail "cannot write to $dir; nothing is left of the backup" "free some space and take it again"; }

if command -v zstd > /dev/null; then
    compressed=zst
    compress() { zstd --quiet -3 --threads=0; }
else
    compressed=gz
    compress() { gzip; }
fi

decompress() { # FILE
    case $1 in
        *.zst) zstd --quiet --decompress --stdout < "$1" ;;
        *.gz) gzip --decompress --stdout < "$1" ;;
        *) echo "not a .zst or .gz file" >&2; return 1 ;;
    esac
}

# The digest of standard input. Of both, openssl uses the processor's own instructions; one that
# does not work is not asked.
sha256() { sha256sum | cut -d ' ' -f 1; }
of_nothing=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
if [ "$(openssl dgst -sha256 -r < /dev/null 2> /dev/null | cut -d ' ' -f 1)" = "$of_nothing" ]; then
    sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }
fi

# What was encrypted after it was taken begins otherwise: nobody can read it without the key.
require_plain() { # FILE
    local begins
    [ -s "$1" ] || fail "$1 is empty" "copy it again from where the backup was taken, or take it again"
    begins=$(head --bytes=262 -- "$1" | od --address-radix=n --output-duplicates --format=x1 | tr -d ' \n')
    case $1 in
        *.zst) [[ $begins == 28b52ffd* ]] ;;
        *.gz) [[ $begins == 1f8b* ]] ;;
        # "ustar", where the header of the first member says what it is.
        *.tar) [ "${begins:514}" = 7573746172 ] ;;
        *.manifest) [[ $begins == 7b* ]] ;;
        *.age | *.asc | *.enc | *.gpg) false ;;
    esac || fail "$1 is encrypted, or damaged at its beginning" \
        "decrypt it first, with the key that is kept apart; if it was never encrypted, use another backup"
}

# Size and checksum: what any archive must stand. Whoever calls this reads it to its end, too:
# somebody may have made a checksum of a truncated file.
verify_file() { # FILE
    local expected actual
    [ -f "$1" ] || fail "$1 does not exist"
    require_plain "$1"
    [ -f "$1.sha256" ] || fail "$1 has no checksum: $1.sha256 does not exist" \
        "copy it from where the backup was taken; without it nothing proves that the file is whole"
    expected=$(cut -d ' ' -f 1 < "$1.sha256")
    [[ $expected =~ ^[0-9a-f]{64}$ ]] || fail "$1 has no checksum: what is in $1.sha256 is none" \
        "copy it from where the backup was taken; without it nothing proves that the file is whole"
    actual=$(sha256 < "$1")
    [ "$actual" = "$expected" ] || fail "$1 is damaged: its checksum is not the one in $1.sha256" \
        "copy it again from where the backup was taken, or use another backup"
}

refuse_damaged() { fail "$1 is damaged: it cannot be decompressed to its end" "use another backup"; } # FILE

# require_origin FILE STACK TARGET_STACK
require_origin() {
    [ "$2" = "$3" ] || [ "$2" = "$from_stack" ] ||
        fail "$1 is of another stack: it was taken from \"$2\", this is \"$3\"" \
            "if that is what you want, name it: --from-stack '$2'"
}

# --- Retention ------------------------------------------------------------------

discard() { rm -f -- "$1" "$1.sha256" "${1%/*}/.created-roles-of-${1##*/}"; } # FILE

# prune PATTERN STACK [KNOWN_GOOD]: deletes files older than --keep-days whose name is one of
# ours and which are of this stack, but never the newest that verifies. Needs the functions
# stack_in FILE and verify FILE of the script.
prune() {
    local now file age_days good=${3:-} expired=() stamp
    now=$(date -u +%s)
    local file_names=()
    mapfile -t file_names < <(find "$dir" -maxdepth 1 -type f -printf '%f\n' | grep -E "$1" | sort -r)
    for file in "${file_names[@]}"; do
        # By the name: copying a file changes its date.
        stamp=$(grep -oE '[0-9]{8}T[0-9]{6}Z' <<< "$file")
        stamp=$(date -u -d "${stamp:0:4}-${stamp:4:2}-${stamp:6:2}T${stamp:9:2}:${stamp:11:2}:${stamp:13:2}Z" +%s) || continue
        age_days=$(((now - stamp) / 86400))
        [ "$age_days" -ge "$keep_days" ] && [ "$(stack_in "$dir/$file")" = "$2" ] && expired+=("$file")
    done
    [ ${#expired[@]} -gt 0 ] || return 0
    for file in "${file_names[@]}"; do
        [ -z "$good" ] || break
        if [ "$(stack_in "$dir/$file")" = "$2" ] && (verify "$dir/$file") > /dev/null 2>&1; then good=$file; fi
    done
    if [ -z "$good" ]; then
        say "no backup in $dir verifies, so none is deleted"
        return 1
    fi
    for file in "${expired[@]}"; do
        [ "$file" != "$good" ] || continue
        say "deleting $file, older than $keep_days days"
        discard "$dir/$file"
    done
}
