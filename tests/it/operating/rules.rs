//! The rules of `deploy/prometheus`.

use std::{collections::BTreeSet, fs};

use super::promql::asked;
use crate::support::{exposition::promtool, sources};

/// `name: value` lines of a YAML file of ours, which are all on one line or below `>-`.
fn values(file: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(sources::root().join("deploy/prometheus").join(file)).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.trim().trim_start_matches("- ")).collect();
    let key = format!("{name}: ");
    let found = lines.iter().enumerate().filter_map(|(n, line)| {
        let value = line.strip_prefix(&key)?;
        Some(if value == ">-" { lines[n + 1] } else { value }.to_owned())
    });
    found.collect()
}

/// Names that rules make of others, and Prometheus of itself.
pub fn recorded() -> BTreeSet<String> {
    let own = ["up".to_owned()];
    values("rules/recording.yml", "record").into_iter().chain(own).collect()
}

pub fn expressions() -> Vec<String> {
    let mut all = values("rules/recording.yml", "expr");
    all.extend(values("rules/alerts.yml", "expr"));
    all
}

#[test]
fn prometheus_accepts_its_configuration_and_the_alerts_fire_when_they_should() {
    let folder = sources::root().join("deploy/prometheus");
    for arguments in
        [&["check", "config", "prometheus.yml"][..], &["test", "rules", "tests/alerts.yml"]]
    {
        let output = promtool(&folder, arguments, "");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn every_alert_is_tested_on_a_good_and_on_a_bad_day() {
    let tested = values("tests/alerts.yml", "alertname");
    let text =
        fs::read_to_string(sources::root().join("deploy/prometheus/tests/alerts.yml")).unwrap();
    let alerts = values("rules/alerts.yml", "alert");
    assert!(alerts.len() >= 20);
    for alert in alerts {
        assert!(tested.contains(&alert), "{alert} is never seen to fire");
        assert!(text.contains(&format!("{{alertname: {alert}, ")), "{alert} is never seen quiet");
    }
}

/// Each alert has a section of its own, which says three things.
#[test]
fn every_alert_leads_to_its_section_in_the_runbook() {
    let runbook = fs::read_to_string(sources::root().join("docs/RUNBOOK.md")).unwrap();
    let (_, sections) = runbook.split_once("\n## Alerts\n").unwrap();
    let alerts = values("rules/alerts.yml", "alert");
    let links = values("rules/alerts.yml", "runbook_url");
    assert_eq!(alerts.len(), links.len());
    for (alert, link) in alerts.iter().zip(links) {
        let (page, anchor) = link.split_once('#').unwrap();
        assert!(page.ends_with("/docs/RUNBOOK.md") && anchor == alert.to_lowercase(), "{link}");
        let section = sections.split("\n### ").find(|s| s.lines().next() == Some(alert.as_str()));
        let section = section.unwrap_or_else(|| panic!("the runbook has no ### {alert}"));
        for word in ["**Means:**", "**Look"] {
            assert!(section.contains(word), "{alert} lacks {word}");
        }
        assert!(section.contains("**Do:**") || section.contains("**Look and do:**"), "{alert}");
    }
    for section in sections.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(alerts.iter().any(|alert| alert == section), "no alert leads to {section}");
    }
}

#[test]
fn rules_ask_for_nothing_that_nobody_tells() {
    for expression in expressions() {
        super::dashboards::answerable(&expression, &asked(&expression));
    }
}
