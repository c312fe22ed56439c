#!/usr/bin/env bash
# Replaces the replicas of compose.yaml one by one, without a failed request: each drains, ends, is
# made anew from the image in force, and is in rotation again before the next one's turn.
#
#   TAG=1.2.3 scripts/rolling.sh     after `docker compose pull`
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

# for so long nginx leaves alone what has refused it (fail_timeout in deploy/nginx/upstream.conf)
LEFT_ALONE=5

cd "$ROOT"
for replica in app-1 app-2 app-3; do
    say "$replica"
    docker compose up --detach --no-deps --wait --wait-timeout 120 "$replica"
    sleep $((LEFT_ALONE + 1))
done
