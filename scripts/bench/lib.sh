# shellcheck shell=bash
# What scripts/bench.sh does, step by step. Sourced by it; its variables are used here.
# shellcheck disable=SC2154

# ids of what runs, by name
declare -A pids=() ports=()

# What makes as much load as it can shares the cores with what it measures. An answer that it waits
# for does not displace the server from its core (SCHED_BATCH), as it would not from a machine of its
# own. Where the rate is given there is room for both, and latencies are to be seen at once.
aside=()
if have chrt; then aside=(chrt --batch 0); fi

build() {
    program=${CAREFORALL_DEV_BENCH_PROGRAM:-}
    local target
    target=$(target_directory)
    if [ -z "$program" ]; then
        say "building (the first time takes some minutes)"
        cargo build --release --locked --bin careforall --example empty_handler
        program=$target/release/careforall
    fi
    empty_handler=$target/release/examples/empty_handler
    [ -x "$empty_handler" ] || cargo build --release --locked --example empty_handler
}

finish() {
    local name
    for name in "${!pids[@]}"; do end "$name"; done
    rm -rf "$work"
}

end() {
    local pid=${pids[$1]:-}
    [ -n "$pid" ] || return 0
    unset "pids[$1]"
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# Whatever the caller's shell is set to, the servers are plain ones.
own_environment() {
    local name
    for name in $(compgen -e | grep -E '^CAREFORALL_|^(DATABASE|DATABASE_REPLICA|REDIS)_URL$|^RUST_LOG$' || true); do
        case $name in CAREFORALL_DEV_*) ;; *) unset "$name" ;; esac
    done
    export CAREFORALL_RATE_LIMIT__ENABLED=false CAREFORALL_LOG__FORMAT=json
    export CAREFORALL_METRICS__BIND=127.0.0.1:0 CAREFORALL_HTTP__BIND=127.0.0.1:0
    export CAREFORALL_HTTP__DRAIN_SECONDS=0
    # a disk that stalls is to be seen in the latencies, and ends no measurement
    export CAREFORALL_PAYMENTS__WEBHOOK_COMMIT_SECONDS=20
    CAREFORALL_SANDBOX__WEBHOOK_SECRET="whsec_$(head -c 32 /dev/urandom | base64)"
    export CAREFORALL_SANDBOX__WEBHOOK_SECRET
}

now_ms() { python3 -c 'import time; print(time.monotonic_ns() // 1000000)'; }

note() { printf '%s %s\n' "$1" "$2" | tee -a "$results" >&2; }

start_redis() {
    local port
    port=$(free_port 16379)
    redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" \
        >"$work/redis.log" 2>&1 &
    pids[redis]=$!
    until port_taken "$port"; do sleep 0.05; done
    export REDIS_URL=redis://127.0.0.1:$port
}

# Starts a server: a name, its data directory, and the URL of a database unless it brings its own.
# Returns when it is ready.
start_server() {
    local name=$1 data=$2 url=$3 log=$work/$1.log ready
    mkdir -p "$data"
    chmod 755 "$data"
    : >"$work/$name.address"
    CAREFORALL_EMBEDDED__DATA_DIR=$data DATABASE_URL=$url \
        "$program" serve >"$work/$name.address" 2>"$log" &
    pids[$name]=$!
    until grep -q '^listening ' "$work/$name.address"; do
        kill -0 "${pids[$name]}" 2>/dev/null || { tail -n 20 "$log" >&2; die "$name ended"; }
        sleep 0.01
    done
    ports[$name]=$(sed -n 's/^listening http=[^ ]*:\([0-9]*\) .*/\1/p' "$work/$name.address")
    until ready=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:${ports[$name]}/readyz") &&
        [ "$ready" = 200 ]; do sleep 0.01; done
}

stop_server() { end "$1"; }

sql() { psql -X -q -A -t -h "$socket" -U careforall -d careforall "$@"; }

# A field of /proc/<pid>/status of a server, in MB.
memory_mb() { awk -v field="$2:" '$1 == field { printf "%.0f", $2 / 1024 }' "/proc/${pids[$1]}/status"; }
resident_mb() { memory_mb "$1" VmRSS; }
peak_mb() { memory_mb "$1" VmHWM; }

# Start to ready with a database that is up, and what such a replica then holds. (The very first
# start hashes the demo owner's password, and the 19 MB for that are given back late.)
measure_starts() {
    local began
    for ((round = 1; round <= rounds; round++)); do
        began=$(now_ms)
        start_server second "$work/second" "$url"
        note P10_up_ms $(($(now_ms) - began))
        sleep 2
        note P9_idle_mb "$(resident_mb second)"
        stop_server second
    done
}

# Every statement that reaches Postgres is logged for a while, and counted.
measure_idle_queries() {
    local log=$work/data/postgres.log before after span=10
    # past what a start does
    sleep 3
    sql -c "ALTER SYSTEM SET log_min_duration_statement = 0" -c "SELECT pg_reload_conf()" >/dev/null
    sleep 1
    before=$(wc -l <"$log")
    sleep "$span"
    after=$(wc -l <"$log")
    sql -c "ALTER SYSTEM RESET log_min_duration_statement" -c "SELECT pg_reload_conf()" >/dev/null
    sed -n "$((before + 1)),${after}p" "$log" |
        grep -E 'duration: .* (execute|statement)' >"$work/idle" || true
    # where a transaction begins and ends nothing is asked
    note P11_queries "$(grep -cvE '(BEGIN|COMMIT|ROLLBACK)$' "$work/idle" |
        awk -v span="$span" '{ printf "%.1f", $1 / span }')"
    sed -E 's/.*(execute [^:]*|statement): //; s/ +/ /g' "$work/idle" | cut -c 1-90 | sort | uniq -c |
        sort -rn | head -n 20 >&2
}

# Runs a scenario and notes the rate of a step: name, step, scenario, arguments.
bench() {
    local name=$1 step=$2
    shift 2
    bench_json "$@" >/dev/null
    note "$name" "$(field "steps.$step.per_second")"
}

# Runs a scenario against the server `main`, or the one at $target_port. A rate that was not reached
# shows in the latencies; anything else that is wrong ends it all.
bench_json() {
    local port=${target_port:-${ports[main]}} driver=("${aside[@]}")
    case " $* " in *' --rate '*) driver=() ;; esac
    "${driver[@]}" "$program" bench "$@" --url "http://127.0.0.1:$port" --seconds "$seconds" \
        --warm-up "$warm_up" --json >"$work/run.json" 2>"$work/run.log" || {
        cat "$work/run.log" >&2
        tail -n 1 "$work/run.log" | grep -q 'the rate was not reached' || die "careforall bench $*"
    }
}

# A value of the last run, such as steps.pledge.p95.
field() {
    python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for name in sys.argv[2].split("/"): value = value[name]
print(value)' "$work/run.json" "${1//.//}"
}

pgbench_program() {
    local newest=pgbench found
    if ! have pgbench; then
        for found in /usr/lib/postgresql/*/bin/pgbench; do newest=$found; done
    fi
    echo "$newest"
}

# P1's yardstick, into fresh copies of our tables.
measure_pgbench() {
    sql -f "$ROOT/scripts/bench/tables.sql" 2>/dev/null
    note "$1" "$("${aside[@]}" "$(pgbench_program)" -n -M prepared -c 32 -j 2 -T "$((seconds + warm_up))" \
        -h "$socket" -U careforall -f "$ROOT/scripts/bench/one_transaction.sql" careforall 2>/dev/null |
        sed -n 's/^tps = \([0-9]*\).*/\1/p')"
    sql -c "DROP SCHEMA pgb CASCADE" 2>/dev/null
}

start_empty() {
    ports[empty]=$(free_port 18099)
    "$empty_handler" "127.0.0.1:${ports[empty]}" >/dev/null 2>&1 &
    pids[empty]=$!
    until port_taken "${ports[empty]}"; do sleep 0.05; done
}

# One round of P1 to P4, each beside its yardstick. $1 is put before the names.
measure_maxima() {
    measure_pgbench "$1P1_pgbench"
    bench "$1P1_pledges" pledge pledges
    start_empty
    target_port=${ports[empty]} bench "$1P2_empty" empty empty-get
    bench "$1P2_totals" totals totals
    target_port=${ports[empty]} bench "$1P3_empty" empty empty-post
    end empty
    bench "$1P3_repeated" webhook webhooks --repeat --payments 500
    bench "$1P5_webhooks" webhook webhooks
    bench "$1P4_donations" donation donations
}

median() { awk -v n="$1" '$1 == n { print $2 }' "$results" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
half() { awk -v m="$(median "$1")" 'BEGIN { printf "%d", m / 2 }'; }

# At half of the maximum, the latency of each call, and how long a gift takes to be counted.
measure_latencies() {
    bench_json pledges --rate "$(half P1_pledges)"
    note P5_create_ms "$(field steps.pledge.p95)"
    bench_json webhooks --rate "$(half P5_webhooks)"
    note P5_webhook_ms "$(field steps.webhook.p95)"
    bench_json totals --rate "$(half P2_totals)"
    note P5_totals_ms "$(field steps.totals.p95)"
    bench_json donations --rate "$(half P4_donations)" --probes 2
    note P6_counted_ms "$(field steps.counted.p99)"
}

start_nginx() {
    local servers='' name
    for name in "$@"; do servers+="server 127.0.0.1:${ports[$name]};"; done
    ports[nginx]=$(free_port 18081)
    sed -e "s,DIRECTORY,$work,g" -e "s/PORT/${ports[nginx]}/" -e "s/SERVERS/$servers/" \
        "$ROOT/scripts/bench/nginx.conf" >"$work/nginx.conf"
    "$(command -v nginx || echo /usr/sbin/nginx)" -e "$work/nginx.log" -c "$work/nginx.conf" &
    pids[nginx]=$!
    until port_taken "${ports[nginx]}"; do sleep 0.05; done
}

# Exactly one server, then exactly three, over the same database. Whoever starts `main` starts its
# Postgres, so that both begin with one that has just been started.
measure_replicas() {
    local name share=$((($(nproc) + 2) / 3))
    stop_server main
    start_server main "$work/data" ''
    start_nginx main
    target_port=${ports[nginx]} bench P12_one pledge pledges
    end nginx
    stop_server main
    CAREFORALL_HTTP__WORKERS=$share TOKIO_WORKER_THREADS=$share start_replicas
    start_nginx main second third
    target_port=${ports[nginx]} bench P12_three pledge pledges
    end nginx
    for name in second third main; do stop_server "$name"; done
}

# Three that share the cores; the caller says how.
start_replicas() {
    local name
    start_server main "$work/data" ''
    for name in second third; do start_server "$name" "$work/$name" "$url"; done
}

# P1 to P4 on the filled database, and a campaign's gifts page by page.
measure_filled() {
    fill
    start_server main "$filled" ''
    socket=$filled/run
    settle
    for ((round = 1; round <= rounds; round++)); do measure_maxima P8_; done
    measure_depth
    stop_server main
}

# The nightly walk through all books does not begin while the servers of this run are there.
put_off_walk() {
    sql -c "UPDATE admin.reconciliation SET next_at = now() + interval '1 day' WHERE kind = 'all'"
}

# What a large database does by itself now and then would be measured by chance: the nightly walk
# through all books is put off, and the vacuum that is left from the last run may finish.
settle() {
    local quiet=0 end=$((SECONDS + 900))
    put_off_walk
    say "waiting until nothing is vacuumed any more, 15 minutes at most"
    # a nap of autovacuum, and some seconds
    while [ "$quiet" -lt 20 ] && [ "$SECONDS" -lt "$end" ]; do
        sleep 1
        quiet=$((quiet + 1))
        [ "$(sql -c "SELECT count(*) FROM pg_stat_activity
                      WHERE backend_type = 'autovacuum worker'")" = 0 ] || quiet=0
    done
}

fill() {
    [ -e "$filled/filled" ] && return
    say "filling $filled"
    mkdir -p "$filled"
    chmod 755 "$filled"
    CAREFORALL_EMBEDDED__DATA_DIR=$filled "$program" fill \
        --pledges "${CAREFORALL_DEV_BENCH_PLEDGES:-10000000}"
    touch "$filled/filled"
}

# The gifts of the campaign that has most of them: the first page, and one very deep.
measure_depth() {
    local campaign
    campaign=$(sql -c "SELECT campaign_id FROM totals.campaign_totals ORDER BY donation_count DESC LIMIT 1")
    python3 "$ROOT/scripts/bench/depth.py" \
        "http://127.0.0.1:${ports[main]}/api/v1/campaigns/$campaign/donations" |
        while read -r name value; do note "$name" "$value"; done
}

machine() {
    printf '%s cores of %s, %s GB; %s; %s' "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
        "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" \
        "$(postgres --version 2>/dev/null || echo PostgreSQL)" \
        "$(git -C "$ROOT" rev-parse --short HEAD 2>/dev/null || echo "no commit")"
}
