"""Counts requests and errors by service from OTLP in JSON (traces.jsonl of a Collector's file exporter): a stand-in for a pipeline under test."""

import json
import sys
from collections import Counter

SERVER, ERROR = 2, 2


def is_failed(span):
    return span["status"].get("code", 0) == ERROR


def count(lines, is_failed=is_failed):
    """Requests and failed requests by service."""
    requests, failed = Counter(), Counter()
    for line in lines:
        for resource in json.loads(line)["resourceSpans"]:
            attributes = {attribute["key"]: attribute["value"] for attribute in resource["resource"]["attributes"]}
            service = attributes["service.name"]["stringValue"]
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    if span["kind"] == SERVER:
                        requests[service] += 1
                        failed[service] += is_failed(span)
    return {service: {"requests": requests[service], "failed": failed[service]} for service in sorted(requests)}


if __name__ == "__main__":
    json.dump(count(sys.stdin), sys.stdout, indent=2)
