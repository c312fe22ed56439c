//! What operators are given: rules, alerts and dashboards say what the server's metrics can answer,
//! by Prometheus' own judgement.

mod dashboards;
mod promql;
mod rules;
