"""What donors, the bank and people of ill will do."""

import time

from .api import Unexpected, new_key

# everything that ends captured, by different ways: captured before authorized, each webhook five
# times, and the usual one
METHODS = ["pm_capture_first", "pm_duplicates", "pm_success"]
CURRENCY = "USD"


class Gift:
    def __init__(self, number):
        self.number = number
        self.amount = 100 + number
        self.email = f"stress-{new_key()}@demo.example"
        self.key, self.payment_key = new_key(), new_key()
        self.pledge = self.token = self.payment = self.at_bank = None


def open_campaign(client):
    """Of a new owner; its goal is out of reach."""
    email, password = f"owner-{new_key()}@demo.example", new_key()
    account = {"email": email, "password": password, "name": "Stress"}
    client.insist(201, "POST", "/auth/register", account)
    login = {"email": email, "password": password}
    token = client.insist(200, "POST", "/auth/login", login).body["access_token"]
    draft = {"title": "Stress", "description": "A thousand at once.", "goal_minor": 10**9,
             "currency": CURRENCY}
    campaign = client.insist(201, "POST", "/campaigns", draft, token).body["id"]
    client.insist(200, "POST", f"/campaigns/{campaign}/publish", {}, token)
    return campaign


def give(client, campaign, gift):
    """A pledge and its payment; every fifth request is sent once more, as a nervous client does."""
    body = {"campaign_id": campaign, "amount_minor": gift.amount, "currency": CURRENCY,
            "donor_email": gift.email}
    nervous = gift.number % 5 == 0
    first = client.insist(201, "POST", "/pledges", body, key=gift.key).body
    gift.pledge, gift.token = first["id"], first["guest_token"]
    if nervous:
        again = client.insist(201, "POST", "/pledges", body, key=gift.key).body
        if again != first:
            raise Unexpected(f"a repeated pledge was answered otherwise: {first} {again}")
    client.tally.add("gifts acknowledged")
    order = {"pledge_id": gift.pledge, "payment_method": METHODS[gift.number % len(METHODS)]}
    paid = client.insist(201, "POST", "/payments", order, gift.token, gift.payment_key).body
    gift.payment, gift.at_bank = paid["id"], paid["provider_payment_id"]
    if nervous:
        again = client.insist(201, "POST", "/payments", order, gift.token, gift.payment_key).body
        if again["id"] != gift.payment:
            raise Unexpected(f"a repeated payment is another one: {gift.payment} {again['id']}")
    client.tally.add("payments acknowledged")


def completed(client, gift, deadline):
    """Waits until the pledge is paid."""
    while True:
        pledge = client.insist(200, "GET", f"/pledges/{gift.pledge}", token=gift.token).body
        if pledge["status"] == "completed":
            client.tally.add("gifts completed")
            return
        if time.monotonic() > deadline:
            raise Unexpected(f"pledge {gift.pledge} is still {pledge['status']}")
        time.sleep(0.2)


def repeat_webhooks(client, gift, copies):
    path = f"/sandbox/payments/{gift.at_bank}/redeliver"
    sent = client.insist(202, "POST", path, {"copies": copies}).body["events"]
    client.tally.add("webhooks sent again", sent * copies)


def at_the_bank(client, gift):
    """The bank's own books: what was taken from this donor, in how many payments."""
    page = client.insist(200, "GET", f"/sandbox/payments?payment_id={gift.payment}").body["data"]
    taken = sum(payment["captured_minor"] for payment in page)
    client.tally.add("charges at the bank", sum(1 for p in page if p["captured_minor"] > 0))
    client.tally.add("minor units taken by the bank", taken)


def misbehave(client, campaign, gift):
    """What must be refused, each by its own code."""
    body = {"campaign_id": campaign, "amount_minor": gift.amount + 1, "currency": CURRENCY,
            "donor_email": gift.email}
    order = {"pledge_id": gift.pledge}
    refusals = [
        ("the same key for another amount", 422, "idempotency-key-reused",
         lambda: client.call("POST", "/pledges", body, key=gift.key)),
        ("paying for what is paid", 409, None,
         lambda: client.call("POST", "/payments", order, gift.token, new_key())),
        ("cancelling what is paid", 409, "pledge-not-cancellable",
         lambda: client.call("POST", f"/pledges/{gift.pledge}/cancel", {}, gift.token, new_key())),
        ("a forged webhook", 401, None, lambda: forge(client, gift)),
        ("somebody else's pledge", 404, None,
         lambda: client.call("GET", f"/pledges/{gift.pledge}")),
    ]
    for what, status, code, attempt in refusals:
        answer = attempt()
        told = answer.body.get("code") if isinstance(answer.body, dict) else answer.body
        if answer.status != status or (code and told != code):
            raise Unexpected(f"{what}: {answer.status} {told}, not {status} {code or ''}")
        client.tally.add("invalid requests refused")


def forge(client, gift):
    """A capture that the bank never spoke of."""
    event = {"id": f"evt_{new_key()}", "type": "payment.captured", "created_at": "2026-01-01T00:00:00Z",
             "data": {"payment_id": gift.at_bank, "amount_minor": 10**6, "currency": CURRENCY}}
    signature = {"webhook-id": event["id"], "webhook-timestamp": str(int(time.time())),
                 "webhook-signature": "v1,Zm9yZ2Vk"}
    return client.call("POST", "/webhooks/sandbox", event, headers=signature)
