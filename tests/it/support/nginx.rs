//! nginx before replicas, as in production, and with a bad line for webhooks.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{ports::lasting_ports, process::Leashed, wait::eventually_blocking};

/// One process, so that ending it ends all of it.
const CONFIGURATION: &str = r#"
daemon off;
master_process off;
pid DIRECTORY/pid;
error_log DIRECTORY/error.log warn;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path DIRECTORY/body;
    proxy_temp_path DIRECTORY/proxy;
    fastcgi_temp_path DIRECTORY/fastcgi;
    uwsgi_temp_path DIRECTORY/uwsgi;
    scgi_temp_path DIRECTORY/scgi;
    upstream replicas { UPSTREAMS keepalive 32; }
    # acknowledged, and never passed on
    split_clients "lost $request_id" $lost { 10% 1; * ""; }
    # passed on twice
    split_clients "twice $request_id" $twice { 10% 1; * ""; }
    log_format webhook "lost=$lost twice=$twice";
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;
    # a replica that is silent or gone: the other one gets the same request
    proxy_next_upstream error timeout non_idempotent;
    server {
        listen 127.0.0.1:PORT;
        location / { proxy_pass http://replicas; }
        location = /api/v1/webhooks/sandbox {
            access_log DIRECTORY/webhooks.log webhook;
            if ($lost) { return 200; }
            mirror /again;
            proxy_pass http://replicas;
        }
        location = /again {
            internal;
            if ($twice = "") { return 204; }
            proxy_pass http://replicas/api/v1/webhooks/sandbox;
        }
    }
}
"#;

/// Ended, by its process id, when dropped.
pub struct Nginx {
    port: u16,
    directory: TempDir,
    _process: Leashed,
}

impl Nginx {
    /// Before whatever will listen on these local ports. One webhook in ten is acknowledged and
    /// lost, one in ten is passed on twice.
    pub fn start(replicas: &[u16]) -> Self {
        let directory = super::postgres::directory();
        let port = lasting_ports(1)[0];
        let servers: Vec<_> = replicas
            .iter()
            .map(|port| format!("server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;"))
            .collect();
        let text = CONFIGURATION
            .replace("DIRECTORY", directory.path().to_str().unwrap())
            .replace("UPSTREAMS", &servers.concat())
            .replace("PORT", &port.to_string());
        let file = directory.path().join("nginx.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(program());
        command.arg("-p").arg(directory.path()).arg("-c").arg(&file);
        command.arg("-e").arg(directory.path().join("error.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = Leashed::spawn(&mut command);
        eventually_blocking(Duration::from_secs(10), || {
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none(), "nginx ended at its start");
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        });
        Self { port, directory, _process: process }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Webhooks that were lost, and those that were passed on twice.
    pub fn mishaps(&self) -> (usize, usize) {
        let log = fs::read_to_string(self.directory.path().join("webhooks.log"));
        let log = log.unwrap_or_default();
        let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        (count("lost=1"), count("lost= twice=1") + count("lost=- twice=1"))
    }
}

/// Where nginx is.
pub fn program() -> PathBuf {
    // an ordinary user's PATH need not have it
    let usual = PathBuf::from("/usr/sbin/nginx");
    if usual.exists() { usual } else { "nginx".into() }
}
