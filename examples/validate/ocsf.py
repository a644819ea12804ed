"""Exports as OCSF events, read by the JSON schema of each class (`ocsf-json-schema`, schema 1.8.0), and the arithmetic that it does not check."""

import copy
import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

CLASSES = {
    0: "base_event",
    4002: "http_activity",
    6002: "application_lifecycle",
    6003: "api_activity",
    6005: "datastore_activity",
    6008: "application_error",
}
FILES = ["changes.jsonl", "logs.jsonl", "metrics.jsonl", "traces.jsonl"]
# Of a long file every so manieth event goes through the schema, which takes a millisecond; all go through the arithmetic.
AT_MOST = 500


def refuse(message):
    raise ValueError(message)


@cache
def schema():
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))


@cache
def validator(number, profiles):
    return Draft202012Validator(schema().get_class_schema(class_name=CLASSES[number], profiles=list(profiles)))


def check_sums(event):
    """What the schema leaves to whoever writes."""
    if event["category_uid"] != event["class_uid"] // 1000:
        refuse(f"class {event['class_uid']} is not of category {event['category_uid']}")
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        refuse(f"type {event['type_uid']} is not activity {event['activity_id']} of class {event['class_uid']}")
    if "end_time" in event and not event["start_time"] == event["time"] <= event["end_time"]:
        refuse(f"it ends at {event['end_time']} and begins at {event['start_time']}")


def check_event(event):
    check_sums(event)
    profiles = tuple(event["metadata"].get("profiles", ()))
    for error in validator(event["class_uid"], profiles).iter_errors(event):
        refuse(f"class {event['class_uid']}: {error.message} at {list(error.path)}")


def check(folder):
    """Checks a whole export. What it has."""
    folder = Path(folder)
    told = json.loads((folder / "export.json").read_text())["files"]
    counted = {}
    for name in FILES:
        step = max(1, told[name]["records"] // AT_MOST)
        counted[name] = 0
        with open(folder / name, encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                (check_sums if counted[name] % step else check_event)(event)
                counted[name] += 1
        if counted[name] != told[name]["records"]:
            refuse(f"{name} has {counted[name]} records where export.json says {told[name]['records']}")
    return counted


def spoiled(event):
    """Events with one thing wrong each, by what it is."""

    def change(what, how):
        bad = copy.deepcopy(event)
        how(bad)
        return what, bad

    yield change("a type of another class", lambda bad: bad.update(type_uid=600101))
    yield change("a category of another class", lambda bad: bad.update(category_uid=2))
    yield change("a profile that is not named", lambda bad: bad["metadata"].update(profiles=["host"]))
    yield change("no severity", lambda bad: bad.pop("severity_id"))
    yield change("a time as text", lambda bad: bad.update(start_time=str(bad["time"])))
    yield change("a field that the schema does not have", lambda bad: bad.update(latency=1))
    yield change("neither request nor answer", lambda bad: [bad.pop("http_request", 0), bad.pop("http_response", 0)])
    yield change("a device of no kind", lambda bad: bad["device"].pop("type_id"))
    yield change("a product without a name", lambda bad: bad["metadata"].update(product={}))


def refuses(folder):
    """Whether each spoiled event is refused. How many there were."""
    with open(Path(folder) / "traces.jsonl", encoding="utf-8") as lines:
        event = next(event for event in map(json.loads, lines) if event["class_uid"] == 4002)
    count = 0
    for what, bad in spoiled(event):
        try:
            check_event(bad)
        except (ValueError, TypeError):
            count += 1
        else:
            refuse(f"{what} was accepted")
    return count
