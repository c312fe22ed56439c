//! What goes back, by our hand, the bank's or the law's; and payments captured or cancelled by hand.
//! Each test ends with the books compared.

mod by_hand;
mod by_hand_crashes;
mod crashes;
mod disputes;
mod giving_back;
mod nameless;
mod parallel;
mod refusals;
mod twice;
mod whole;

use serde_json::{Value, json};

use crate::{
    storms::World,
    support::{
        Client,
        donation::{PATIENCE, Payment, Pledge, sign_up_admin},
        eventually,
    },
};

/// A server with a campaign, and an administrator.
struct Office {
    world: World,
    admin: String,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let admin = sign_up_admin(&world.client, &world.server.database().url()).await;
        Self { world, admin }
    }

    /// 100.00 USD, captured.
    async fn paid(&self, method: &str) -> (Pledge, Payment) {
        let client = &self.world.client;
        let pledge = self.world.campaign.pledge(client, 10_000).await;
        let payment = pledge.pay(client, method).await;
        payment.becomes(client, "captured").await;
        (pledge, payment)
    }

    /// 100.00 USD, captured, of which the bank says nothing by itself, nor of its refunds.
    async fn silently_paid(&self) -> (Pledge, Payment) {
        let client = &self.world.client;
        let pledge = self.world.campaign.pledge(client, 10_000).await;
        let payment = pledge.pay(client, "pm_silent").await;
        payment.event("payment.captured").accepted(client).await;
        payment.becomes(client, "captured").await;
        (pledge, payment)
    }

    async fn read(&self, refund: &Value) -> Value {
        read(&self.world.client, &self.admin, refund).await
    }

    async fn refund_becomes(&self, refund: &Value, status: &str) {
        eventually(PATIENCE, || async { self.read(refund).await["status"] == status }).await;
    }

    /// Waits until this much has been refunded, and the donor's pledge says so.
    async fn refunded(&self, pledge: &Pledge, minor: i64) {
        let told = || async { pledge.read(&self.world.client).await["refunded_minor"] == minor };
        eventually(PATIENCE, told).await;
        self.world
            .campaign
            .totals_become(&self.world.client, json!({ "refunded_minor": minor }))
            .await;
    }
}

async fn read(client: &Client, admin: &str, refund: &Value) -> Value {
    let path = format!("/api/v1/refunds/{}", refund["id"].as_str().unwrap());
    client.get(&path).bearer(admin).send().await.expect(200).body
}
