//! Lists: newest first, filtered, in pages; and the figures of the day.

use serde_json::{Value, json};

use super::{World, id_of, ids};
use crate::support::donation::{has, sign_up};

/// All ids of a list, two at a time.
async fn walk(world: &World, path: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let next = cursor.as_str().map(|c| format!("&cursor={c}")).unwrap_or_default();
        let page = world.get(&format!("{path}limit=2{next}")).await.expect(200).body;
        found.extend(ids(&page));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            return found;
        }
    }
}

#[tokio::test]
async fn pledges_and_payments_come_newest_first_by_every_filter() {
    let world = World::new().await;
    let (client, campaign) = (&world.client, &world.campaign);
    let user = sign_up(client).await;
    let mut pledges = Vec::new();
    let mut payments = Vec::new();
    for amount in [100, 200, 300] {
        let pledge = campaign.pledge_by(client, &user, amount).await;
        payments.insert(0, pledge.begin_payment(client).await.id);
        pledges.insert(0, pledge.id);
    }
    let other = campaign.pledge(client, 400).await;
    let user = id_of(client, &user).await;
    let id = &campaign.id;

    let all: Vec<_> = [vec![other.id.clone()], pledges.clone()].concat();
    assert_eq!(walk(&world, "/admin/pledges?").await, all);
    assert_eq!(walk(&world, &format!("/admin/pledges?campaign_id={id}&")).await, all);
    assert_eq!(walk(&world, &format!("/admin/pledges?user_id={user}&")).await, pledges);
    assert_eq!(walk(&world, "/admin/pledges?status=pending&").await, all);
    assert_eq!(walk(&world, "/admin/pledges?status=completed&").await, Vec::<String>::new());
    assert_eq!(walk(&world, "/admin/payments?").await, payments);
    assert_eq!(walk(&world, &format!("/admin/payments?campaign_id={id}&")).await, payments);
    assert_eq!(walk(&world, "/admin/payments?status=captured&").await, Vec::<String>::new());
    let first = world.get(&format!("/admin/pledges?limit=100&campaign_id={id}")).await.body;
    assert!(first["data"][0]["donor_email"].is_string(), "{first}");

    // a period includes its beginning, not its end
    let of = |index: usize| first["data"][index]["created_at"].as_str().unwrap().to_owned();
    let between = format!("/admin/pledges?from={}&to={}&", of(2), of(0));
    assert_eq!(walk(&world, &between).await, pledges[..2]);
    for bad in [
        "status=odd",
        "from=yesterday",
        "user_id=x",
        "cursor=x",
        "limit=0",
        "who=x",
        "from=-0001-01-01T00:00:00Z",
    ] {
        let refused = world.get(&format!("/admin/pledges?{bad}")).await;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.body);
    }
}

#[tokio::test]
async fn users_and_campaigns_come_newest_first_drafts_too() {
    let world = World::new().await;
    let draft = crate::support::donation::Campaign::draft(&world.client, json!({})).await;
    let (newest, oldest) = (draft.id.clone(), world.campaign.id.clone());
    assert_eq!(walk(&world, "/admin/campaigns?").await, [newest.clone(), oldest.clone()]);
    assert_eq!(walk(&world, "/admin/campaigns?status=draft&").await, vec![newest.clone()]);
    let owner = id_of(&world.client, &draft.owner).await;
    assert_eq!(walk(&world, &format!("/admin/campaigns?user_id={owner}&")).await, [newest]);
    let me = id_of(&world.client, &world.admin).await;
    let people = walk(&world, "/admin/users?").await;
    assert_eq!((people.len(), &people[0], &people[2]), (3, &owner, &me));
    assert_eq!(walk(&world, "/admin/users?status=active&").await, people);
    assert_eq!(walk(&world, &format!("/admin/users?user_id={me}&")).await, [me]);
}

#[tokio::test]
async fn the_figures_of_the_day_are_what_came_since_it_began() {
    let world = World::new().await;
    world.gift().await;
    world.books.balance().await;
    let expected = json!({ "pledged_minor": 10_000, "captured_minor": 10_000, "refunded_minor": 0,
                           "disputed_minor": 0, "donation_count": 1 });
    let board = world.get("/admin/dashboard").await.expect(200).body;
    assert_eq!(board["total"]["USD"], expected);
    assert_eq!(board["today"]["USD"], expected);
    // as if the day had begun with 60.00 of it
    world
        .books
        .execute(
            "UPDATE admin.opening SET raised = '{\"USD\": {\"pledged_minor\": 6000,
        \"captured_minor\": 6000, \"refunded_minor\": 0, \"disputed_minor\": 0,
        \"donation_count\": 1}}'",
        )
        .await;
    let board = world.get("/admin/dashboard").await.expect(200).body;
    let today = json!({ "captured_minor": 4000, "donation_count": 0 });
    assert!(has(&board["today"]["USD"], &today), "{board}");
}
