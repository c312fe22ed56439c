#!/usr/bin/env bash
# Holds the HTTP contract against the program: Schemathesis reads /openapi.json of a real server and
# sends it what the document allows and what it does not, first as a guest, then as a registered
# user, then as an administrator, and tells how many cases that were. The server, its Postgres and
# its data are this run's own and end with it.
#
#   scripts/fuzz.sh [arguments of `schemathesis run`]
#
# CAREFORALL_DEV_FUZZ_EXAMPLES: test cases per operation and phase (50)
# CAREFORALL_DEV_FUZZ_PROGRAM: a program that was built already
# CAREFORALL_DEV_FUZZ_VENV: where Schemathesis is installed (target/fuzz)
# CAREFORALL_DEV_FUZZ_KEEP: a directory for the server's log and the reports, which then stay
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/setup.sh
. "$ROOT/scripts/lib/setup.sh"

EMAIL=fuzz@example.org
ADMIN=admin@example.org
# none of the document's examples: one of them would change it
PASSWORD='only for fuzzing, and long'

keep_relative_to_caller CARGO_TARGET_DIR PG_BIN_DIR CAREFORALL_DEV_FUZZ_VENV \
    CAREFORALL_DEV_FUZZ_KEEP CAREFORALL_DEV_FUZZ_PROGRAM
cd "$ROOT"
ensure_c_compiler
ensure_rust
ensure_postgres
have python3 || die "Schemathesis needs Python 3 with its venv module"

program=${CAREFORALL_DEV_FUZZ_PROGRAM:-}
if [ -z "$program" ]; then
    cargo build --locked --bin careforall
    program=$(target_directory)/debug/careforall
fi
venv=${CAREFORALL_DEV_FUZZ_VENV:-$(target_directory)/fuzz}
if [ ! -x "$venv/bin/schemathesis" ]; then
    say "installing Schemathesis"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r tests/requirements-fuzz.txt
fi

work=$(mktemp -d)
server=
# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
keep=${CAREFORALL_DEV_FUZZ_KEEP:-$work}
mkdir -p "$keep"

# whatever the caller's shell is set to, the server is a plain one of its own
for name in $(compgen -e | grep -E '^CAREFORALL_|^(DATABASE|DATABASE_REPLICA|REDIS)_URL$|^RUST_LOG$' || true); do
    case $name in CAREFORALL_DEV_*) ;; *) unset "$name" ;; esac
done
# the hooks sign webhooks with it
CAREFORALL_DEV_FUZZ_SECRET=$(head -c 32 /dev/urandom | base64)
export CAREFORALL_DEV_FUZZ_SECRET
# an administrator is made by the command line, before the server has the embedded Postgres
printf '%s\n' "$PASSWORD" | CAREFORALL_EMBEDDED__DATA_DIR="$work/data" \
    "$program" admin create --email "$ADMIN" >"$keep/admin.log" 2>&1 ||
    { cat "$keep/admin.log" >&2; die "no administrator could be made"; }
say "starting a server"
CAREFORALL_HTTP__BIND=127.0.0.1:0 CAREFORALL_METRICS__BIND=127.0.0.1:0 \
    CAREFORALL_RATE_LIMIT__ENABLED=false CAREFORALL_LOG__FORMAT=json \
    CAREFORALL_SANDBOX__WEBHOOK_SECRET="whsec_$CAREFORALL_DEV_FUZZ_SECRET" \
    CAREFORALL_EMBEDDED__DATA_DIR="$work/data" \
    "$program" serve >"$keep/address" 2>"$keep/server.log" &
server=$!
until grep -q '^listening ' "$keep/address"; do
    kill -0 "$server" 2>/dev/null || { tail -n 20 "$keep/server.log" >&2; die "the server ended"; }
    sleep 0.1
done
base=$(sed -n 's/^listening http=\([^ ]*\) .*/http:\/\/\1/p' "$keep/address")

post() {
    python3 - "$base$1" "$2" <<'PYTHON'
import sys, urllib.request
json = {"Content-Type": "application/json"}
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), json)
print(urllib.request.urlopen(request).read().decode())
PYTHON
}
post /api/v1/auth/register "{\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\",\"name\":\"Fuzz\"}" >/dev/null
export CAREFORALL_DEV_FUZZ_BASE=$base CAREFORALL_DEV_FUZZ_PASSWORD=$PASSWORD

# $1: who, the rest: arguments
fuzz() {
    local who=$1
    shift
    say "as a $who"
    "$venv/bin/schemathesis" --config-file tests/schemathesis.toml run "$base/openapi.json" \
        --checks all --phases examples,coverage,fuzzing,stateful \
        --max-examples "${CAREFORALL_DEV_FUZZ_EXAMPLES:-50}" \
        --continue-on-failure --report ndjson --report-ndjson-path "$keep/$who.ndjson" "$@" |
        tee "$keep/$who.txt"
}
outcome=0
fuzz guest "$@" || outcome=1
# the hooks sign in, and anew before a token ends
CAREFORALL_DEV_FUZZ_AS=$EMAIL fuzz user "$@" || outcome=1
CAREFORALL_DEV_FUZZ_AS=$ADMIN fuzz admin "$@" || outcome=1
kill -0 "$server" 2>/dev/null || die "the server did not survive"
say "cases: $(cat "$keep"/{guest,user,admin}.txt | sed -n 's/.*[^0-9]\([0-9][0-9]*\) generated.*/\1/p' |
    awk '{ sum += $1 } END { print sum + 0 }')"
exit "$outcome"
