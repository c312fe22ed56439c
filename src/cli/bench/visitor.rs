//! Who sits at one connection, and what they do there.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{
    donor::{Donor, Failure, Letter, deliver, done},
    ground::Ground,
    http::Http,
    tally::{Step, Tally, Window},
};

/// What is done over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Pledges,
    Totals,
    /// The same few events again and again, if `repeated`.
    Webhooks {
        repeated: bool,
    },
    Donations,
    Mixed,
    EmptyGet,
    EmptyPost,
}

impl Work {
    /// What one round of it is measured as.
    pub const fn step(self) -> Step {
        match self {
            Self::Pledges => Step::Pledge,
            Self::Totals | Self::Mixed => Step::Totals,
            Self::Webhooks { .. } => Step::Webhook,
            Self::Donations => Step::Donation,
            Self::EmptyGet | Self::EmptyPost => Step::Empty,
        }
    }
}

/// Events that one connection sends again and again.
const REPEATED: usize = 16;
/// How long a gift may take to be counted.
const COUNTED_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at the total.
const LOOK_EVERY: Duration = Duration::from_millis(1);

pub struct Visitor {
    work: Work,
    ground: Arc<Ground>,
    number: usize,
    http: Http,
    donor: Donor,
    tally: Rc<RefCell<Tally>>,
    rounds: usize,
    letters: Vec<Letter>,
    path: String,
}

impl Visitor {
    pub async fn arrive(
        work: Work,
        ground: Arc<Ground>,
        number: usize,
        tally: Rc<RefCell<Tally>>,
    ) -> std::io::Result<Self> {
        let http = Http::connect(ground.address).await?;
        let donor = Donor::new(ground.clone(), &format!("c{number}"));
        let letters = match work {
            Work::Webhooks { repeated: true } => letters(&ground, number),
            _ => Vec::new(),
        };
        let path = String::new();
        Ok(Self { work, ground, number, http, donor, tally, rounds: 0, letters, path })
    }

    /// One round, due at `due`. What fails is noted, and the next round goes on.
    pub async fn round(&mut self, due: Instant) {
        self.rounds += 1;
        let outcome = match self.work {
            Work::Pledges => self.pledge(due).await,
            Work::Totals => self.look(due, "/totals", Step::Totals).await,
            Work::Webhooks { .. } => self.webhook(due).await,
            Work::Donations => self.donate(due).await,
            Work::Mixed => self.mixed(due).await,
            Work::EmptyGet | Work::EmptyPost => self.nothing(due).await,
        };
        if let Err(failure) = outcome {
            self.tally.borrow_mut().fail(|| failure.to_string());
            if matches!(failure, Failure::Lost(_)) {
                // a server that is away for a moment: the next round says so if it stays away
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = self.http.reconnect().await;
            }
        }
    }

    /// Spreads the rounds of all connections over the campaigns.
    fn campaign(&self) -> usize {
        (self.number + self.rounds.wrapping_mul(7919)) % self.ground.spread()
    }

    async fn pledge(&mut self, due: Instant) -> Result<(), Failure> {
        let campaign = self.campaign();
        self.donor.pledge(campaign, &mut self.http, &self.tally, due).await.map(drop)
    }

    async fn donate(&mut self, due: Instant) -> Result<(), Failure> {
        let campaign = self.campaign();
        self.donor.give(campaign, &mut self.http, &self.tally, due).await?;
        self.tally.borrow_mut().record(Step::Donation, due);
        Ok(())
    }

    async fn look(&mut self, due: Instant, what: &str, step: Step) -> Result<(), Failure> {
        use std::fmt::Write as _;
        let campaign = self.campaign();
        self.path.clear();
        let id = &self.ground.campaigns[campaign];
        // into memory: cannot fail
        let _ = write!(self.path, "/api/v1/campaigns/{id}{what}");
        done(self.http.get(&self.path).await, 200)?;
        self.tally.borrow_mut().record(step, due);
        Ok(())
    }

    /// A busy night: nine looks for each call of a gift.
    async fn mixed(&mut self, due: Instant) -> Result<(), Failure> {
        match (self.number + self.rounds) % 20 {
            0 | 10 => {
                let campaign = self.campaign();
                self.donor.advance(campaign, &mut self.http, &self.tally, due).await
            }
            odd if odd % 2 == 1 => self.look(due, "/totals", Step::Totals).await,
            _ => self.look(due, "", Step::Campaign).await,
        }
    }

    async fn webhook(&mut self, due: Instant) -> Result<(), Failure> {
        let count = self.letters.len();
        if count > 0 {
            deliver(&self.letters[self.rounds % count], &mut self.http).await?;
        } else {
            let (number, rounds) = (self.number, self.rounds);
            let event_id = format!("evt_{}_{number}_{rounds}", self.ground.run);
            let at = (number + rounds.wrapping_mul(7919)) % self.ground.paid.len();
            let paid = &self.ground.paid[at];
            let letter = Letter::new(&self.ground, &event_id, "payment.captured", paid);
            deliver(&letter, &mut self.http).await?;
        }
        self.tally.borrow_mut().record(Step::Webhook, due);
        Ok(())
    }

    async fn nothing(&mut self, due: Instant) -> Result<(), Failure> {
        let reply = match self.work {
            // as long as a pledge's
            Work::EmptyPost => self.http.post("/", "", &[b' '; 200]).await,
            _ => self.http.get("/").await,
        };
        done(reply, 200)?;
        self.tally.borrow_mut().record(Step::Empty, due);
        Ok(())
    }
}

fn letters(ground: &Ground, number: usize) -> Vec<Letter> {
    let letter = |repetition: usize| {
        let paid = &ground.paid[(number * REPEATED + repetition) % ground.paid.len()];
        let event_id = format!("evt_{}_{number}_{repetition}", ground.run);
        Letter::new(ground, &event_id, "payment.captured", paid)
    };
    (0..REPEATED).map(letter).collect()
}

#[derive(Deserialize)]
struct Counted {
    donation_count: u64,
}

/// Gives to a campaign of its own, and looks when the total shows it.
pub async fn probe(ground: Arc<Ground>, number: usize, tally: Rc<RefCell<Tally>>) {
    let now = Instant::now();
    let unseen = Tally::new(Window { from: now, until: now }, ground.campaigns.len());
    let own = RefCell::new(unseen);
    let outcome = give_and_look(&ground, number, &own, &tally).await;
    let mut tally = tally.borrow_mut();
    for (all, mine) in tally.said.iter_mut().zip(own.into_inner().said) {
        all.add(mine);
    }
    if let Err(failure) = outcome {
        tally.fail(|| format!("a probe: {failure}"));
    }
}

async fn give_and_look(
    ground: &Arc<Ground>,
    number: usize,
    own: &RefCell<Tally>,
    tally: &RefCell<Tally>,
) -> Result<(), Failure> {
    let connected = Http::connect(ground.address).await;
    let mut http = connected.map_err(|error| Failure::Lost(error.to_string()))?;
    let mut donor = Donor::new(ground.clone(), &format!("probe{number}"));
    let campaign = ground.spread() + number;
    let path = format!("/api/v1/campaigns/{}/totals?realtime=true", ground.campaigns[campaign]);
    let window = tally.borrow().window;
    let mut given = 0;
    while Instant::now() < window.until {
        donor.give(campaign, &mut http, own, Instant::now()).await?;
        given += 1;
        let acknowledged = Instant::now();
        while count(&mut http, &path).await? < given {
            if acknowledged.elapsed() > COUNTED_WITHIN {
                return Err(Failure::Refused("a gift was not counted within 30 s".to_owned()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        tally.borrow_mut().record(Step::Counted, acknowledged);
    }
    Ok(())
}

async fn count(http: &mut Http, path: &str) -> Result<u64, Failure> {
    let reply = done(http.get(path).await, 200)?;
    let counted: Counted = serde_json::from_slice(reply.body)
        .map_err(|error| Failure::Refused(format!("the totals: {error}")))?;
    Ok(counted.donation_count)
}
