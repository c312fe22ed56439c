"""What the servers say they have done: their counters, before and after."""

import json
import threading
import urllib.parse
import urllib.request

# shown in this order; summed over all replicas and all other labels
SHOWN = [
    ("http_requests_total", "status"),
    ("idempotency_requests_total", "outcome"),
    ("webhooks_total", "outcome"),
    ("payments_total", "status"),
    ("cache_requests_total", "outcome"),
    ("redis_calls_total", "outcome"),
]


def get(url):
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def parse(text):
    """`name{labels} value` to {(name, labels): value}."""
    series = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            series[name] = float(value)
    return series


def label(series, name, wanted):
    """The value of one label of `name{...}`, or None when it is another metric."""
    if not series.startswith(name + "{"):
        return None
    for pair in series[len(name) + 1:-1].split('",'):
        key, _, value = pair.partition('="')
        if key.strip() == wanted:
            return value.strip('"')
    return None


def replica(url):
    """One replica's /metrics."""
    return lambda: parse(get(url))


def prometheus(base):
    """What a Prometheus has scraped of all replicas."""
    names = "|".join(name for name, _ in SHOWN)
    query = urllib.parse.quote(f'{{__name__=~"{names}"}}')
    url = f"{base.rstrip('/')}/api/v1/query?query={query}"

    def sample():
        series = {}
        for row in json.loads(get(url))["data"]["result"]:
            labels = ",".join(f'{key}="{value}"' for key, value in row["metric"].items())
            series[f"{row['metric']['__name__']}{{{labels}}}"] = float(row["value"][1])
        return series

    return sample


class Counters:
    """How much each has grown. Asked often, because a replica that is killed begins at zero again."""

    def __init__(self, sources, settle):
        self.sources, self.settle = sources, settle
        self.last, self.grown = [None] * len(sources), {}
        self.stop = threading.Event()
        self.look()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stop.wait(0.5):
            self.look()

    def look(self):
        for number, source in enumerate(self.sources):
            try:
                now = source()
            except OSError:
                continue
            before = self.last[number]
            for series, value in now.items():
                # what appears after the first look began at zero
                old = value if before is None else before.get(series, 0.0)
                more = value - old if value >= old else value
                self.grown[series] = self.grown.get(series, 0.0) + more
            self.last[number] = now

    def report(self):
        # until the last of it has been scraped
        self.stop.wait(self.settle)
        self.stop.set()
        self.thread.join()
        self.look()
        for name, by in SHOWN:
            sums = {}
            for series, value in self.grown.items():
                found = label(series, name, by)
                if found is not None and value > 0:
                    sums[found] = sums.get(found, 0) + value
            yield name, sums
