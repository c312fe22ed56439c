"""Puts the figures of scripts/bench.sh together: medians, ratios, goals and verdicts.

report.py RESULTS MACHINE [--quick] [--write docs/PERFORMANCE.md]
"""

import argparse
import datetime
import statistics

parser = argparse.ArgumentParser()
parser.add_argument("results")
parser.add_argument("machine")
parser.add_argument("--quick", action="store_true")
parser.add_argument("--write")
arguments = parser.parse_args()

runs = {}
for line in open(arguments.results):
    name, value = line.split()
    runs.setdefault(name, []).append(float(value))


def median(name):
    return statistics.median(runs[name]) if name in runs else None


def ratio(above, below):
    a, b = median(above), median(below)
    return a / b if a is not None and b else None


def per_s(name):
    value = median(name)
    return "–" if value is None else f"{value:,.0f}"


def of(above, below):
    return f"{per_s(above)} ÷ {per_s(below)} /s"


rows = []


def row(number, what, figure, unit, detail, first, goal, at_least=True):
    """`first` and `goal` are the bounds of the page; a figure that was not taken has no verdict."""
    if figure is None:
        rows.append((number, what, "–", detail, bounds(first, goal, unit, at_least), "not measured"))
        return
    reached = (lambda bound: figure >= bound) if at_least else (lambda bound: figure <= bound)
    verdict = "goal" if reached(goal) else "first target" if reached(first) else "**missed**"
    rows.append((number, what, f"{figure:,.2f}{unit}" if figure < 100 else f"{figure:,.0f}{unit}",
                 detail, bounds(first, goal, unit, at_least), verdict))


def bounds(first, goal, unit, at_least):
    sign = "≥" if at_least else "≤"
    return f"{sign} {first:g}{unit}; {sign} {goal:g}{unit}"


row("P1", "pledges ÷ pgbench, one transaction a gift", ratio("P1_pledges", "P1_pgbench"), "",
    of("P1_pledges", "P1_pgbench"), 2.0, 3.5)
row("P2", "cached totals ÷ an empty handler", ratio("P2_totals", "P2_empty"), "",
    of("P2_totals", "P2_empty"), 0.5, 0.8)
row("P3", "repeated webhooks ÷ an empty POST handler", ratio("P3_repeated", "P3_empty"), "",
    of("P3_repeated", "P3_empty"), 0.15, 0.4)
row("P4", "whole donations a second", median("P4_donations"), "", f"new webhooks: {per_s('P5_webhooks')} /s",
    1000, 3000)
row("P5", "create a pledge, p95 at half of the maximum", median("P5_create_ms"), " ms", "", 20, 10, False)
row("P5", "a webhook, p95 at half of the maximum", median("P5_webhook_ms"), " ms", "", 10, 5, False)
row("P5", "totals, p95 at half of the maximum", median("P5_totals_ms"), " ms", "", 5, 2, False)
row("P6", "webhook acknowledged → counted, p99 at half of the maximum", median("P6_counted_ms"), " ms",
    "looked for every 1 to 2 ms", 500, 100, False)
row("P7", "all gifts to one campaign ÷ to 1,000", ratio("P7_hot", "P7_spread"), "",
    of("P7_hot", "P7_spread"), 0.8, 0.95)
for what, name, below in [
    ("pledges", "P1_pledges", "P1_pgbench"),
    ("totals", "P2_totals", "P2_empty"),
    ("repeated webhooks", "P3_repeated", "P3_empty"),
]:
    # each beside its yardstick of the same run: the machine's mood cancels out
    filled, empty = ratio(f"P8_{name}", f"P8_{below}"), ratio(name, below)
    row("P8", f"{what}, filled ÷ empty", filled / empty if filled and empty else None, "",
        of(f"P8_{name}", name), 0.8, 0.95)
row("P8", "donations, filled ÷ empty", ratio("P8_P4_donations", "P4_donations"), "",
    of("P8_P4_donations", "P4_donations"), 0.8, 0.95)
row("P8", "a list's first page ÷ a deep one", ratio("P8_first_page_ms", "P8_deep_page_ms"), "",
    f"{per_s('P8_depth')} gifts deep" if "P8_depth" in runs else "", 0.8, 0.95)
row("P9", "resident memory, idle", median("P9_idle_mb"), " MB", "the server, without Postgres", 60, 30, False)
row("P9", "resident memory, highest under load", median("P9_load_mb"), " MB", "", 250, 120, False)
row("P10", "start to ready, database up", median("P10_up_ms"), " ms", "", 1000, 300, False)
row("P10", "start to ready, embedded, first time", median("P10_embedded_ms"), " ms", "", 10000, 5000, False)
row("P11", "statements of an idle replica", median("P11_queries"), " /s", "", 10, 4, False)
row("P12", "3 replicas ÷ 1, behind nginx", ratio("P12_three", "P12_one"), "",
    of("P12_three", "P12_one"), 0.8, 0.9)

head = ("", "measure", "figure", "taken from", "first target; goal", "reached")
print()
for cells in [head, *rows]:
    print(f"{cells[0]:<4}{cells[1]:<60}{cells[2]:>12}  {cells[5].strip('*'):<14}{cells[3]}")
print("\nruns:")
for name, values in runs.items():
    print(f"  {name:<18}", " ".join(f"{value:g}" for value in values))

if arguments.write and arguments.quick:
    print("\n--quick: docs/PERFORMANCE.md stays as it is")
elif arguments.write:
    today = datetime.datetime.now(datetime.timezone.utc).date()
    table = [f"{today}. {arguments.machine}. Medians of {len(runs['P1_pledges'])} runs.", ""]
    table += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    table += ["| " + " | ".join(cells) + " |" for cells in rows]
    text = open(arguments.write).read()
    begin, end = "<!-- figures: scripts/bench.sh -->\n", "<!-- end of figures -->"
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    open(arguments.write, "w").write(before + begin + "\n".join(table) + "\n" + end + after)
    print(f"\n{arguments.write} is written")
