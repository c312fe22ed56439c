use serde_json::{Value, json};

use super::{Person, Server};

/// The events of a campaign in their order, whether or not the bus has moved them already.
pub async fn of(server: &Server, id: &str) -> Vec<(String, Value)> {
    // one statement, one snapshot: an event is in the one table or in the other
    let events = "SELECT type, payload::text FROM ( \
                      SELECT type, payload, aggregate_version, event_id, aggregate_id \
                        FROM bus.outbox \
                      UNION ALL \
                      SELECT type, payload, aggregate_version, event_id, aggregate_id \
                        FROM bus.event_log) AS e \
                   WHERE aggregate_id::text = $1 AND type LIKE 'campaign.%' \
                   ORDER BY aggregate_version, event_id";
    let rows = server.database().client().await.query(events, &[&id]).await.unwrap();
    let payload = |row: &tokio_postgres::Row| serde_json::from_str(row.get(1)).unwrap();
    rows.iter().map(|row| (row.get(0), payload(row))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_announced_with_its_version() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.published(&server, json!({})).await;
    ada.patch(&server, &path, 2, json!({"goal_minor": 5, "allow_overfunding": false})).await;
    ada.patch(&server, &path, 3, json!({"goal_minor": 5})).await.expect(200);
    ada.act(&server, &path, "resume").await.expect(409);
    ada.act(&server, &path, "cancel").await.expect(200);
    let id = path.rsplit('/').next().unwrap();
    let changed = |version: i64, status: &str, goal: i64, over: bool| {
        let payload = json!({
            "campaign_id": id, "version": version, "status": status, "goal_minor": goal,
            "currency": "USD", "allow_overfunding": over
        });
        ("campaign.changed.v1".to_owned(), payload)
    };
    let expected = [
        changed(1, "draft", 100_000, true),
        changed(2, "active", 100_000, true),
        changed(3, "active", 5, false),
        changed(4, "cancelled", 5, false),
        ("campaign.cancelled.v1".to_owned(), json!({"campaign_id": id, "version": 4})),
    ];
    assert_eq!(of(&server, id).await, expected);
}
