#!/usr/bin/env bash
# Runs all tests, against real servers: Postgres, Redis, nginx, Prometheus, a mail server, and the program itself.
# Installs what is missing; whatever the tests start is theirs alone, on ports that were free, and ends with them.
# Works as root and as an ordinary user, from any directory, and again.
#
#   scripts/test.sh [arguments of `cargo test`]
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/setup.sh
. "$ROOT/scripts/lib/setup.sh"

keep_relative_to_caller CARGO_TARGET_DIR PG_BIN_DIR
cd "$ROOT"
ensure_c_compiler
ensure_rust
ensure_postgres
ensure_redis
ensure_nginx
ensure_prometheus
ensure_python_packages "$(target_directory)/python"

# its exit code and its closing lines are ours
exec cargo test --locked "$@"
