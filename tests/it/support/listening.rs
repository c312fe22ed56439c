//! The line by which a server tells its addresses.

use std::{
    fs::File,
    io::{BufRead, Write},
};

/// Standard output goes to the log too; in between stands the line with the addresses.
pub fn copy_lines(stdout: impl BufRead, mut log: File, listening: impl Fn((String, String))) {
    for line in stdout.lines().map_while(Result::ok) {
        if let Some(addresses) = addresses_in(&line) {
            listening(addresses);
        }
        let _ = writeln!(log, "{line}");
    }
}

/// `listening http=127.0.0.1:1 metrics=127.0.0.1:2`
fn addresses_in(line: &str) -> Option<(String, String)> {
    let (http, metrics) = line.strip_prefix("listening http=")?.split_once(" metrics=")?;
    Some((format!("http://{}", http.trim()), format!("http://{}", metrics.trim())))
}

#[test]
fn the_addresses_are_read() {
    assert_eq!(
        addresses_in("listening http=127.0.0.1:1 metrics=127.0.0.1:2"),
        Some(("http://127.0.0.1:1".into(), "http://127.0.0.1:2".into()))
    );
    assert_eq!(addresses_in("{\"message\":\"listening\"}"), None);
}
