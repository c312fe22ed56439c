"""What Schemathesis cannot know of the contract from the document alone.

It makes up ids, so that most requests would end with 404: here half of them get ids that were seen
in earlier answers, and webhooks get a signature. And it takes any request that fits the document
for a good one: the refusals below depend on what JSON Schema cannot say. Each is narrow; anything
else that fits and is refused stays a failure.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import re
import time
import urllib.request
import uuid

import schemathesis

SEEN = {}
SECRET = base64.b64decode(os.environ["CAREFORALL_DEV_FUZZ_SECRET"])
PLACES = {"campaigns": "campaign_id", "pledges": "pledge_id", "payments": "payment_id"}

# what a body that fits the document may still get wrong, by field
BEYOND_SCHEMA = {
    "starts_at": "compared with ends_at",
    "ends_at": "has to be in the future",
    "provider": "has to be configured",
    "kind": "of the bank's faults, one is for one operation only",
    "payment_method": "in the words of the provider, which differ",
    "donor_email": "guests must give it, users may not; addresses beyond the format's grammar",
    "message": "no card numbers (Luhn)",
    "metadata": "no card numbers (Luhn); at most 4 KiB as a whole",
    "password": "none of the commonly used ones",
    "new_password": "none of the commonly used ones",
    "token": "only those that were mailed are good",
    "email": "the grammar of the format is wider than ours",
}
# and which whole refusals depend on more than the document
BEYOND_DOCUMENT = {
    "invalid-cursor": "cursors are opaque: only those of an earlier answer are good",
    "idempotency-key-invalid": "a guest's key has 16 characters, a user's 1",
    "idempotency-key-reused": "the key was used before, with another body",
    "version-conflict": "somebody else was quicker (412)",
    "precondition-required": "RFC 6585: a missing If-Match is 428",
    "currency-mismatch": "depends on the campaign",
    "amount-out-of-range": "the bounds are configurable",
    "goal-exceeded": "depends on the campaign",
    "webhook-malformed": "an event has the provider's form, which is not ours to document",
    "payment-declined": "depends on the payment method",
}


def is_uuid(value):
    try:
        return bool(uuid.UUID(str(value)))
    except ValueError:
        return False


def known(place, value):
    seen = SEEN.get(place)
    return random.choice(seen) if seen and is_uuid(value) and random.random() < 0.5 else value


def sign(request):
    """Standard Webhooks: what the sandbox bank puts on its webhooks."""
    event, now = f"evt_{uuid.uuid4().hex}", str(int(time.time()))
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    signed = hmac.new(SECRET, f"{event}.{now}.".encode() + body, hashlib.sha256).digest()
    request.headers["webhook-id"] = event
    request.headers["webhook-timestamp"] = now
    request.headers["webhook-signature"] = "v1," + base64.b64encode(signed).decode()
    return request


def whole(value):
    """41.0 is an integer to JSON Schema; money is refused when it is written as a fraction."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


def sign_in():
    account = {"email": os.environ["CAREFORALL_DEV_FUZZ_AS"],
               "password": os.environ["CAREFORALL_DEV_FUZZ_PASSWORD"]}
    request = urllib.request.Request(
        os.environ["CAREFORALL_DEV_FUZZ_BASE"] + "/api/v1/auth/login",
        json.dumps(account).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["access_token"]


if "CAREFORALL_DEV_FUZZ_AS" in os.environ:

    # access tokens live for 15 minutes
    @schemathesis.auth(refresh_interval=600)
    class Session:
        def get(self, case, context):
            return sign_in()

        def set(self, case, data, context):
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    place = case.path.split("/")[3] if case.path.count("/") > 2 else ""
    if place in PLACES and isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
        case.path_parameters["id"] = known(place, case.path_parameters["id"])
    if place == "webhooks" and random.random() < 0.5:
        case.path_parameters["provider"] = "sandbox"
        if isinstance(case.body, (dict, list)):
            kwargs["auth"] = sign
    if isinstance(case.body, (dict, list, float)):
        case.body = whole(case.body)
    if isinstance(case.body, dict):
        for place, member in PLACES.items():
            if member in case.body:
                case.body[member] = known(place, case.body[member])


@schemathesis.hook
def after_call(context, case, response):
    if case.method == "POST" and response.status_code == 201:
        place = case.path.rsplit("/", 1)[-1]
        try:
            SEEN.setdefault(place, []).append(response.json()["id"])
        except (ValueError, KeyError, TypeError):
            return


@schemathesis.hook
def filter_failure(context, failure, case, response):
    name = type(failure).__name__
    try:
        problem = response.json()
    except ValueError:
        return True
    if not isinstance(problem, dict):
        return True
    code = problem.get("code")
    if name == "MissingHeaderNotRejected" and code == "precondition-required":
        return False
    if name != "RejectedPositiveData":
        return True
    if code == "malformed-json" and "number out of range" in problem.get("detail", ""):
        return False  # beyond a double: RFC 8259, section 6, lets a reader set limits
    fields = {re.split(r"[.\[]", error["field"])[0] for error in problem.get("errors", [])}
    if code == "validation-failed" and fields and fields <= BEYOND_SCHEMA.keys():
        return False
    return code not in BEYOND_DOCUMENT
