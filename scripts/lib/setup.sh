# shellcheck shell=bash
# Installs what is missing, and only that. Sourced after common.sh. Nothing that is installed here
# is left running: the programs start what they need themselves.

# The oldest Rust that builds this, from Cargo.toml.
rust_needed() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml"; }

APT_UPDATED=

apt_install() {
    have apt-get || die "please install these (or what they are called here) and try again: $*"
    if [ -z "$APT_UPDATED" ]; then
        as_root apt-get update -qq
        APT_UPDATED=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >&2
}

brew_install() {
    have brew || die "please install Homebrew (https://brew.sh), or $* in another way"
    brew install --quiet "$@" >&2
}

on_macos() { [ "$(uname -s)" = Darwin ]; }

ensure_c_compiler() {
    have cc && return
    say "installing a C compiler"
    if on_macos; then
        xcode-select --install || true
        die "macOS asks whether to install its developer tools; do so, and try again"
    fi
    apt_install gcc libc6-dev
}

# $1 is at least $2, comparing dotted numbers.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

rust_is_there() {
    have cargo || return 1
    # rustup fetches the version of rust-toolchain.toml by itself
    have rustup && return 0
    at_least "$(cargo --version | cut -d' ' -f2 | cut -d- -f1)" "$(rust_needed)"
}

ensure_rust() {
    local home=${CARGO_HOME:-$HOME/.cargo}
    # installed, but the shell was not started anew since
    if ! have rustup && [ -x "$home/bin/rustup" ]; then
        PATH="$home/bin:$PATH"
    fi
    if ! rust_is_there; then
        say "installing Rust with rustup, into $home"
        have curl || apt_install curl ca-certificates
        curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
            sh -s -- -y --quiet --no-modify-path --profile minimal --default-toolchain none
        PATH="$home/bin:$PATH"
    fi
    if have rustup && ! (cd "$ROOT" && cargo --version) >/dev/null 2>&1; then
        say "installing the toolchain of rust-toolchain.toml"
        (cd "$ROOT" && rustup toolchain install) >&2
    fi
    export PATH
}

# Looks where the server looks; see src/platform/embedded_postgres/binaries.rs.
postgres_is_there() {
    local bin program
    if [ -n "${PG_BIN_DIR:-}" ]; then
        [ -x "$PG_BIN_DIR/postgres" ] || die "PG_BIN_DIR=$PG_BIN_DIR has no postgres"
        return 0
    fi
    if have postgres; then
        program=$(command -v postgres)
        # a link points at the place where initdb is
        bin=$(dirname "$(readlink -f "$program" 2>/dev/null || echo "$program")")
        [ -x "$bin/initdb" ] && return 0
    fi
    for bin in /usr/lib/postgresql/*/bin /usr/libexec/postgresql* /usr/pgsql-*/bin \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /home/linuxbrew/.linuxbrew/opt/postgresql*/bin \
        /Applications/Postgres.app/Contents/Versions/*/bin; do
        [ -x "$bin/postgres" ] && [ -x "$bin/initdb" ] && return 0
    done
    return 1
}

ensure_postgres() {
    postgres_is_there && return
    say "installing Postgres"
    if on_macos; then
        brew_install postgresql@17
    else
        apt_install_postgres
    fi
    postgres_is_there || die "Postgres was installed, but cannot be found; set PG_BIN_DIR"
}

# Debian makes and starts a cluster as it installs the server. Nobody here needs it, so it is told
# not to, for as long as the installation takes.
apt_install_postgres() {
    local conf=/etc/postgresql-common/createcluster.conf status=0
    apt_install postgresql-common
    as_root cp -p "$conf" "$conf.careforall"
    echo "create_main_cluster = false" | as_root tee -a "$conf" >/dev/null
    (apt_install postgresql) || status=$?
    as_root mv "$conf.careforall" "$conf"
    return "$status"
}

# What tests/requirements.txt lists, in a virtual environment of its own: $1. Made anew when the
# list has changed.
ensure_python_packages() {
    local list=$ROOT/tests/requirements.txt
    cmp -s "$list" "$1/requirements.txt" && return
    say "installing the tests' Python packages, into $1"
    if ! have python3 || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        if on_macos; then brew_install python3; else apt_install python3 python3-venv; fi
    fi
    python3 -m venv --clear "$1"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list"
    cp "$list" "$1/requirements.txt"
}

ensure_redis() {
    have redis-server && return
    say "installing Redis"
    if on_macos; then
        brew_install redis
        return
    fi
    apt_install redis-server
    # the package starts a service; the tests start their own
    if have systemctl && [ -d /run/systemd/system ]; then
        as_root systemctl disable --now --quiet redis-server || true
    elif have service; then
        as_root service redis-server stop >/dev/null 2>&1 || true
    fi
}

ensure_prometheus() {
    have prometheus && have promtool && return
    say "installing Prometheus"
    if on_macos; then
        brew_install prometheus
    else
        apt_install_unstarted prometheus
    fi
}

ensure_nginx() {
    # an ordinary user's PATH need not have it
    if have nginx || [ -x /usr/sbin/nginx ]; then return; fi
    say "installing nginx"
    if on_macos; then
        brew_install nginx
        return
    fi
    apt_install_unstarted nginx-light
}

# The packages of servers start a service; the tests start their own. Debian's way to forbid it is a
# policy, kept for as long as the installation takes.
apt_install_unstarted() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        apt_install "$@"
        return
    fi
    # whoever interrupts this must not be left with a machine that starts no services
    trap 'as_root rm -f /usr/sbin/policy-rc.d; exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    (apt_install "$@") || status=$?
    as_root rm -f "$policy"
    trap - INT TERM
    return "$status"
}
