//! Prometheus' text format, as far as tests read it, and Prometheus' own tools.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::sources;

/// What `/metrics` said.
#[derive(Debug, Default)]
pub struct Exposition {
    pub families: BTreeMap<String, Family>,
}

#[derive(Debug, Default)]
pub struct Family {
    /// `counter`, `gauge`, `histogram`.
    pub kind: String,
    /// The values that each label has taken; `le` aside.
    pub labels: BTreeMap<String, BTreeSet<String>>,
    samples: Vec<f64>,
}

impl Family {
    pub fn label_names(&self) -> BTreeSet<&str> {
        self.labels.keys().map(String::as_str).collect()
    }
}

impl Exposition {
    pub fn read(text: &str) -> Self {
        let mut shown = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                let (name, kind) = typed.split_once(' ').unwrap();
                let family = Family { kind: kind.to_owned(), ..Family::default() };
                shown.families.insert(name.to_owned(), family);
            } else if !line.starts_with('#') {
                shown.sample(line);
            }
        }
        shown
    }

    fn sample(&mut self, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let family = base.filter(|base| self.families.contains_key(*base)).unwrap_or(name);
        let family = self.families.get_mut(family).unwrap_or_else(|| panic!("no type: {line}"));
        family.samples.push(value.parse().unwrap());
        // no value of ours has a comma or a quotation mark
        for label in labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once('=').unwrap();
            if label != "le" {
                let values = family.labels.entry(label.to_owned()).or_default();
                values.insert(value.trim_matches('"').to_owned());
            }
        }
    }

    /// Of all series of a counter or gauge that counts whole things.
    #[allow(clippy::cast_possible_truncation, reason = "whole, and small")]
    pub fn sum(&self, name: &str) -> i64 {
        self.families.get(name).map_or(0, |family| family.samples.iter().sum::<f64>() as i64)
    }
}

/// Fails unless Prometheus finds nothing to say against it.
pub fn lint(text: &str) {
    let output = promtool(sources::root(), &["check", "metrics"], text);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "promtool check metrics: {said}");
}

/// Runs Prometheus' tool in a folder; `scripts/test.sh` has installed it.
pub fn promtool(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.spawn().expect("promtool (Debian: prometheus) is installed");
    tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    tool.wait_with_output().unwrap()
}
