//! Replicas share their limits through Redis, and each goes on alone without it.

use super::{expect_limited, limited, read_from, told};
use crate::support::{Redis, Server, server::Builder};

fn sharing(redis: &Redis) -> Builder {
    limited().env("REDIS_URL", redis.url()).env("CAREFORALL_RATE_LIMIT__READS_PER_IP_PER_MINUTE", 4)
}

async fn replica(redis: &Redis, first: Option<&Server>) -> Server {
    match first {
        Some(first) => sharing(redis).database_url(first.database().url()).start().await,
        None => sharing(redis).start().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_grants_the_others_count() {
    let redis = Redis::start();
    let one = replica(&redis, None).await;
    let two = replica(&redis, Some(&one)).await;
    for (server, left) in [(&one, 3), (&two, 2), (&one, 1), (&two, 0)] {
        assert_eq!(told(&read_from(server, "192.0.2.1").await.expect(200)), (4, left));
    }
    expect_limited(read_from(&one, "192.0.2.1").await);
    expect_limited(read_from(&two, "192.0.2.1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_replica_counts_on_from_what_it_knows() {
    let mut redis = Redis::start();
    let one = replica(&redis, None).await;
    let two = replica(&redis, Some(&one)).await;
    for server in [&one, &one, &two] {
        read_from(server, "192.0.2.1").await.expect(200);
    }
    redis.stop();
    // it has seen all three
    assert_eq!(told(&read_from(&two, "192.0.2.1").await.expect(200)), (4, 0));
    expect_limited(read_from(&two, "192.0.2.1").await);
    // it has seen its own two
    read_from(&one, "192.0.2.1").await.expect(200);
    read_from(&one, "192.0.2.1").await.expect(200);
    expect_limited(read_from(&one, "192.0.2.1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_keeps_nobody_from_an_answer() {
    let redis = Redis::start();
    let server = sharing(&redis).env("CAREFORALL_REDIS__PATIENCE_MS", 50).start().await;
    redis.pause();
    for _ in 0..4 {
        read_from(&server, "192.0.2.1").await.expect(200);
    }
    expect_limited(read_from(&server, "192.0.2.1").await);
    redis.resume();
}
