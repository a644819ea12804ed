"""Exports in RCAEval's layout: read as its own evaluation reads them, and held to what its methods take for granted.

RCAEval has no validator; that its methods run on an export, and what they find, is shown by `examples/baro/run`.
"""

import csv
import json
import math
import re
from pathlib import Path

NUMBERS = {"cpu", "mem", "diskio", "socket", "workload", "error", "latency-50", "latency-90"}
LOGS = "time timestamp container_name message level req_path error".split()
TRACES = "time traceID spanID serviceName methodName operationName startTimeMillis startTime duration statusCode parentSpanID".split()


def refuse(message):
    raise ValueError(message)


def check_data(text, inject):
    """How many rows the table of a case has; an error where a method would be misled or stop."""
    rows = list(csv.reader(text.splitlines()))
    header, rows = rows[0], rows[1:]
    if header[0] != "time" or len(set(header)) != len(header):
        refuse(f"columns are {header}")
    for name in header[1:]:
        if name.count("_") != 1 or name.split("_")[1] not in NUMBERS:
            refuse(f"{name} is no number of a service")
    times = [int(row[0]) for row in rows]
    if times != list(range(times[0], times[0] + len(times))):
        refuse("there is not one row for each second")
    if inject not in range(times[0] + 1, times[-1] + 1):
        refuse(f"the fault came at {inject}, which is not within {times[0]} to {times[-1]}")
    for row in rows:
        if len(row) != len(header) or not all(math.isfinite(float(value)) for value in row):
            refuse(f"there is no number for each column at {row[0]}")
    return len(rows)


def check_rows(path, header):
    with open(path, encoding="utf-8", newline="") as text:
        rows = csv.DictReader(text)
        if rows.fieldnames != header:
            refuse(f"{path} has the columns {rows.fieldnames}")
        count = 0
        for row in rows:
            count += 1
            if None in row or None in row.values():
                refuse(f"{path} has a row of other fields than its header")
    return count


def check(folder):
    """Checks a whole export. What it has."""
    folder = Path(folder)
    told = json.loads((folder / "export.json").read_text())
    if told["truth"] is not True:
        refuse("export.json does not say that it tells the truth")
    counted = {}
    for case in sorted(path.parent for path in folder.glob("*/*/data.csv")):
        # RCAEval's evaluation splits it so, and takes what it gets for the answer.
        service, fault = case.parent.name.split("_")
        if not re.fullmatch("[1-9][0-9]*", case.name) or not service or not fault:
            refuse(f"{case} is no folder of a case")
        name = str(case.relative_to(folder))
        inject = int((case / "inject_time.txt").read_text())
        counted[f"{name}/data.csv"] = check_data((case / "data.csv").read_text(), inject)
        counted[f"{name}/inject_time.txt"] = 1
        counted[f"{name}/logs.csv"] = check_rows(case / "logs.csv", LOGS)
        counted[f"{name}/traces.csv"] = check_rows(case / "traces.csv", TRACES)
        points = json.loads((case / "metrics.json").read_text())
        for series, values in points.items():
            if [time for time, _ in values] != sorted({time for time, _ in values}):
                refuse(f"{series} is not in the order of time")
        counted[f"{name}/metrics.json"] = sum(map(len, points.values()))
    for name, contents in told["files"].items():
        if counted.get(name) != contents["records"]:
            refuse(f"{name} has {counted.get(name)} records where export.json says {contents['records']}")
    return counted


def spoiled(text):
    """Tables with one thing wrong each, by what it is."""
    lines = text.splitlines()
    yield "a service with an underscore", text.replace("_", "_x_", 1)
    yield "a number of another name", text.replace("_cpu", "_processor", 1)
    yield "a second that is missing", "\n".join(lines[:5] + lines[6:])
    yield "a cell that is empty", "\n".join(lines[:5] + [lines[5].rsplit(",", 1)[0] + ","] + lines[6:])
    yield "a cell that is no number", "\n".join(lines[:5] + [lines[5].rsplit(",", 1)[0] + ",NaN"] + lines[6:])
    yield "a row that is cut off", "\n".join(lines[:5] + [lines[5].rsplit(",", 1)[0]] + lines[6:])


def refuses(folder):
    """Whether each spoiled table is refused. How many there were."""
    case = next(path.parent for path in sorted(Path(folder).glob("*/*/data.csv")))
    text, inject = (case / "data.csv").read_text(), int((case / "inject_time.txt").read_text())
    count = 0
    for what, bad in [*spoiled(text), ("a fault that comes too late", text)]:
        try:
            check_data(bad, inject + 10_000 if bad == text else inject)
        except ValueError:
            count += 1
        else:
            refuse(f"{what} was accepted")
    return count
