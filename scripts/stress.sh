#!/usr/bin/env bash
# A thousand gifts, a hundred at once, against a running stack, while a replica is killed and Redis is
# away; each webhook ten times and out of order; invalid requests. Then the campaign's totals, the
# sandbox bank's books and what was acknowledged are compared. Needs Python 3, and the server's sandbox.
#
#   scripts/stress.sh                                   the stack of compose.yaml, faults and all
#   scripts/stress.sh http://127.0.0.1:8080 [options]   any other; --help lists them
#
# A server that limits requests per address slows one machine down: it is asked again, and takes longer.
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

have python3 || die "this needs Python 3"
if [ "$#" = 0 ]; then
    set -- http://127.0.0.1:8080 --compose --prometheus http://127.0.0.1:9090
fi
PYTHONPATH="$ROOT/scripts/lib" PYTHONDONTWRITEBYTECODE=1 exec python3 -m stress "$@"
