"""OTLP in JSON, read by the official protobuf definitions and by the official JSON types, which each find what the other lets pass.

The protobuf parser refuses unknown keys but takes ids for base64, so ids are translated for it, from hexadecimal digits of the right
number only. The JSON types refuse ids and enumerations that are wrong but pass over unknown keys.
"""

import base64
import json
import re
from pathlib import Path

from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.proto_json.logs.v1.logs import LogsData as LogsJson
from opentelemetry.proto_json.metrics.v1.metrics import MetricsData as MetricsJson
from opentelemetry.proto_json.trace.v1.trace import TracesData as TracesJson

# By file: both parsers, the names of resources and scopes in the line, and of what is in a scope.
SIGNALS = {
    "traces.jsonl": (TracesData, TracesJson, "resourceSpans", "scopeSpans", "spans"),
    "logs.jsonl": (LogsData, LogsJson, "resourceLogs", "scopeLogs", "logRecords"),
    "metrics.jsonl": (MetricsData, MetricsJson, "resourceMetrics", "scopeMetrics", "metrics"),
}
DIGITS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
# The collector's order of keys, by something that only objects of that kind have.
ORDER = {
    "startTimeUnixNano endTimeUnixNano": (
        "traceId spanId traceState parentSpanId flags name kind startTimeUnixNano endTimeUnixNano attributes events links status"
    ),
    "observedTimeUnixNano": (
        "timeUnixNano observedTimeUnixNano severityNumber severityText body attributes flags traceId spanId eventName"
    ),
    "bucketCounts": (
        "attributes startTimeUnixNano timeUnixNano count sum bucketCounts explicitBounds exemplars flags min max"
    ),
}
# May be there although they are empty.
ALWAYS = {"resource", "scope", "status", "body"}


def refuse(message):
    raise ValueError(message)


def translated(value, key=None):
    """A value in which ids are as protobuf's JSON has bytes."""
    if isinstance(value, dict):
        return {name: translated(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [translated(inner) for inner in value]
    if key in DIGITS:
        if not re.fullmatch(f"[0-9a-f]{{{DIGITS[key]}}}", value) or set(value) == {"0"}:
            refuse(f"{key} is {value!r}, which is no id of {DIGITS[key]} hexadecimal digits")
        return base64.b64encode(bytes.fromhex(value)).decode()
    return value


def written_as_the_collector_does(value):
    """Order of keys, and nothing that is empty but what always is there."""
    if isinstance(value, list):
        for inner in value:
            written_as_the_collector_does(inner)
    if not isinstance(value, dict):
        return
    for marks, order in ORDER.items():
        if all(mark in value for mark in marks.split()):
            places = [order.split().index(key) for key in value]
            if places != sorted(places):
                refuse(f"keys in the order {list(value)}")
    for key, inner in value.items():
        if inner in (None, "", [], {}) and key not in ALWAYS and key != "stringValue":
            refuse(f"{key} is empty and is there all the same")
        if key.endswith("UnixNano") and not isinstance(inner, str):
            refuse(f"{key} is a number, which 64 bits do not fit into")
        written_as_the_collector_does(inner)


def points(metric):
    kind = next(kind for kind in ("gauge", "sum", "histogram", "summary") if kind in metric)
    found = metric[kind]["dataPoints"]
    for point in found if kind == "histogram" else ():
        counts, bounds = point["bucketCounts"], point["explicitBounds"]
        if len(counts) != len(bounds) + 1 or bounds != sorted(bounds):
            refuse(f"{metric['name']} has {len(counts)} buckets for {len(bounds)} bounds")
        if sum(map(int, counts)) != int(point.get("count", 0)):
            refuse(f"{metric['name']} counts {point.get('count')} in {counts}")
    return len(found)


def check_line(signal, line):
    """How many records a line has; an error where anything is wrong with it."""
    protobuf, types, resources, scopes, records = SIGNALS[signal]
    value = json.loads(line)
    written_as_the_collector_does(value)
    json_format.Parse(json.dumps(translated(value)), protobuf())
    types.from_json(line)
    found = [
        record for resource in value[resources] for scope in resource[scopes] for record in scope[records]
    ]
    return sum(map(points, found)) if signal == "metrics.jsonl" else len(found)


def check(folder):
    """Checks a whole export. What it has."""
    told = json.loads((Path(folder) / "export.json").read_text())["files"]
    counted = {}
    for signal in SIGNALS:
        with open(Path(folder) / signal, encoding="utf-8") as lines:
            counted[signal] = sum(check_line(signal, line) for line in lines)
        if counted[signal] != told[signal]["records"]:
            refuse(f"{signal} has {counted[signal]} records where export.json says {told[signal]['records']}")
    return counted


def spoiled(line):
    """Lines with one thing wrong each, by what it is."""
    span = line.index('"traceId":"') + len('"traceId":"')
    yield "an unknown key", line.replace('"spans":', '"spanz":', 1)
    yield "an unknown field", line.replace('"flags":', '"flagz":', 1)
    yield "an id in base64", line[:span] + base64.b64encode(b"0123456789abcdef").decode() + line[span + 32 :]
    yield "an id that is too short", line[:span] + line[span + 2 :]
    yield "an enumeration by name", re.sub(r'"kind":\d', '"kind":"SPAN_KIND_SERVER"', line, count=1)
    yield "a time as a number", re.sub(r'"startTimeUnixNano":"(\d+)"', r'"startTimeUnixNano":\1', line, count=1)
    yield "keys in another order", re.sub(r'("flags":\d+),("name":"[^"]*")', r"\2,\1", line, count=1)
    yield "an empty list", line.replace('"status":', '"links":[],"status":', 1)
    yield "a line that is cut off", line[: len(line) // 2]


def refuses(folder):
    """Whether each spoiled line is refused. How many there were."""
    with open(Path(folder) / "traces.jsonl", encoding="utf-8") as lines:
        line = next(lines)
    count = 0
    for what, bad in spoiled(line):
        if bad == line:
            refuse(f"could not spoil a line by {what}")
        try:
            check_line("traces.jsonl", bad)
        except Exception:  # noqa: BLE001  (whatever a parser raises refuses the line)
            count += 1
        else:
            refuse(f"{what} was accepted")
    return count
