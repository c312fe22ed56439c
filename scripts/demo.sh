#!/usr/bin/env bash
# A whole donation against a running server, step by step, each with its trace id: a pledge and its
# repetition, a payment, a capture that is told of before its authorization, every webhook ten times
# more, and the total at the end. Stops with an error at the first thing that is not as it should be.
#
#   scripts/demo.sh [URL]     http://127.0.0.1:8080 unless told otherwise
#
# The program is the one that was built here, else the one in the running stack of compose.yaml.
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

url=${1:-http://127.0.0.1:8080}
for program in "${CARGO_TARGET_DIR:-$ROOT/target}"/{release,debug}/careforall; do
    [ -x "$program" ] && exec "$program" demo --url "$url"
done
have careforall && exec careforall demo --url "$url"
if have docker && (cd "$ROOT" && docker compose ps --quiet app-1 2>/dev/null | grep -q .); then
    [ "$#" = 0 ] || die "inside the stack only its own balancer can be reached; leave the URL out"
    cd "$ROOT"
    exec docker compose exec app-1 careforall demo --url http://nginx:8080
fi
die "there is no program yet: cargo build --release, or docker compose up"
