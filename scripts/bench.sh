#!/usr/bin/env bash
# Measures the twelve figures of docs/PERFORMANCE.md beside their yardsticks, on this machine, and
# writes them there. Postgres, Redis, nginx and the servers are this run's own, on local addresses,
# and end with it. Rate limits are off. Nothing else should be at work on the machine.
#
#   scripts/bench.sh [--quick] [--no-write] [--filled DIRECTORY]
#
# --quick     one short round of each instead of three, in under four minutes; not for the record
# --no-write  leave docs/PERFORMANCE.md as it is
# --filled    P8: the data directory with 10 million pledges; filled first if it is not there,
#             which takes about half an hour and 40 GB (CAREFORALL_DEV_BENCH_PLEDGES for fewer)
#
# CAREFORALL_DEV_BENCH_PROGRAM: measure this program instead of building one
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/setup.sh
. "$ROOT/scripts/lib/setup.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/scripts/bench/lib.sh"

rounds=3 seconds=6 warm_up=2 quick='' write=yes filled=''
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=yes rounds=1 seconds=3 warm_up=1 ;;
    --no-write) write='' ;;
    --filled)
        filled=${2:?--filled needs a directory}
        case $filled in /*) ;; *) filled=$PWD/$filled ;; esac
        shift
        ;;
    *) die "unknown argument: $1" ;;
    esac
    shift
done

keep_relative_to_caller CARGO_TARGET_DIR PG_BIN_DIR CAREFORALL_DEV_BENCH_PROGRAM
cd "$ROOT"
ensure_postgres
ensure_redis
ensure_nginx
have python3 || die "the figures are put together by python3"
[ -x "$(command -v "$(pgbench_program)")" ] || die "pgbench is missing"
build

work=$(mktemp -d)
# the embedded Postgres runs as an account of its own, and pgbench asks for its socket
chmod 755 "$work"
results=$work/results
: >"$results"
trap finish EXIT
own_environment

say "P10: the first start, with an embedded database"
start_redis
began=$(now_ms)
start_server main "$work/data" ''
note P10_embedded_ms $(($(now_ms) - began))
socket=$work/data/run
url="postgres://careforall@/careforall?host=$(printf %s "$socket" | sed 's,/,%2F,g')"

say "P10 and P11: a second start, and an idle replica"
measure_starts
measure_idle_queries

for ((round = 1; round <= rounds; round++)); do
    say "P1 to P4, round $round of $rounds"
    measure_maxima ''
done
note P9_load_mb "$(peak_mb main)"

for ((round = 1; round <= rounds; round++)); do
    say "P5 and P6, round $round of $rounds: at half of the maximum rate"
    measure_latencies
done

for ((round = 1; round <= rounds; round++)); do
    say "P7, round $round of $rounds: one campaign, and 1,000"
    bench P7_spread donation spread
    bench P7_hot donation hot
done

for ((round = 1; round <= rounds; round++)); do
    say "P12, round $round of $rounds: one replica and three, behind nginx"
    measure_replicas
done
stop_server main

if [ -n "$filled" ]; then
    say "P8: the same with $filled"
    measure_filled
fi

python3 "$ROOT/scripts/bench/report.py" "$results" "$(machine)" ${quick:+--quick} \
    ${write:+--write "$ROOT/docs/PERFORMANCE.md"}
