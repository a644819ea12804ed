"""What a Prometheus has of a run that it scraped, beside the run's last scrape."""

import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def ask(url, query):
    return get(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}")["data"]["result"]


def last_scrape(path):
    """The samples of the last instant, by name and labels, and how many seconds of simulated time there are."""
    lines = [line.rstrip("\n") for line in open(path, encoding="utf-8") if not line.startswith("#")]
    times = [float(line.rsplit(" ", 1)[1]) for line in lines]
    end = max(times)
    samples = {}
    for line, at in zip(lines, times):
        if at == end:
            head, value, _ = line.rsplit(" ", 2)
            name, labels = head.split("{", 1)
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
            samples[name, tuple(sorted(pairs))] = float(value)
    return samples, end - min(times)


def main():
    path, url, target = sys.argv[1:]
    expected, length = last_scrape(path)
    time.sleep(length / 120 + 3)
    targets = get(f"{url}/api/v1/targets")["data"]["activeTargets"]
    for one in targets:
        print(f"  {one['labels']['job']}/{one['labels']['instance']}: {one['health']}")
    listed = {one["labels"]["instance"] for group in [get(f"{target}/sd")] for one in group}
    found = {}
    for row in ask(url, '{__name__=~".+",__name__!~"scrape_.*"}'):
        labels = dict(row["metric"])
        name = labels.pop("__name__")
        found[name, tuple(sorted(labels.items()))] = float(row["value"][1])
    # Prometheus' own word for the target that stands for cAdvisor and kube-state-metrics, which is no process of the run.
    found = {key: value for key, value in found.items() if dict(key[1])["instance"] != "platform"}
    same = found == expected
    print(f"  {len(found)} series in Prometheus, {len(expected)} in the run's last scrape: {'all the same' if same else 'NOT the same'}")
    for key in list(dict(found.items() ^ expected.items()))[:5]:
        print(f"    {key}: Prometheus {found.get(key)}, run {expected.get(key)}")
    for row in ask(url, "count_over_time(up[1h])"):
        labels = row["metric"]
        failed = ask(url, f'count_over_time(up{{instance="{labels["instance"]}"}}[1h]) - sum_over_time(up{{instance="{labels["instance"]}"}}[1h])')
        print(f"  {labels['instance']}: {row['value'][1]} scrapes, of which {failed[0]['value'][1]} failed")
    return 0 if same and {one["labels"]["instance"] for one in targets} == listed else 1


if __name__ == "__main__":
    sys.exit(main())
