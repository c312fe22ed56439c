//! `careforall bench` against a real server: it measures, checks its own gifts, and drives no
//! server that may take real money.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::support::{CAREFORALL, Server};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn server() -> Server {
    Server::builder().env("CAREFORALL_SANDBOX__WEBHOOK_SECRET", SECRET).start().await
}

async fn bench(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(CAREFORALL);
    command.args(["bench", "--url", server.base(), "--seconds", "1", "--warm-up", "0", "--json"]);
    command.args(["--connections", "4"]).args(arguments);
    command.env("CAREFORALL_SANDBOX__WEBHOOK_SECRET", SECRET);
    command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap()
}

async fn report(server: &Server, arguments: &[&str]) -> Value {
    let output = bench(server, arguments).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn every_scenario_measures_its_steps_and_finds_its_gifts_counted_once() {
    let server = server().await;
    // each connection has one round in its second: no machine is too slow for it
    let open = ["donations", "--rate", "2", "--probes", "1"];
    for (arguments, steps) in [
        (&["pledges"] as &[_], &["pledge"] as &[_]),
        (&["totals"], &["totals"]),
        (&["webhooks", "--payments", "20"], &["webhook"]),
        (&["webhooks", "--payments", "20", "--repeat"], &["webhook"]),
        (&["hot"], &["pledge", "donation"]),
        (&["mixed", "--campaigns", "3"], &["totals"]),
        (&open, &["donation"]),
    ] {
        let report = report(&server, arguments).await;
        for step in steps {
            let slowest = report["steps"][step]["max"].as_f64();
            assert!(slowest.is_some_and(|ms| ms > 0.0), "{arguments:?}: {step}: {report:#}");
        }
        let gives = if arguments[0] == "pledges" { "pledged" } else { "captured" };
        let counted = report["counted"][gives].as_u64().unwrap();
        let only_looks = matches!(arguments[0], "totals" | "mixed");
        assert!(counted > 0 || only_looks, "{report:#}");
    }
}

#[tokio::test]
async fn a_rate_that_is_not_reached_is_an_error() {
    let server = server().await;
    let output = bench(&server, &["pledges", "--rate", "1000000"]).await;
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["unsent"].as_u64().unwrap() > 0);
    assert!(report["counted"]["pledged"].is_u64(), "and it is checked all the same: {report:#}");
}

#[tokio::test]
async fn a_server_without_the_sandbox_bank_is_not_driven() {
    let server = Server::builder()
        .env("CAREFORALL_SANDBOX__ENABLED", "false")
        .env("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "stripe")
        .env("CAREFORALL_STRIPE__SECRET_KEY", "sk_test_bench")
        .env("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_bench_without_a_bank")
        .start()
        .await;
    let output = bench(&server, &["pledges"]).await;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no sandbox bank"), "{said}");
}

#[tokio::test]
async fn a_server_that_limits_the_rate_is_not_driven() {
    let server = Server::builder().env("CAREFORALL_RATE_LIMIT__ENABLED", "true").start().await;
    let output = bench(&server, &["pledges"]).await;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("CAREFORALL_RATE_LIMIT__ENABLED=false"), "{said}");
}
