"""Gifts by the thousand against a running stack, while it is broken; then all books are compared."""

import argparse
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from . import faults, gifts, observe
from .api import Client, Tally, Unexpected

COPIES = 10
SETTLE_WITHIN = 180
SCRAPED_WITHIN = 16


def options():
    parser = argparse.ArgumentParser(prog="scripts/stress.sh", description=__doc__)
    parser.add_argument("base", help="where the balancer, or one server, is: http://127.0.0.1:8080")
    parser.add_argument("--gifts", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=100)
    parser.add_argument("--metrics", action="append", default=[], metavar="URL",
                        help="a replica's /metrics; once for each replica")
    parser.add_argument("--prometheus", metavar="URL", help="instead: a Prometheus that scrapes them")
    parser.add_argument("--compose", action="store_true",
                        help="break the stack of compose.yaml: kill app-2, stop Redis")
    parser.add_argument("--kill", metavar="COMMAND", help="kills a replica")
    parser.add_argument("--revive", metavar="COMMAND", help="starts it again")
    parser.add_argument("--redis-stop", metavar="COMMAND")
    parser.add_argument("--redis-start", metavar="COMMAND")
    return parser.parse_args()


class Run:
    def __init__(self, given):
        self.given, self.tally, self.local = given, Tally(), threading.local()
        self.told = []

    def client(self):
        if not hasattr(self.local, "client"):
            self.local.client = Client(self.given.base, self.tally)
        return self.local.client

    def each(self, work, items):
        """At once; the first failure is the run's."""
        with ThreadPoolExecutor(self.given.at_once) as pool:
            for done in [pool.submit(lambda item=item: work(self.client(), item)) for item in items]:
                done.result()

    def phase(self, what, work):
        print(f"  {what} …", end="", flush=True)
        began = time.monotonic()
        outcome = work()
        seconds = time.monotonic() - began
        print(f" {seconds:.1f} s", flush=True)
        self.told.append((what, seconds))
        return outcome

    def give_all(self, campaign, all_gifts):
        plan = faults.of(self.given)
        done = threading.Event()

        def break_things():
            for fault in plan:
                while self.tally["gifts acknowledged"] < fault.at * len(all_gifts):
                    if done.wait(0.02):
                        break
                faults.inject(fault)
                print(f"\n    {fault.name}, after {self.tally['gifts acknowledged']} gifts", end="")

        with ThreadPoolExecutor(1) as breaker:
            broken = breaker.submit(break_things)
            try:
                self.each(lambda client, gift: gifts.give(client, campaign, gift), all_gifts)
            finally:
                done.set()
            broken.result()


def wait_for_totals(client, campaign, expected):
    deadline = time.monotonic() + SETTLE_WITHIN
    path = f"/campaigns/{campaign}/totals?realtime=true"
    while True:
        totals = client.insist(200, "GET", path).body
        if all(totals[name] == value for name, value in expected.items()):
            return totals
        if time.monotonic() > deadline:
            return totals
        time.sleep(0.2)


def table(title, rows):
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:44} {value:>14,}")


def main():
    given = options()
    run = Run(given)
    if given.prometheus:
        observed = observe.Counters([observe.prometheus(given.prometheus)], SCRAPED_WITHIN)
    else:
        observed = observe.Counters([observe.replica(url) for url in given.metrics], 0)
    all_gifts = [gifts.Gift(number) for number in range(given.gifts)]
    print(f"{given.gifts} gifts, {given.at_once} at once, against {given.base}")
    try:
        campaign = run.phase("a campaign is opened", lambda: gifts.open_campaign(run.client()))
        run.phase("gifts are made", lambda: run.give_all(campaign, all_gifts))
        deadline = time.monotonic() + SETTLE_WITHIN
        run.phase("all are completed", lambda: run.each(
            lambda client, gift: gifts.completed(client, gift, deadline), all_gifts))
        run.phase(f"each webhook is sent {COPIES} times more", lambda: run.each(
            lambda client, gift: gifts.repeat_webhooks(client, gift, COPIES), all_gifts))
        run.phase("invalid requests are refused", lambda: run.each(
            lambda client, gift: gifts.misbehave(client, campaign, gift), all_gifts[:100]))
        run.phase("the bank's books are read", lambda: run.each(gifts.at_the_bank, all_gifts))
        money = sum(gift.amount for gift in all_gifts)
        expected = {"captured_minor": money, "net_minor": money, "pledged_minor": money,
                    "donation_count": given.gifts, "donor_count": given.gifts}
        totals = run.phase("the totals are read", lambda: wait_for_totals(
            run.client(), campaign, expected))
    except Unexpected as problem:
        raise SystemExit(f"\n\nNOT AS IT SHOULD BE: {problem}")
    return report(run, observed, expected, totals)


def report(run, observed, expected, totals):
    tally, number = run.tally, run.given.gifts
    table("Sent and acknowledged", sorted(tally.counts.items()))
    table("Counted in the campaign's totals", [(name, totals[name]) for name in expected])
    for name, sums in observed.report():
        table(f"Metrics: {name}", sorted((key, round(value)) for key, value in sums.items()))
    money = expected["captured_minor"]
    checks = [
        ("every gift was acknowledged", tally["gifts acknowledged"] == number),
        ("every donor was charged once", tally["charges at the bank"] == number),
        ("the bank took what was promised", tally["minor units taken by the bank"] == money),
        ("the totals are what the bank took",
         all(totals[name] == value for name, value in expected.items())),
        ("what is invalid was refused", tally["invalid requests refused"] == 5 * min(number, 100)),
    ]
    print()
    for what, holds in checks:
        print(f"  {'yes' if holds else 'NO '}  {what}")
    return 0 if all(holds for _, holds in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
