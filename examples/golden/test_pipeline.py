"""Holds a pipeline's output to what a run's own tables say. `SIM` names the binary [default: sim]; `SCENARIO` another scenario."""

import os
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

import pipeline

SIM = os.environ.get("SIM", "sim")
SCENARIO = os.environ.get("SCENARIO", Path(__file__).parents[2] / "crates/cli/tests/scenarios/small.ron")


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A finished run, and its export."""
    folder = tmp_path_factory.mktemp("run")
    # Exit code 1 says that an expectation did not hold, which is not what is tested here.
    ran = subprocess.run([SIM, "run", SCENARIO, "--out", folder / "run"], capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stderr
    exported = [SIM, "export", folder / "run", "--format", "otlp", "--out", folder / "otlp"]
    subprocess.run(exported, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def expected(run):
    """Requests and failed requests by service, by the table of spans."""
    requests, failed = Counter(), Counter()
    spans = parquet.read_table(run / "run/observed/spans", columns=["service", "kind", "status"]).to_pylist()
    for span in spans:
        if span["kind"] == "SERVER":
            requests[span["service"]] += 1
            failed[span["service"]] += span["status"] == "ERROR"
    return {service: {"requests": requests[service], "failed": failed[service]} for service in sorted(requests)}


def test_the_pipeline_counts_what_happened(run, expected):
    with open(run / "otlp/traces.jsonl", encoding="utf-8") as lines:
        assert pipeline.count(lines) == expected


def test_the_scenario_has_errors_to_count(expected):
    assert sum(counts["failed"] for counts in expected.values()) > 0


def test_a_pipeline_that_is_wrong_is_found_out(run, expected):
    """One that takes the number of `STATUS_CODE_OK` for that of an error, say."""
    with open(run / "otlp/traces.jsonl", encoding="utf-8") as lines:
        assert pipeline.count(lines, is_failed=lambda span: span["status"].get("code", 0) == 1) != expected


def test_what_clients_saw_is_what_servers_say(run, expected):
    """A request that failed at its entry has a span that failed there, unless its client had left or it was never let in."""
    requests = parquet.read_table(run / "run/truth/requests", columns=["outcome", "http_response_status_code"]).to_pylist()
    answered = sum((request["http_response_status_code"] or 0) >= 500 for request in requests)
    assert 0 < answered <= sum(counts["failed"] for counts in expected.values())
