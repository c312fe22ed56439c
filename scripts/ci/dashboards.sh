#!/usr/bin/env bash
# Prometheus' configuration, its rules and their tests, and that the dashboards are JSON. What the
# queries ask for is compared with what the server counts by the tests.
set -euo pipefail

# shellcheck source=../lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/common.sh"

cd "$ROOT/deploy/prometheus"
promtool check config --syntax-only prometheus.yml
promtool test rules tests/*.yml
find ../grafana -name '*.json' -print0 | xargs -0 -r -n 1 python3 -m json.tool --no-ensure-ascii >/dev/null
