//! How the server is set for a small machine of its own. Durability is as Postgres ships it:
//! `fsync`, `full_page_writes` and `synchronous_commit` stay on.

pub const SETTINGS: [(&str, &str); 19] = [
    // a Unix socket only
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "100"),
    // taken from the machine only as it fills
    ("shared_buffers", "256MB"),
    ("effective_cache_size", "1GB"),
    // few checkpoints: each is followed by a burst of whole-page writes
    ("checkpoint_timeout", "15min"),
    ("max_wal_size", "2GB"),
    // a new piece of the log is filled with zeros first, and commits wait for that: keep old ones
    ("min_wal_size", "1GB"),
    // Linux by itself lets half a minute's pages gather, and writes them in one piece, beside which
    // no commit gets through
    ("backend_flush_after", if cfg!(target_os = "linux") { "1MB" } else { "0" }),
    ("wal_compression", "on"),
    // disks of today
    ("random_page_cost", "1.1"),
    // short transactions on few cores gain nothing from either, and small containers have no
    // shared memory for the workers
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
    // totals are updated in place all day: their dead versions go early
    ("autovacuum_naptime", "15s"),
    // the guard keeps the log; the error texts are matched on in `platform::postgres`
    ("logging_collector", "off"),
    ("log_min_messages", "warning"),
    ("lc_messages", "C"),
    ("log_timezone", "UTC"),
];
