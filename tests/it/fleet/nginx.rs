//! The balancer as it is deployed, with addresses of this machine.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{
    nginx::program, ports::lasting_ports, postgres, process::Leashed, sources,
    wait::eventually_blocking,
};

/// `deploy/nginx` before replicas. Ended, by its process id, when dropped.
pub struct Balancer {
    port: u16,
    _process: Leashed,
    _directory: TempDir,
}

impl Balancer {
    /// Before three replicas, on these local ports.
    pub fn start(replicas: &[u16]) -> Self {
        let directory = postgres::directory();
        let port = lasting_ports(1)[0];
        let here = directory.path().to_str().unwrap();
        let mut upstream = deployed("upstream.conf");
        for (n, port) in (1..).zip(replicas) {
            let name = format!("app-{n}:8080 resolve");
            assert!(upstream.contains(&name), "{name}");
            upstream = upstream.replace(&name, &format!("127.0.0.1:{port}"));
        }
        // there is no Docker to ask for names
        let upstream: Vec<_> = upstream.lines().filter(|l| !l.starts_with("resolver")).collect();
        let main = deployed("nginx.conf")
            .replace("listen 8080;", &format!("listen 127.0.0.1:{port};"))
            .replace("/dev/stderr", "/tmp/error.log")
            .replace("/tmp/", &format!("{here}/"))
            .replace("/etc/nginx/", &format!("{here}/"));
        let files = [
            ("nginx.conf", main),
            ("upstream.conf", upstream.join("\n")),
            ("locations.conf", deployed("locations.conf")),
        ];
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let mut command = Command::new(program());
        command.args(["-p", here, "-c", "nginx.conf"]);
        // one process, so that ending it ends all of it
        command.args(["-g", "daemon off; master_process off;"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = Leashed::spawn(&mut command);
        eventually_blocking(Duration::from_secs(10), || {
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none(), "nginx ended at its start");
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        });
        Self { port, _process: process, _directory: directory }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn deployed(name: &str) -> String {
    fs::read_to_string(sources::root().join("deploy/nginx").join(name)).unwrap()
}
