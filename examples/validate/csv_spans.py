"""Exports as labelled spans: the 24 columns of robot-shop's data set, in their order, and files that are parts of each other."""

import csv
import json
import re
from datetime import datetime
from pathlib import Path

COLUMNS = (
    "timestamp start_time_ns end_time_ns duration_ns duration_ms service_name trace_id span_id parent_span_id span_name span_kind "
    "http_method http_status_code http_target http_url anomaly_type anomaly_label anomaly_root_cause anomaly_msg span_status "
    "span_status_message net_peer_name net_peer_port datacenter"
).split()
NORMAL = {"anomaly_type": "none", "anomaly_label": "normal", "anomaly_root_cause": "none", "anomaly_msg": ""}


def refuse(message):
    raise ValueError(message)


def check_row(row):
    """Whether a row is as the script that robot-shop's traces are written by writes it."""
    if list(row) != COLUMNS or None in row.values():
        refuse(f"a row has the columns {list(row)}")
    start, end, duration = (int(row[f"{name}_ns"]) for name in ("start_time", "end_time", "duration"))
    if end - start != duration or abs(float(row["duration_ms"]) - duration / 1e6) > 1e-9 * duration:
        refuse(f"a span from {start} to {end} takes {row['duration_ns']} ns, {row['duration_ms']} ms")
    told = datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")).timestamp()
    if abs(told - start / 1e9) > 1e-5:
        refuse(f"{row['timestamp']} is not {start}")
    if not re.fullmatch("[0-9a-f]{32}", row["trace_id"]) or not re.fullmatch("[0-9a-f]{16}", row["span_id"]):
        refuse(f"{row['trace_id']} and {row['span_id']} are no ids")
    if row["span_kind"] not in "12345" or row["span_status"] not in "012":
        refuse(f"kind {row['span_kind']}, status {row['span_status']}")
    int(row["http_status_code"]), int(row["net_peer_port"])
    label = {name: row[name] for name in NORMAL}
    if row["anomaly_label"] not in ("normal", "anomalous") or (row["anomaly_label"] == "normal") != (label == NORMAL):
        refuse(f"the labels are {label}")
    return row["span_id"], row["trace_id"], row["anomaly_type"]


def check_file(path):
    with open(path, encoding="utf-8", newline="") as text:
        return [check_row(row) for row in csv.DictReader(text)]


def check(folder):
    """Checks a whole export. What it has."""
    folder = Path(folder)
    told = json.loads((folder / "export.json").read_text())["files"]
    found = {name: check_file(folder / name) for name in told}
    parts = {Path(name).stem.removeprefix("traces_"): rows for name, rows in found.items()}
    whole, normal, anomalous = (parts.pop(name) for name in ("labeled", "normal", "anomalous"))
    if sorted(whole) != sorted(normal + anomalous) or any(kind != "none" for *_, kind in normal):
        refuse("normal and anomalous rows are not all rows")
    if sorted(anomalous) != sorted(row for rows in parts.values() for row in rows):
        refuse("the kinds of anomalies are not all anomalous rows")
    for kind, rows in parts.items():
        if any(row[2] != kind for row in rows):
            refuse(f"not all rows of {kind} are of that kind")
    counted = {name: len(rows) for name, rows in found.items()}
    for name, contents in told.items():
        if counted[name] != contents["records"]:
            refuse(f"{name} has {counted[name]} rows where export.json says {contents['records']}")
    return counted


def spoiled(row):
    """Rows with one thing wrong each, by what it is."""
    yield "columns in another order", {name: row[name] for name in [*COLUMNS[1:], COLUMNS[0]]}
    yield "a column that is missing", {name: row[name] for name in COLUMNS[:-1]}
    yield "an id in decimal digits", row | {"trace_id": str(int(row["trace_id"], 16))}
    yield "a kind by name", row | {"span_kind": "SERVER"}
    yield "a time that is not the start", row | {"timestamp": "2026-01-01T00:00:00.000000Z"}
    yield "a duration in seconds", row | {"duration_ms": str(int(row["duration_ns"]) / 1e9)}
    yield "a normal row with a cause", row | {"anomaly_root_cause": "db"}
    yield "a status that is empty", row | {"http_status_code": ""}


def refuses(folder):
    """Whether each spoiled row is refused. How many there were."""
    with open(Path(folder) / "truth/traces_normal.csv", encoding="utf-8", newline="") as text:
        row = next(csv.DictReader(text))
    count = 0
    for what, bad in spoiled(row):
        try:
            check_row(bad)
        except ValueError:
            count += 1
        else:
            refuse(f"{what} was accepted")
    return count
