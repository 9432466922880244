"""Recurrences as python-dateutil computes them.

recompute KEPT NEW   writes the starts of testdata/verify/calendar anew
ask BULLA            asks the program whether random windows hold a step up, and compares
"""

import datetime as dt
import json
import random
import subprocess
import sys
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

UTC = dt.timezone.utc
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
# Those whose rules no government has changed lately: the two sides have databases of their own.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
]
WINDOWS = 60
AHEAD = dt.timedelta(days=330)


def recompute(kept, new):
    cases = json.load(open(kept))
    lines = []
    for case in cases:
        # In no time zone, but UNTIL is in UTC.
        start = dt.datetime.fromisoformat(case["start"]).replace(tzinfo=UTC)
        starts = []
        for found in rrulestr(case["rrule"], dtstart=start):
            starts.append(found.replace(tzinfo=None).isoformat())
            if len(starts) == 40:
                break
        case = {"start": case["start"], "rrule": case["rrule"], "starts": starts}
        lines.append("  " + json.dumps(case))
    with open(new, "w") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


def rule(some):
    """A recurrence, which may have no start at all."""
    frequency = some.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = ["FREQ=" + frequency]
    if some.random() < 0.4:
        parts.append(f"INTERVAL={some.choice([2, 3, 5])}")
    week = lambda most: ",".join(some.sample(DAYS, some.randint(1, most)))
    if frequency == "DAILY" and some.random() < 0.4:
        months = sorted(some.sample(range(1, 13), 4))
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    elif frequency == "WEEKLY":
        parts.append("BYDAY=" + week(4))
        if some.random() < 0.5:
            parts.append("WKST=" + some.choice(["SU", "MO", "WE"]))
    elif frequency == "MONTHLY":
        parts.append(
            some.choice(
                [
                    f"BYDAY={some.choice([1, 2, 5, -1, -2])}{some.choice(DAYS)}",
                    "BYMONTHDAY=" + ",".join(map(str, some.sample([1, 13, 29, 30, 31, -1, -2], 2))),
                    "BYDAY=MO,TU,WE,TH,FR;BYSETPOS=" + some.choice(["1", "-1", "2,-2"]),
                ]
            )
        )
    elif frequency == "YEARLY":
        parts.append(
            some.choice(
                [
                    "BYMONTH=2;BYMONTHDAY=29",
                    f"BYWEEKNO={some.choice([1, 2, 20, 51, -1])};BYDAY={week(1)}",
                    "BYYEARDAY=" + some.choice(["1", "60,-1", "366", "-306"]),
                    f"BYMONTH={some.choice(['3,10', '11', '1,6'])};BYDAY={some.choice(['2SU', '-1SU', '4TH', 'MO'])}",
                ]
            )
        )
    if some.random() < 0.3:
        parts.append("BYHOUR=" + some.choice(["2", "1,3", "0,12", "23"]))
    if some.random() < 0.25:
        parts.append(f"COUNT={some.choice([3, 40, 400])}")
    return ";".join(parts)


def instant(local, zone):
    """RFC 5545: of a time that comes twice the first; one that is skipped has the offset before."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def windows(some, now):
    """Windows in local time, each with the spans in which it is closed."""
    found = []
    while len(found) < WINDOWS:
        name = some.choice(ZONES)
        zone = ZoneInfo(name)
        base = dt.datetime(now.year, 1, 1) + dt.timedelta(
            days=some.randint(0, 300), minutes=some.choice([0, 90, 150, 1350])
        )
        text = rule(some)
        first = rrulestr(text, dtstart=base).after(base - dt.timedelta(seconds=1))
        if first is None:
            continue
        hours = some.choice([1, 5, 30, 72])
        last = now.replace(tzinfo=None) + AHEAD + dt.timedelta(days=3)
        starts = rrulestr(text, dtstart=first).between(first, last, inc=True)
        length = dt.timedelta(hours=hours)
        spans = [(instant(start, zone), instant(start, zone) + length) for start in starts]
        window = {
            "kind": "closed",
            "environments": ["env://acme/pay/prod"],
            "services": [f"s{len(found)}"],
            "start": first.isoformat(),
            "timeZone": name,
            "duration": f"PT{hours}H",
            "rrule": text,
            "reason": text,
        }
        found.append((window, spans))
    return found


def times(some, now, spans):
    """Edges of the spans to come, changes of the clocks, and any time."""
    second = dt.timedelta(seconds=1)
    ahead = [span for span in spans if now + dt.timedelta(hours=1) < span[0] and span[1] < now + AHEAD]
    found = []
    for start, end in some.sample(ahead, min(2, len(ahead))):
        found += [start, start - second, end, end - second]
    for change in ["03-28T00:59:59", "03-28T01:30:00", "10-25T00:30:00", "10-25T01:30:00", "03-14T07:00:00"]:
        for year in [now.year, now.year + 1]:
            at = dt.datetime.fromisoformat(f"{year}-{change}").replace(tzinfo=UTC)
            if now < at < now + AHEAD:
                found.append(at)
    found.append(now + dt.timedelta(seconds=some.randint(3600, 300 * 86400)))
    return found


def ask(bulla):
    some = random.Random("bulla")
    now = dt.datetime.now(UTC).replace(microsecond=0)
    cases = windows(some, now)
    with open("calendar.yaml", "w") as file:
        json.dump({"windows": [window for window, _ in cases]}, file)
    call = [bulla, "freeze", "set", "calendar.yaml", "--key", "owner.key", "--state", "state.json", "--yes"]
    subprocess.run(call + ["-q"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    asked = held = 0
    for window, spans in cases:
        for at in times(some, now, spans):
            wanted = 4 if any(start <= at < end for start, end in spans) else 0
            call = [bulla, "freeze", "check", "--env", "prod", "--service", window["services"][0]]
            answer = subprocess.run(
                call + ["--at", at.strftime("%Y-%m-%dT%H:%M:%SZ")], capture_output=True, text=True
            )
            if answer.returncode != wanted:
                sys.exit(f"{at}: exit {answer.returncode}, not {wanted}\n{window}\n{answer.stdout}{answer.stderr}")
            asked += 1
            held += wanted == 4
    if held < 50 or asked - held < 50:
        sys.exit(f"{held} of {asked} held up: too few of one kind")
    print(f"{asked} answers about {len(cases)} windows, {held} held up")


if sys.argv[1] == "recompute":
    recompute(*sys.argv[2:])
else:
    ask(*sys.argv[2:])
