#!/usr/bin/env bash
# Starts CareForAll on this machine, with a demo campaign, and says where to look. Installs what is
# missing (Rust, a C compiler, Postgres), needs no Docker and no running database, and listens only
# locally. Works as root and as an ordinary user, from any directory, and again.
#
#   scripts/run.sh [arguments of `careforall serve`]
#
# CAREFORALL_* variables are passed on; `target/release/careforall config check` lists them.
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/setup.sh
. "$ROOT/scripts/lib/setup.sh"

keep_relative_to_caller CARGO_TARGET_DIR CAREFORALL_EMBEDDED__DATA_DIR PG_BIN_DIR
cd "$ROOT"
ensure_c_compiler
ensure_rust
if [ -z "${DATABASE_URL:-}" ]; then ensure_postgres; fi

say "building (the first time takes some minutes)"
cargo build --release --locked --bin careforall
program=$(target_directory)/release/careforall

# beside whatever runs already
if [ -z "${CAREFORALL_HTTP__BIND:-}" ]; then
    CAREFORALL_HTTP__BIND=127.0.0.1:$(free_port 8080)
    export CAREFORALL_HTTP__BIND
fi
if [ -z "${CAREFORALL_METRICS__BIND:-}" ]; then
    CAREFORALL_METRICS__BIND=127.0.0.1:$(free_port 9464)
    export CAREFORALL_METRICS__BIND
fi

say "starting on http://$CAREFORALL_HTTP__BIND (Ctrl-C stops it; the data stays)"
exec "$program" serve "$@"
