#!/usr/bin/env bash
# Two replicas behind nginx under load, while replicas are killed and frozen, Postgres and Redis go
# away, the bank fails and webhooks are lost and doubled. Prints what was injected, and what was
# acknowledged, lost and doubled; fails if any book differs from any other.
#
#   scripts/chaos.sh [seconds of load, 180]
#
# CAREFORALL_DEV_CHAOS_SEED: repeats the plan of an earlier run, not its timing
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/setup.sh
. "$ROOT/scripts/lib/setup.sh"

CAREFORALL_DEV_CHAOS_SECONDS=${1:-180}
case $CAREFORALL_DEV_CHAOS_SECONDS in
"" | *[!0-9]*) die "not a number of seconds: $CAREFORALL_DEV_CHAOS_SECONDS" ;;
esac
export CAREFORALL_DEV_CHAOS_SECONDS

keep_relative_to_caller CARGO_TARGET_DIR PG_BIN_DIR
cd "$ROOT"
ensure_c_compiler
ensure_rust
ensure_postgres
ensure_redis
ensure_nginx

exec cargo test --locked --test it chaos:: -- --nocapture
