//! Webhooks in every disorder, and crashes of what happens behind the scenes: against the real
//! program, its database looked into. Each test ends with the books compared.

mod cluster;
mod crashes;
mod disputes;
mod early;
mod methods;
mod orders;
mod outages;
mod permutations;
mod quarantine;
mod refunds;
mod repeated;
mod retention;
mod signatures;

use serde_json::{Value, json};

use crate::support::{
    Client, Server,
    donation::{self, Campaign, Event, Payment},
    webhooks::Books,
};

/// A server with a campaign that takes gifts.
pub struct World {
    pub server: Server,
    pub client: Client,
    pub books: Books,
    pub campaign: Campaign,
}

impl World {
    pub async fn new() -> Self {
        Self::of(donation::builder().start().await).await
    }

    pub async fn of(server: Server) -> Self {
        let (client, books) = (server.client(), Books::open(&server.database().url()).await);
        let campaign = Campaign::open(&client).await;
        Self { server, client, books, campaign }
    }

    /// Another replica on the same database.
    pub async fn replica(&self) -> Server {
        donation::builder().database_url(self.server.database().url()).start().await
    }

    /// A payment of 100.00 USD that the donor has yet to confirm at the bank.
    pub async fn payment(&self) -> Payment {
        self.campaign.pledge(&self.client, 10_000).await.begin_payment(&self.client).await
    }

    /// Sends the events one after the other, each when the one before has been judged.
    pub async fn send(&self, events: &[&Event]) {
        for event in events {
            event.accepted(&self.client).await;
            self.books.judged(event).await;
        }
    }

    /// The books balance, and the totals are these.
    pub async fn ends_with(&self, captured: i64, refunded: i64, disputed: i64) {
        self.books.balance().await;
        let sums = json!({ "captured_minor": captured, "refunded_minor": refunded,
                           "disputed_minor": disputed,
                           "net_minor": captured - refunded - disputed });
        assert_eq!(self.books.sums().await, sums);
        let totals = self.campaign.totals(&self.client).await;
        assert!(donation::has(&totals, &sums), "{totals}");
    }
}

/// What the history says of each decision: its event, its decision.
pub async fn told(client: &Client, payment: &Payment) -> Vec<(String, String)> {
    let word = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let history = payment.history(client).await;
    history.iter().map(|row| (word(row, "event"), word(row, "decision"))).collect()
}

/// `refund.succeeded` and the like, of the refund or dispute with this reference.
pub fn part(payment: &Payment, event_type: &str, reference: &str, minor: i64) -> Event {
    let name = if event_type.starts_with("refund") { "refund_id" } else { "dispute_id" };
    payment.event(event_type).data(json!({ name: reference, "amount_minor": minor }))
}

pub fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}
