"""HTTP as a careful client speaks it: the same request, with the same key, until it is answered."""

import http.client
import json
import threading
import time
import uuid
from urllib.parse import urlsplit

ATTEMPTS = 40
PATIENCE = 30


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Unexpected(Exception):
    """An answer that should not have been."""


class Tally:
    """What was sent and answered, by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {}

    def add(self, name, number=1):
        with self.lock:
            self.counts[name] = self.counts.get(name, 0) + number

    def __getitem__(self, name):
        return self.counts.get(name, 0)


class Client:
    """One per thread: it keeps its connection."""

    def __init__(self, base, tally):
        url = urlsplit(base)
        secure = url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.connection = kind(url.hostname, url.port, timeout=PATIENCE)
        self.prefix = url.path.rstrip("/") + "/api/v1"
        self.tally = tally

    def call(self, method, path, body=None, token=None, key=None, headers=None):
        """One attempt. OSError and HTTPException: there was no answer."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if key:
            sent["Idempotency-Key"] = key
        data = None if body is None else json.dumps(body).encode()
        self.tally.add("requests sent")
        try:
            self.connection.request(method, self.prefix + path, data, sent)
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = text.decode(errors="replace")
        return Answer(response.status, response.headers, body)

    def insist(self, expected, method, path, body=None, token=None, key=None):
        """Repeats whatever was not answered, or answered "later", and expects this status."""
        for attempt in range(ATTEMPTS):
            try:
                answer = self.call(method, path, body, token, key)
            except (OSError, http.client.HTTPException):
                self.tally.add("answers lost, asked again")
                time.sleep(min(1.0, 0.05 * (attempt + 1)))
                continue
            code = answer.body.get("code") if isinstance(answer.body, dict) else None
            if answer.status in (429, 502, 503, 504) or code == "idempotency-in-progress":
                self.tally.add(f"answered {answer.status}, asked again")
                wait = answer.headers.get("Retry-After", "1")
                time.sleep(min(2.0, float(wait)) if wait.isdigit() else 1.0)
                continue
            if answer.status != expected:
                raise Unexpected(f"{method} {path}: {answer.status}, not {expected}: {answer.body}")
            if answer.headers.get("Idempotent-Replayed") == "true":
                self.tally.add("answers replayed")
            return answer
        raise Unexpected(f"{method} {path}: no answer after {ATTEMPTS} attempts")


def new_key():
    return str(uuid.uuid4())
