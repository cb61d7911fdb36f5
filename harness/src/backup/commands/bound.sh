#!/bin/sh
# Stands for `docker` and `docker-compose` while a drill runs an operator's commands: they
# reach the compose project of that drill, and no other.
set -eu

refuse() {
    echo "refused: $1: a method's commands may use 'docker compose' on this run's project alone" >&2
    exit 125
}

must_be() {
    [ "$2" = "$3" ] || refuse "$1 $2: this run's is $3"
}

# Further files of the stack, behind the run's own: the whole is sealed under that very name.
bound_file=$DR_DRILL_BOUND_FILE
case ${COMPOSE_FILE-} in
"" | "$DR_DRILL_BOUND_FILE") ;;
"$DR_DRILL_BOUND_FILE":*)
    [ -f "$COMPOSE_FILE" ] || refuse "COMPOSE_FILE=$COMPOSE_FILE"
    bound_file=$COMPOSE_FILE
    ;;
*) refuse "COMPOSE_FILE=$COMPOSE_FILE" ;;
esac

if [ "${0##*/}" = docker ]; then
    case ${1-} in
    compose) shift ;;
    *) refuse "docker ${1-}" ;;
    esac
fi

# The options before the subcommand say which project is meant.
count=$#
expected=""
subcommand=""
foreign=""
while [ "$count" -gt 0 ]; do
    word=$1
    shift
    count=$((count - 1))
    if [ -n "$subcommand" ]; then
        set -- "$@" "$word"
        continue
    fi
    case $expected in
    project) must_be --project-name "$word" "$DR_DRILL_BOUND_PROJECT"; expected=""; continue ;;
    file)
        expected=""
        [ "$word" != "$DR_DRILL_BOUND_FILE" ] || continue
        foreign=$word
        set -- "$@" --file "$word"
        continue
        ;;
    any) set -- "$@" "$word"; expected=""; continue ;;
    esac
    case $word in
    -p | --project-name) expected=project ;;
    --project-name=*) must_be --project-name "${word#*=}" "$DR_DRILL_BOUND_PROJECT" ;;
    -f | --file) expected="file" ;;
    --file="$DR_DRILL_BOUND_FILE") ;;
    --file=*) foreign=${word#*=}; set -- "$@" "$word" ;;
    --ansi | --profile | --parallel | --progress) expected=any; set -- "$@" "$word" ;;
    --ansi=* | --profile=* | --parallel=* | --progress=*) set -- "$@" "$word" ;;
    --verbose | --no-ansi | --compatibility | --dry-run | --version | --help | -v | -h) set -- "$@" "$word" ;;
    -*) refuse "docker compose $word" ;;
    *) subcommand=$word; set -- "$@" "$word" ;;
    esac
done

# Compose 1.29 runs the engine's client by itself, for exec: it needs the real one.
PATH=${PATH#"${0%/*}:"}

# Other files may be resolved and printed, as a dry run does. Nothing comes of that.
if [ -n "$foreign" ]; then
    [ "$subcommand" = config ] || refuse "--file $foreign: this run's is $DR_DRILL_BOUND_FILE"
    # shellcheck disable=SC2086  # words of a command, as the drill found it
    exec $DR_DRILL_BOUND_COMPOSE "$@"
fi

# shellcheck disable=SC2086  # words of a command, as the drill found it
exec $DR_DRILL_BOUND_COMPOSE --project-name "$DR_DRILL_BOUND_PROJECT" --file "$bound_file" "$@"
