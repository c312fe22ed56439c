#!/usr/bin/env bash
# Writes docs/PLANS.md: how Postgres carries out every statement, on a database with millions of
# pledges. The statements are not copied: a server runs on that database, every list is asked for at
# its beginning and deep inside, gifts are given, all books are compared, and Postgres explains
# whatever reaches it (auto_explain, with ANALYZE and BUFFERS). Takes a quarter of an hour at 10
# million pledges. Fails when a large table is read whole.
#
#   scripts/plans.sh DIRECTORY     # as `scripts/bench.sh --filled DIRECTORY` makes it
#
# CAREFORALL_DEV_BENCH_PROGRAM: use this program instead of building one
set -euo pipefail

# shellcheck source=lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/setup.sh
. "$ROOT/scripts/lib/setup.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/scripts/bench/lib.sh"

filled=${1:?the data directory of a filled database}
case $filled in /*) ;; *) filled=$PWD/$filled ;; esac
keep_relative_to_caller CARGO_TARGET_DIR PG_BIN_DIR CAREFORALL_DEV_BENCH_PROGRAM
cd "$ROOT"
ensure_postgres
have python3 || die "the plans are put together by python3"
build

# shellcheck disable=SC2034 # lib.sh uses them
seconds=5 warm_up=0
work=$(mktemp -d)
results=$work/results
chmod 755 "$work"
own_environment
fill

socket=$filled/run
explaining=(session_preload_libraries=auto_explain auto_explain.log_min_duration=0
    auto_explain.log_analyze=on auto_explain.log_buffers=on auto_explain.log_nested_statements=on
    auto_explain.sample_rate=1)
explain() { sql -c "ALTER DATABASE careforall $1"; }
stop_explaining() {
    for setting in "${explaining[@]}"; do explain "RESET ${setting%%=*}" 2>/dev/null || true; done
}
trap 'stop_explaining; finish' EXIT

# the explaining is set before the server opens its connections
start_server main "$filled" ''
# with a library that is not there nobody could connect any more
sql -c "LOAD 'auto_explain'"
for setting in "${explaining[@]}"; do explain "SET ${setting/=/ = }"; done
# what changed is compared by the server, at once; everything at the end
put_off_walk
sql -c "UPDATE admin.reconciliation SET next_at = now() WHERE kind = 'changes'"
# not our own questions
export PGOPTIONS='-c session_preload_libraries='
stop_server main
log=$filled/postgres.log
from=$(($(wc -l <"$log") + 1))
start_server main "$filled" ''

say "every list and look-up"
email=plans-$(date +%s)@bench.example
url="postgres://careforall@/careforall?host=$(printf %s "$socket" | sed 's,/,%2F,g')"
echo 'correct horse battery staple' |
    DATABASE_URL=$url "$program" admin create --email "$email" >/dev/null
python3 "$ROOT/scripts/bench/visit.py" "http://127.0.0.1:${ports[main]}" "$email" \
    "$(sql -c "SELECT campaign_id FROM totals.campaign_totals ORDER BY donation_count DESC LIMIT 1")"
say "gifts, and all that follows from them"
size="$(sql -c "SELECT to_char(reltuples, 'FM999,999,999') FROM pg_class WHERE oid = 'pledge.pledges'::regclass") pledges"
bench_json donations --connections 4 --campaigns 100
say "the comparison of all books, of which one plan in a hundred is kept"
explain "SET auto_explain.sample_rate = 0.01"
DATABASE_URL=$url "$program" reconcile >/dev/null

python3 "$ROOT/scripts/bench/plans.py" <(tail -n "+$from" "$log") "$ROOT/docs/PLANS.md" \
    "$(machine); $size"
