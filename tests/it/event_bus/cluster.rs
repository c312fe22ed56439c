//! A private Postgres for this test binary, and a database for each test.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use careforall::platform::postgres::{Connection, Database, PooledConnection, migrate};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;

/// How long a condition may take; far beyond what any does.
const DEADLINE: Duration = Duration::from_secs(30);

pub struct TestDb {
    pub url: String,
    pub database: Database,
}

/// The cluster, for as long as this process lives.
struct Cluster {
    dir: PathBuf,
    _guard: Child,
}

/// The socket directory of the cluster, which is started by the first who asks.
fn cluster() -> &'static Path {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| {
        let dir = tempfile::Builder::new().prefix("bus-test-").tempdir().unwrap().keep();
        let bin = std::fs::read_dir("/usr/lib/postgresql").unwrap().next().unwrap().unwrap().path();
        // The shell outlives this process by a moment: at the end of its standard input, however
        // it came about, it ends the Postgres that it started and removes the directory. Autovacuum
        // is off: its transactions would be counted as those of an idle bus.
        let script = "\
            if [ $(id -u) = 0 ]; then chown postgres $DIR; \
                AS='setpriv --reuid=postgres --regid=postgres --clear-groups'; fi; \
            $AS $BIN/initdb -D $DIR/data -A trust -U postgres -N >/dev/null && \
            { $AS $BIN/postgres -D $DIR/data -k $DIR -c listen_addresses= -c fsync=off \
                -c max_connections=200 -c track_functions=pl -c autovacuum=off \
                >$DIR/log 2>&1 & pid=$!; } && echo started; \
            cat >/dev/null; kill -QUIT $pid; wait $pid; rm -rf $DIR";
        let guard = Command::new("sh")
            .args(["-c", script])
            .env("DIR", &dir)
            .env("BIN", bin.join("bin"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Cluster { dir, _guard: guard }
    });
    &cluster.dir
}

fn url(name: &str) -> String {
    let host = cluster().display().to_string().replace('/', "%2F");
    format!("postgres://postgres@{host}/{name}")
}

/// A connection to a database of this cluster, outside of any pool.
pub async fn connect(name: &str) -> PooledConnection {
    connect_to(&url(name)).await
}

/// The same, by URL.
pub async fn connect_to(url: &str) -> PooledConnection {
    let database = Database::new(url, 1, tokio::runtime::Handle::current()).unwrap();
    let mut conn = None;
    until("Postgres answers", async || {
        conn = database.conn().await.ok();
        conn.is_some()
    })
    .await;
    conn.unwrap()
}

impl TestDb {
    /// A fresh database with the schema, and the tables of the tests' own producers and consumers.
    pub async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        execute(&mut *connect("postgres").await, &format!("CREATE DATABASE {name}")).await;
        let url = url(&name);
        let database = Database::new(&url, 24, tokio::runtime::Handle::current()).unwrap();
        migrate(&database).await.unwrap();
        let db = Self { url, database };
        db.run("CREATE TABLE aggregate (id uuid PRIMARY KEY, version bigint NOT NULL)").await;
        db.run(
            "CREATE TABLE effect (at bigserial, consumer text, seq bigint, event_id uuid, \
             aggregate_id uuid, version bigint, pid int)",
        )
        .await;
        db
    }

    pub async fn conn(&self) -> PooledConnection {
        self.database.conn().await.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        execute(&mut *self.conn().await, sql).await;
    }

    pub async fn number(&self, sql: &str) -> i64 {
        number(&mut *self.conn().await, sql).await
    }

    /// How often a function of the bus was called, as of some seconds ago.
    pub async fn calls(&self, function: &str) -> i64 {
        let calls = format!(
            "SELECT coalesce(sum(calls), 0)::bigint AS n FROM pg_stat_user_functions \
             WHERE schemaname = 'bus' AND funcname = '{function}'"
        );
        self.number(&calls).await
    }

    /// A connection in a transaction that holds the rows of a query until it ends.
    pub async fn holding(&self, rows: &str) -> PooledConnection {
        let mut holder = connect_to(&self.url).await;
        execute(&mut holder, "BEGIN").await;
        execute(&mut holder, "SET LOCAL idle_in_transaction_session_timeout = 0").await;
        execute(&mut holder, &format!("{rows} FOR UPDATE")).await;
        holder
    }
}

pub async fn execute(conn: &mut Connection, sql: &str) {
    sql_query(sql).execute(conn).await.unwrap();
}

/// The answer to a query for one bigint named `n`.
pub async fn number(conn: &mut Connection, sql: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    sql_query(sql).get_result::<Row>(conn).await.unwrap().n
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
