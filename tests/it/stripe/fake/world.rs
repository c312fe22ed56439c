//! What the fake Stripe knows, and what may be done with it.

use std::collections::HashMap;

use careforall::kernel::clock;
use serde_json::{Value, json};

use super::{Answer, form::Fields, list::list, refuse};

#[derive(Debug, Default)]
pub struct World {
    pub intents: Vec<Value>,
    pub refunds: Vec<Value>,
    pub disputes: Vec<Value>,
    /// What was and will be said.
    pub events: Vec<Value>,
    /// The first answer to each key, and what had been asked.
    pub kept: HashMap<String, (String, Answer)>,
    pub livemode: bool,
    number: u32,
}

impl World {
    pub fn dispatch(&mut self, method: &str, path: &[&str], fields: &Fields) -> Answer {
        match (method, path) {
            ("POST", ["payment_intents"]) => self.create(fields),
            ("GET", ["payment_intents"]) => list("/v1/payment_intents", &self.intents, fields),
            ("GET", ["payment_intents", id]) => self.on(id, |_, intent| (200, intent.clone())),
            ("POST", ["payment_intents", id, "cancel"]) => self.cancel(id),
            ("POST", ["payment_intents", id, "capture"]) => self.capture(id),
            ("POST", ["refunds"]) => self.refund(fields),
            ("GET", ["refunds"]) => list("/v1/refunds", &self.refunds, fields),
            ("GET", ["disputes"]) => list("/v1/disputes", &self.disputes, fields),
            ("GET", ["events"]) => list("/v1/events", &self.events, fields),
            _ => refuse(404, "url_invalid", "Unrecognized request URL"),
        }
    }

    pub fn id(&mut self, prefix: &str) -> String {
        self.number += 1;
        format!("{prefix}_{:08}", self.number)
    }

    /// With an object as it is now.
    pub fn tell(&mut self, event_type: &str, object: Value) -> Value {
        let (id, livemode) = (self.id("evt"), self.livemode);
        let event = json!({
            "id": id, "object": "event", "api_version": "2025-09-30.clover",
            "created": clock::now().timestamp(), "livemode": livemode, "type": event_type,
            "data": { "object": object }, "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
        });
        self.events.push(event.clone());
        event
    }

    fn on(&mut self, id: &str, act: impl FnOnce(&mut Self, &mut Value) -> Answer) -> Answer {
        let Some(at) = self.intents.iter().position(|intent| intent["id"] == id) else {
            let message = format!("No such payment_intent: '{id}'");
            return refuse(404, "resource_missing", &message);
        };
        let mut intent = self.intents[at].clone();
        let answer = act(self, &mut intent);
        self.intents[at] = intent;
        answer
    }

    fn create(&mut self, fields: &Fields) -> Answer {
        let (Some(amount), Some(currency)) = (fields.number("amount"), fields.get("currency"))
        else {
            return refuse(400, "parameter_missing", "Missing required param: amount.");
        };
        if amount < 50 && currency == "usd" {
            return refuse(400, "amount_too_small", "Amount must be at least $0.50 usd");
        }
        let method = fields.get("payment_method");
        if method.is_some_and(|method| !method.starts_with("pm_card_")) {
            return refuse(400, "resource_missing", "No such PaymentMethod: 'pm_none'");
        }
        let id = self.id("pi");
        let intent = json!({
            "id": id, "object": "payment_intent", "amount": amount, "amount_capturable": 0,
            "amount_received": 0, "capture_method": fields.get("capture_method"),
            "client_secret": format!("{id}_secret_{amount}"), "currency": currency,
            "created": clock::now().timestamp(), "livemode": self.livemode,
            "latest_charge": null, "metadata": fields.metadata(), "next_action": null,
            "status": "requires_payment_method", "last_payment_error": null,
        });
        self.tell("payment_intent.created", intent.clone());
        self.intents.push(intent.clone());
        match method.filter(|_| fields.get("confirm") == Some("true")) {
            Some(method) => self.confirm(&id, method),
            None => (200, intent),
        }
    }

    /// What the donor does with Stripe's page, or the request itself.
    pub fn confirm(&mut self, id: &str, method: &str) -> Answer {
        self.on(id, |world, intent| {
            match method {
                "pm_card_visa_chargeDeclined" => {
                    world.tell("payment_intent.payment_failed", intent.clone());
                    return declined(intent);
                }
                "pm_card_authenticationRequired" => intent["status"] = json!("requires_action"),
                _ if intent["capture_method"] == "manual" => {
                    intent["status"] = json!("requires_capture");
                    intent["amount_capturable"] = intent["amount"].clone();
                    intent["latest_charge"] = world.charge(intent);
                    world.tell("payment_intent.amount_capturable_updated", short(intent));
                }
                _ => {
                    intent["latest_charge"] = world.charge(intent);
                    world.take(intent);
                }
            }
            (200, intent.clone())
        })
    }

    fn take(&mut self, intent: &mut Value) {
        let amount = intent["amount"].clone();
        intent["status"] = json!("succeeded");
        intent["amount_capturable"] = json!(0);
        intent["amount_received"] = amount.clone();
        intent["latest_charge"]["captured"] = json!(true);
        intent["latest_charge"]["amount_captured"] = amount;
        self.tell("payment_intent.succeeded", short(intent));
    }

    fn charge(&mut self, intent: &Value) -> Value {
        json!({
            "id": self.id("ch"), "object": "charge", "amount": intent["amount"],
            "amount_captured": 0, "amount_refunded": 0, "captured": false,
            "created": clock::now().timestamp(), "currency": intent["currency"],
            "livemode": self.livemode, "metadata": intent["metadata"],
            "payment_intent": intent["id"], "refunded": false, "status": "succeeded",
            "payment_method_details": { "type": "card", "card": {
                "brand": "visa", "capture_before": clock::now().timestamp() + 604_800 } },
        })
    }

    fn cancel(&mut self, id: &str) -> Answer {
        self.on(id, |world, intent| {
            if matches!(intent["status"].as_str().unwrap(), "succeeded" | "canceled" | "processing")
            {
                return unexpected(intent, "canceled");
            }
            intent["status"] = json!("canceled");
            intent["amount_capturable"] = json!(0);
            world.tell("payment_intent.canceled", short(intent));
            (200, intent.clone())
        })
    }

    fn capture(&mut self, id: &str) -> Answer {
        self.on(id, |world, intent| {
            if intent["status"] != "requires_capture" {
                return unexpected(intent, "captured");
            }
            world.take(intent);
            let charge = intent["latest_charge"].clone();
            world.tell("charge.captured", charge);
            (200, intent.clone())
        })
    }

    pub fn refund(&mut self, fields: &Fields) -> Answer {
        let intent = fields.get("payment_intent").unwrap_or_default().to_owned();
        self.on(&intent, |world, intent| {
            let charge = &mut intent["latest_charge"];
            let (captured, before) =
                (charge["amount_captured"].as_i64(), charge["amount_refunded"].as_i64());
            let left = captured.unwrap_or(0) - before.unwrap_or(0);
            let amount = fields.number("amount").unwrap_or(left);
            if left == 0 {
                return refuse(400, "charge_already_refunded", "Charge has already been refunded.");
            }
            if amount > left {
                return refuse(400, "amount_too_large", "Refund amount is greater than unrefunded");
            }
            charge["amount_refunded"] = json!(before.unwrap_or(0) + amount);
            let refund = json!({
                "id": world.id("re"), "object": "refund", "amount": amount,
                "charge": charge["id"], "created": clock::now().timestamp(),
                "currency": charge["currency"], "metadata": fields.metadata(),
                "payment_intent": charge["payment_intent"], "status": "succeeded",
            });
            world.refunds.push(refund.clone());
            world.tell("refund.created", refund.clone());
            world.tell("charge.refunded", charge.clone());
            (200, refund)
        })
    }

    /// A refund that had succeeded fails after all.
    pub fn fail_refund(&mut self, id: &str) -> Value {
        let refund = self.refunds.iter_mut().find(|refund| refund["id"] == id).unwrap();
        refund["status"] = json!("failed");
        let refund = refund.clone();
        self.tell("refund.failed", refund)
    }

    /// Puts a dispute into a status and says so.
    pub fn dispute(&mut self, intent: &str, amount: i64, status: &str, event: &str) -> Value {
        let at = self.disputes.iter().position(|dispute| dispute["payment_intent"] == intent);
        let at = at.unwrap_or_else(|| {
            let currency =
                self.intents.iter().find(|i| i["id"] == intent).unwrap()["currency"].clone();
            let dispute = json!({
                "id": self.id("dp"), "object": "dispute", "amount": amount, "charge": "ch_1",
                "created": clock::now().timestamp(), "currency": currency, "metadata": {},
                "livemode": self.livemode, "payment_intent": intent, "reason": "fraudulent",
            });
            self.disputes.push(dispute);
            self.disputes.len() - 1
        });
        self.disputes[at]["status"] = json!(status);
        let dispute = self.disputes[at].clone();
        self.tell(&format!("charge.dispute.{event}"), dispute)
    }
}

/// As events show it: what can be expanded is an id.
fn short(intent: &Value) -> Value {
    let mut short = intent.clone();
    short["latest_charge"] = intent["latest_charge"]["id"].clone();
    short
}

fn declined(intent: &Value) -> Answer {
    let error = json!({
        "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
        "message": "Your card was declined.", "payment_intent": intent,
    });
    (402, json!({ "error": error }))
}

fn unexpected(intent: &Value, verb: &str) -> Answer {
    let message = format!(
        "This PaymentIntent could not be {verb} because it has a status of {}.",
        intent["status"]
    );
    let error = json!({ "type": "invalid_request_error", "code": "payment_intent_unexpected_state",
                        "message": message, "payment_intent": intent });
    (400, json!({ "error": error }))
}
