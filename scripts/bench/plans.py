"""Turns auto_explain's log into docs/PLANS.md: of each statement its dearest plan.

plans.py LOG OUTPUT MACHINE; fails when a large table is read whole.
"""

import datetime
import re
import sys

log, output, machine = sys.argv[1:]

# more rows than this are not looked through for one answer
MANY = 10_000
# what looks through whole tables by its nature, and seldom
WHOLE = [
    # the dashboard: one row a campaign
    "FROM totals.campaign_totals WHERE published GROUP BY currency",
]
# plans that are shown, the dearest first
IN_FULL = 80
START = re.compile(r"^\S+ \S+ \S+ \[\d+\] (?:\S+ )?LOG:  duration: ([\d.]+) ms  plan:$")


def entries(lines):
    """(milliseconds, the lines of the plan)"""
    current = None
    for line in lines:
        line = line.rstrip("\n")
        start = START.match(line)
        if start:
            if current:
                yield current
            current = (float(start[1]), [])
        elif current and line.startswith("\t"):
            current[1].append(line[1:])
        elif current:
            yield current
            current = None
    if current:
        yield current


def split(lines):
    """The statement, on one line, and its plan."""
    at = next((n for n, line in enumerate(lines) if re.match(r"^\S.*\(cost=", line)), len(lines))
    statement = " ".join(" ".join(lines[:at]).split()).removeprefix("Query Text: ")
    return statement, [line.rstrip() for line in lines[at:]]


def pages(plan):
    found = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", "\n".join(plan))
    return sum(int(n) for n in found.groups() if n) if found else 0


def scans(plan):
    return sorted({f"{m[1]} {m[2]}" for line in plan
                   for m in [re.search(r"((?:Index(?: Only)?|Bitmap Heap|Bitmap Index|Seq) Scan)"
                                       r"(?: Backward)? (?:using \S+ )?on (\S+)", line)] if m})


found = {}
for duration, lines in entries(open(log, errors="replace")):
    statement, plan = split(lines)
    # numbers of parameters differ with the length of lists
    key = re.sub(r"\$\d+", "$", statement)
    if not plan or re.match(r"(?i)(alter|load|create|explain)\b", key):
        continue
    seen = found.setdefault(key, [0, 0.0, -1, None, statement])
    seen[0] += 1
    seen[1] += duration
    if pages(plan) > seen[2]:
        seen[2], seen[3] = pages(plan), plan

whole = []
for _, _, _, plan, text in found.values():
    for at, line in enumerate(plan):
        scan = re.search(r"Seq Scan on (\S+).*actual time=\S+ rows=(\d+)", line)
        if not scan or any(words in text for words in WHOLE):
            continue
        removed = next((int(m[1]) for below in plan[at + 1:at + 4]
                        for m in [re.search(r"Rows Removed by Filter: (\d+)", below)] if m), 0)
        if int(scan[2]) + removed > MANY:
            whole.append((scan[1], text))

ordered = sorted(found.values(), key=lambda one: -one[2])
today = datetime.datetime.now(datetime.timezone.utc).date()
out = [
    "# Plans",
    "",
    "Written by `scripts/plans.sh`; how the statements are gathered is told there. Each statement "
    "that reached Postgres while every list was walked, things were looked up, gifts were given and "
    f"counted, and all books were compared, the dearest first; of each its dearest plan, by pages of 8 KB. The plans of the first {IN_FULL} are below.",
    "",
    f"{today}. {machine}. {len(ordered)} statements.",
    "",
    "| | pages, at most | ms, mean | times | how | statement |",
    "|---|---|---|---|---|---|",
]
for number, (times, total, most, plan, text) in enumerate(ordered, 1):
    how = ", ".join(scans(plan)) or plan[0].split("  (")[0]
    name = f"[{number}](#{number})" if number <= IN_FULL else str(number)
    short = text[:90].replace("|", "¦")
    out.append(f"| {name} | {most:,} | {total / times:.2f} | {times:,} | {how} | `{short}` |")
for number, (_, _, _, plan, text) in enumerate(ordered[:IN_FULL], 1):
    out += ["", f"## {number}", "", "```sql", text[:800] + (" …" if len(text) > 800 else ""), "```",
            "```", *[line[:160] for line in plan[:40]], "```"]
open(output, "w").write("\n".join(out) + "\n")
print(f"{output}: {len(ordered)} statements")
for table, text in whole:
    print(f"{table} is read whole by: {text[:300]}", file=sys.stderr)
sys.exit(1 if whole else 0)
