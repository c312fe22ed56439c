# shellcheck shell=bash
# Small words that every script uses. Sourced, never run. Kept to what bash 3.2 knows, since that
# is what macOS has.

# shellcheck disable=SC2034 # for those who source this
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: directly, or through sudo, which may ask for a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "this needs root, and there is no sudo; as root, run: $*"
    fi
}

# Makes variables that hold a relative path mean what they meant where the script was called.
keep_relative_to_caller() {
    local name
    for name in "$@"; do
        case "${!name:-}" in
        "" | /*) ;;
        *) export "$name=$PWD/${!name}" ;;
        esac
    done
}

# The directory that cargo builds into, however it was told.
target_directory() {
    cargo metadata --no-deps --format-version 1 |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# Whether something listens on a local port.
port_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first free port from $1 on.
free_port() {
    local port=$1
    while port_taken "$port"; do port=$((port + 1)); done
    echo "$port"
}
