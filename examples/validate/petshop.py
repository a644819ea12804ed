"""Exports in PetShop's layout: read as its loader reads them, and held to what its methods take for granted.

PetShop has no validator; that DoWhy runs on an export, and what it finds, is shown by `examples/dowhy/run`.
"""

import csv
import json
import math
from pathlib import Path

STATISTICS = {
    *(("latency", name) for name in ("Average", "p50", "p90", "p95", "p99")),
    ("requests", "Sum"),
    ("availability", "Average"),
}


def refuse(message):
    raise ValueError(message)


def check_graph(text):
    """The components of a graph."""
    rows = list(csv.reader(text.splitlines()))
    names = rows[0][1:]
    if [row[0] for row in rows[1:]] != names or len(set(names)) != len(names):
        refuse("rows and columns are not the same components")
    for row in rows[1:]:
        if len(row) != len(names) + 1 or not set(row[1:]) <= {"0.0", "1.0"}:
            refuse(f"{row[0]} calls {row[1:]}")
    return names


def check_metrics(text, nodes):
    """The timestamps of a table with three rows of header."""
    rows = list(csv.reader(text.splitlines()))
    header, rows = rows[:4], rows[4:]
    if [line[0] for line in header] != ["microservice", "metric", "statistic", "unix_timestamp"]:
        refuse(f"the header begins with {[line[0] for line in header]}")
    columns = list(zip(*(line[1:] for line in header[:3])))
    if set(columns) != {(node, *statistic) for node in nodes for statistic in STATISTICS} or len(set(columns)) != len(columns):
        refuse("there is not one column for each statistic of each component")
    times = [float(row[0]) for row in rows]
    if any(later - earlier < 300 or (later - earlier) % 300 for earlier, later in zip(times, times[1:])):
        refuse("rows are not windows of 300 s, one after the other")
    for row in rows:
        values = {column: float(value) if value else None for column, value in zip(columns, row[1:], strict=True)}
        for node in nodes:
            count = values[node, "requests", "Sum"]
            quantiles = [values[node, "latency", name] for name in ("p50", "p90", "p95", "p99")]
            if count is None or not math.isfinite(count):
                refuse(f"{node} has {count} requests at {row[0]}")
            if (count == 0) != (values[node, "availability", "Average"] is None) or (count == 0) != (None in quantiles):
                refuse(f"{node} has {count} requests and the quantiles {quantiles} at {row[0]}")
            if count and (quantiles != sorted(quantiles) or not 0 <= values[node, "availability", "Average"] <= 100):
                refuse(f"{node} has the quantiles {quantiles} at {row[0]}")
    return times


def check(folder):
    """Checks a whole export. What it has."""
    folder = Path(folder)
    told = json.loads((folder / "export.json").read_text())["files"]
    nodes = check_graph((folder / "graph.csv").read_text())
    counted = {"graph.csv": len(nodes), "train/.keep": 0, "test/.keep": 0}
    counted["noissue/metrics.csv"] = len(check_metrics((folder / "noissue/metrics.csv").read_text(), nodes))
    for issue in sorted(folder.glob("t*/issue_*")):
        name = str(issue.relative_to(folder))
        times = check_metrics((issue / "metrics.csv").read_text(), nodes)
        answer = json.loads((issue / "target.json").read_text())
        if answer["target"]["node"] not in nodes or float(answer["target"]["timestamp"]) != times[min(2, len(times) - 1)]:
            refuse(f"{name} is to explain {answer['target']}")
        if not answer["root_cause"]["node"]:
            refuse(f"{name} has no root cause")
        counted[f"{name}/metrics.csv"], counted[f"{name}/target.json"] = len(times), 1
    for name, contents in told.items():
        if counted.get(name) != contents["records"]:
            refuse(f"{name} has {counted.get(name)} records where export.json says {contents['records']}")
    return counted


def spoiled(text):
    """Tables with one thing wrong each, by what it is."""
    lines = text.splitlines()
    yield "two rows of header", "\n".join([lines[0], lines[1], *lines[3:]])
    yield "a statistic of another name", text.replace("p99", "p99.9", 1)
    yield "a row that comes twice", "\n".join([*lines, lines[-1]])
    yield "a row that is cut off", "\n".join([*lines[:-1], lines[-1].rsplit(",", 1)[0]])
    yield "a time in milliseconds", "\n".join([*lines, "1e12" + lines[-1][lines[-1].index(",") :]]).replace("1e12", "1000000000001.0")
    yield "quantiles the wrong way round", text.replace("p50", "p_", 10**6).replace("p99", "p50", 10**6).replace("p_", "p99", 10**6)


def refuses(folder):
    """Whether each spoiled table is refused. How many there were."""
    folder = Path(folder)
    nodes = check_graph((folder / "graph.csv").read_text())
    text = (folder / "noissue/metrics.csv").read_text()
    count = 0
    for what, bad in spoiled(text):
        try:
            check_metrics(bad, nodes)
        except ValueError:
            count += 1
        else:
            refuse(f"{what} was accepted")
    return count
