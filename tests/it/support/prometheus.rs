//! A real Prometheus with our rules, over a server of the test's.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Client, Server, ports::lasting_ports, process::Leashed, sources, wait::eventually};

/// Ends when dropped.
pub struct Prometheus {
    client: Client,
    #[allow(dead_code, reason = "held")]
    process: Leashed,
    #[allow(dead_code, reason = "held")]
    directory: TempDir,
}

impl Prometheus {
    /// Every second, and the rules as often.
    pub fn scraping(server: &Server) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let target = server.metrics_base().trim_start_matches("http://");
        let rules = sources::root().join("deploy/prometheus/rules");
        let configuration = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{}/*.yml']\n\
             scrape_configs:\n  - job_name: careforall\n    static_configs: [{{targets: ['{target}']}}]\n",
            rules.display()
        );
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, configuration).unwrap();
        let address = format!("127.0.0.1:{}", lasting_ports(1)[0]);
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let process = Leashed::spawn(&mut command);
        Self { client: Client::new(format!("http://{address}")), process, directory }
    }

    /// The names of all series, once it answers.
    pub async fn names(&self) -> BTreeSet<String> {
        let answer = eventually(Duration::from_secs(20), || async {
            self.client.get("/api/v1/label/__name__/values").try_send().await.ok()
        })
        .await;
        let names = answer.body["data"].as_array().cloned().unwrap_or_default();
        names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    }

    /// Waits for a series of this name.
    pub async fn has(&self, name: &str) {
        eventually(Duration::from_secs(20), || async { self.names().await.contains(name) }).await;
    }

    /// What it answers now.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        let query = format!("query={}", encoded(query));
        let request = self.client.post("/api/v1/query");
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(query);
        let answer = request.send().await.expect(200).body;
        answer["data"]["result"].as_array().unwrap().clone()
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    encoded
}
