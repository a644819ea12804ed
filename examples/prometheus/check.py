"""What a Prometheus that serves a run answers, beside what the run's tables give.

Quantiles: `histogram_quantile` guesses within a bucket, so it may be off by the bucket's width and no more. Alerts: each rule's expression is asked for at
every evaluation and its `for` is applied as Prometheus does; the same is worked out here from the samples in the tables, without PromQL. A test file for
`promtool test rules` is written besides, so that the rules' own engine is asked too.
"""

import argparse
import json
import math
import re
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import duckdb

STEP = 15
QUANTILES = (0.5, 0.9, 0.95, 0.99)
# The endpoint that is asked for, and the series that its process counts it in.
SERVICE, SPAN = "auth-service", "POST /verify"
HISTOGRAM = 'http_request_duration_seconds_bucket{job="auth-service",path="/verify"}'


class Run:
    """The tables of a run."""

    def __init__(self, folder):
        table = lambda name: f"'{folder}/observed/{name}/*.parquet'"  # noqa: E731
        self.spans = table("spans")
        rows = duckdb.sql(f"""
            select s.series_id, s.name, s.service, s.instance, s.attributes::json, epoch_ns(m.time), m.value
            from {table("series")} s join {table("metrics")} m using (series_id) order by s.series_id, m.time
        """).fetchall()
        self.series = {}
        for _, name, service, instance, attributes, time, value in rows:
            labels = {"job": service, "instance": instance, **json.loads(attributes)}
            key = (name, tuple(sorted(labels.items())))
            self.series.setdefault(key, {})[time // 10**9] = value
        times = [time for samples in self.series.values() for time in samples]
        self.start, self.end = min(times), max(times)

    def named(self, name):
        return [(dict(labels), samples) for (known, labels), samples in self.series.items() if known == name]

    def quantile(self, q, after, until):
        """Of the durations of an endpoint's spans that end in (after, until], the smallest that a share q does not exceed."""
        durations = [
            ns / 1e9
            for (ns,) in duckdb.sql(f"""
                select duration_ns from {self.spans} where service = '{SERVICE}' and name = '{SPAN}' and kind = 'SERVER'
                and epoch_ns(end_time) > {after * 10**9} and epoch_ns(end_time) <= {until * 10**9} order by 1
            """).fetchall()
        ]
        return durations[max(math.ceil(q * len(durations)), 1) - 1], len(durations)


def ask(url, path, **query):
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}") as answer:
        return json.load(answer)["data"]["result"]


def quantiles(run, url):
    """Whether every quantile that Prometheus gives is within the width of the bucket that the true one lies in."""
    # Short of whole steps, so that the samples of the window are the same whether its left end belongs to it or not.
    span = run.end - run.start - STEP
    first = run.end - span
    bounds = sorted(float(labels["le"]) for labels, _ in run.named("http_request_duration_seconds_bucket") if labels["job"] == SERVICE)
    good = True
    for q in QUANTILES:
        query = f"histogram_quantile({q}, sum by (le) (rate({HISTOGRAM}[{span + 1}s])))"
        told = float(ask(url, "query", query=query, time=run.end)[0]["value"][1])
        true, count = run.quantile(q, first, run.end)
        upper = next(bound for bound in bounds if true <= bound)
        lower = max([bound for bound in bounds if bound < upper], default=0.0)
        within = abs(told - true) <= upper - lower
        good &= within
        verdict = "within" if within else "OUTSIDE"
        print(f"  p{q * 100:g} of {SPAN}: Prometheus {told * 1e3:.2f} ms, true {true * 1e3:.2f} ms of {count} spans, "
              f"bucket {lower * 1e3:g} to {upper * 1e3:g} ms: {verdict} its width")
    return good


def rate(samples, now, window, closed):
    """PromQL's `rate`: increases between samples, resets counted from zero, stretched to the window's ends as it does."""
    left = now - window if closed else now - window + 1
    inside = [(time, samples[time]) for time in sorted(samples) if left <= time <= now]
    if len(inside) < 2:
        return None
    (first, begins), (last, _) = inside[0], inside[-1]
    increase = sum(b - a if b >= a else b for (_, a), (_, b) in zip(inside, inside[1:]))
    between = (last - first) / (len(inside) - 1)
    before, after, length = first - (now - window), now - last, last - first
    if increase > 0 and begins >= 0:
        before = min(before, length * begins / increase)
    length += before if before < between * 1.1 else between / 2
    length += after if after < between * 1.1 else between / 2
    return increase * length / (last - first) / window


def closed_windows(url):
    """Whether a sample at the left end of a window belongs to it: until Prometheus 3."""
    with urllib.request.urlopen(f"{url}/api/v1/status/buildinfo") as answer:
        return int(json.load(answer)["data"]["version"].split(".")[0]) < 3


def active(run, now, closed):
    """Which alerts have a reason at an instant, by name, with the labels that tell them apart."""
    at = lambda name: [(labels, samples[now]) for labels, samples in run.named(name) if now in samples]  # noqa: E731
    same = lambda labels: tuple(sorted(labels.items()))  # noqa: E731
    found = set()
    errors, answers = {}, {}
    for labels, samples in run.named("http_server_requests_seconds_count"):
        per_second = rate(samples, now, 60, closed)
        if per_second is not None:
            answers[labels["job"]] = answers.get(labels["job"], 0) + per_second
            if re.fullmatch("5..", labels["status"]):
                errors[labels["job"]] = errors.get(labels["job"], 0) + per_second
    found |= {("ErrorRate", (("job", job),)) for job in errors if answers[job] and errors[job] / answers[job] > 0.05}
    pending = {same(labels): value for labels, value in at("hikaricp_connections_pending")}
    most = {same(labels): value for labels, value in at("hikaricp_connections_max")}
    for labels, value in at("hikaricp_connections_active"):
        if value >= most[same(labels)] and pending[same(labels)] > 0:
            found.add(("PoolSaturated", same(labels)))
    found |= {("HeapAlmostFull", same(labels)) for labels, value in at("jvm_memory_usage_after_gc") if value > 0.9}
    found |= {("InstanceDown", same(labels)) for labels, value in at("up") if value == 0}
    return found


def firing(reasons, times, waits):
    """When each alert fires and until when, given what has a reason at each evaluation and how long it must have had one."""
    since, stretches = {}, {}
    for now in times:
        for alert in [alert for alert in since if alert not in reasons[now]]:
            del since[alert]
        for alert in reasons[now]:
            since.setdefault(alert, now)
            if now - since[alert] >= waits[alert[0]]:
                alerts = stretches.setdefault(alert, [])
                if alerts and alerts[-1][1] == now - STEP:
                    alerts[-1][1] = now
                else:
                    alerts.append([now, now])
    return stretches


def rules(text):
    """The alerts of rules.yml, by name: expression and seconds to wait. Its layout is known, so no reader of YAML is needed."""
    found = {}
    for alert in re.split(r"- alert: ", text)[1:]:
        name = alert.split()[0]
        expression = re.search(r"expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)", alert)
        waits = re.search(r"for: (\d+)([sm])", alert)
        seconds = int(waits[1]) * (60 if waits[2] == "m" else 1) if waits else 0
        found[name] = (expression[1] or expression[2], seconds)
    return found


def alerts(run, url, known):
    """Whether every alert fires when the tables say so; when they fire by the tables."""
    times = range(run.start, run.end + 1, STEP)
    waits = {name: seconds for name, (_, seconds) in known.items()}
    asked = {now: set() for now in times}
    for name, (expression, _) in known.items():
        for row in ask(url, "query_range", query=expression, start=run.start, end=run.end, step=STEP):
            labels = {key: value for key, value in row["metric"].items() if key != "__name__"}
            for time, _ in row["values"]:
                asked[int(time)].add((name, tuple(sorted(labels.items()))))
    told = firing(asked, times, waits)
    closed = closed_windows(url)
    expected = firing({now: active(run, now, closed) for now in times}, times, waits)
    clock = lambda time: f"{(time - run.start) // 3600}:{(time - run.start) // 60 % 60:02}:{(time - run.start) % 60:02}"  # noqa: E731
    for name in known:
        by_tables = sorted((stretch, labels) for (alert, labels), all_ in expected.items() if alert == name for stretch in all_)
        same = by_tables == sorted((stretch, labels) for (alert, labels), all_ in told.items() if alert == name for stretch in all_)
        shown = ", ".join(f"{clock(begin)} to {clock(end)}" for (begin, end), _ in by_tables) or "never"
        print(f"  {name} fires {shown}: Prometheus {'says the same' if same else 'DIFFERS'}")
    return told == expected, expected


def test_file(run, known, expected, rule_file):
    """What `promtool test rules` asks the rules' engine: the run's own samples, and around every first firing which alerts fire."""
    names = {"http_server_requests_seconds_count", "hikaricp_connections_active", "hikaricp_connections_max",
             "hikaricp_connections_pending", "jvm_memory_usage_after_gc", "up"}
    times = range(run.start, run.end + 1, STEP)
    lines = [f"rule_files: [{json.dumps(str(rule_file))}]", f"evaluation_interval: {STEP}s", "tests:",
             f"  - interval: {STEP}s", "    input_series:"]
    for (name, labels), samples in run.series.items():
        if name in names:
            series = name + "{" + ",".join(f"{key}={json.dumps(value)}" for key, value in labels) + "}"
            # A stale marker where a scrape did not have it, as a Prometheus writes one.
            values = " ".join(repr(samples[time]) if time in samples else "stale" if time - STEP in samples else "_" for time in times)
            lines += [f"      - series: {json.dumps(series)}", f"        values: {json.dumps(values)}"]
    lines.append("    alert_rule_test:")
    edges = {name: set() for name in known}
    for (name, _), stretches in expected.items():
        edges[name] |= {time for begin, end in stretches for time in (begin - STEP, begin, end, end + STEP)}
    count = 0
    for name, moments in edges.items():
        for time in sorted(time for time in moments or {run.start, run.end} if run.start <= time <= run.end):
            fire = [labels for (alert, labels), stretches in expected.items() if alert == name and any(b <= time <= e for b, e in stretches)]
            lines += [f"      - eval_time: {time - run.start}s", f"        alertname: {name}", "        exp_alerts:" + ("" if fire else " []")]
            severity = "ticket" if name == "HeapAlmostFull" else "page"
            lines += [f"          - exp_labels: {json.dumps({**dict(labels), 'severity': severity})}" for labels in fire]
            count += 1
    print(f"  {count} instants at which alerts begin, end or never fire are asked of promtool's own engine")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("url", help="where Prometheus serves it")
    parser.add_argument("scratch", help="folder for the test file")
    arguments = parser.parse_args()
    rule_file = Path(__file__).with_name("rules.yml")
    run, known = Run(arguments.run), rules(rule_file.read_text())
    samples = sum(len(samples) for samples in run.series.values())
    imported = sum(int(line.split()[4]) for line in (Path(arguments.scratch) / "blocks").read_text().splitlines()[1:])
    print(f"  {imported} samples imported of {samples}")
    close = quantiles(run, arguments.url)
    agree, expected = alerts(run, arguments.url, known)
    (Path(arguments.scratch) / "rules.test.yml").write_text(test_file(run, known, expected, rule_file))
    return 0 if close and agree and imported == samples else 1


if __name__ == "__main__":
    sys.exit(main())
