"""Asks for every list, at its beginning and far into it, and for what is looked up by key."""

import http.client
import json
import sys
from urllib.parse import quote, urlsplit

base, email, campaign = sys.argv[1:]
url = urlsplit(base)
connection = http.client.HTTPConnection(url.hostname, url.port)
DEPTH = 50


def request(method, path, body=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    connection.request(method, "/api/v1" + path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 400:
        sys.exit(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text)


def walk(path):
    """The list's pages, to `DEPTH`; the first row of it."""
    sign = "&" if "?" in path else "?"
    page = request("GET", f"{path}{sign}limit=100")
    first = next(iter(page["data"]), None)
    for _ in range(DEPTH):
        if not page["has_more"]:
            break
        page = request("GET", f"{path}{sign}limit=100&cursor={quote(page['next_cursor'])}")
    return first


token = None
password = "correct horse battery staple"
token = request("POST", "/auth/login", {"email": email, "password": password})["access_token"]

for path in [
    "/campaigns",
    "/campaigns?status=active",
    "/campaigns?status=ended",
    "/campaigns?category=water",
    "/campaigns?sort=ending_soon",
    "/campaigns?sort=ending_soon&status=active",
    "/campaigns?q=water",
    "/campaigns?q=shelter+Kisumu",
    f"/campaigns/{campaign}/donations",
    "/me/pledges",
    "/admin/users",
    "/admin/campaigns",
    "/admin/campaigns?status=ended",
    "/admin/pledges",
    "/admin/pledges?status=cancelled",
    f"/admin/pledges?campaign_id={campaign}",
    "/admin/pledges?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z",
    "/admin/payments",
    "/admin/payments?status=captured",
    f"/admin/payments?campaign_id={campaign}",
    "/admin/webhook-events",
    "/admin/webhook-events?status=quarantined",
    "/admin/dead-letters",
    "/admin/audit-log",
]:
    walk(path)

pledge = walk(f"/admin/pledges?campaign_id={campaign}")
payment = walk(f"/admin/payments?campaign_id={campaign}")
request("GET", "/admin/dashboard")
request("GET", f"/campaigns/{campaign}")
request("GET", f"/campaigns/{campaign}/totals?realtime=true")
request("GET", f"/pledges/{pledge['id']}")
request("GET", f"/payments/{payment['id']}")
walk(f"/payments/{payment['id']}/history")
