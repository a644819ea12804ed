"""OpenMetrics text, read by the Python client's parser and, where it is installed, by promtool, which each find what the other lets pass.

The client's parser knows names, types, units and the order of buckets, but refuses a histogram with two instants, so it is fed one instant after the other. promtool
imports the whole file into blocks, but passes wrong names, and drops what it does not take with exit code 0, so its samples are counted.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

FILE = "metrics.om"


def refuse(why):
    raise ValueError(why)


def instants(text):
    """The text in as many as it has instants, each with the descriptions of the families that it has samples of."""
    if not text.endswith("\n# EOF\n"):
        refuse("does not end with # EOF")
    described, found = [], {}
    for line in text.splitlines()[:-1]:
        if line.startswith("# TYPE "):
            described = []
        if line.startswith("#"):
            described.append(line)
            continue
        lines, families = found.setdefault(line.rsplit(" ", 1)[1], ([], set()))
        if described[0] not in families:
            families.add(described[0])
            lines.extend(described)
        lines.append(line)
    return {time: "\n".join([*lines, "# EOF", ""]) for time, (lines, _) in found.items()}


def in_order(text):
    """Whether each family comes once, each series in one piece, and its times ascend."""
    families, series, last = set(), set(), (None, None)
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family = line.split()[2]
            if family in families:
                refuse(f"{family} comes in two pieces")
            families.add(family)
        if line.startswith("#"):
            continue
        head, _, time = line.rsplit(" ", 2)
        if (head, time) in series:
            refuse(f"{head} has {time} twice")
        series.add((head, time))
        metric = head.split("{")[-1].partition('le="')[0]
        if last[0] == (family, metric) and float(time) < last[1]:
            refuse(f"{head} goes back in time to {time}")
        last = ((family, metric), float(time))


def check_text(text):
    """How many samples a text has; an error where anything is wrong with it."""
    in_order(text)
    count = 0
    for instant in instants(text).values():
        for family in text_string_to_metric_families(instant):
            count += len(family.samples)
    return count


def imported(text):
    """How many samples promtool makes blocks of."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_text(text)
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", file, Path(folder) / "data"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        refuse(f"promtool: {done.stderr.strip()}")
    return sum(int(line.split()[4]) for line in done.stdout.splitlines()[1:])


def check(folder):
    """Checks a whole export. What it has."""
    text = (Path(folder) / FILE).read_text(encoding="utf-8")
    told = json.loads((Path(folder) / "export.json").read_text())["files"][FILE]["records"]
    counts = {FILE: check_text(text)}
    if shutil.which("promtool"):
        counts["promtool's blocks"] = imported(text)
    else:
        print("prometheus: promtool is not installed, so the parser's word stands alone")
    for what, count in counts.items():
        if count != told:
            refuse(f"{what}: {count} samples where export.json says {told}")
    return counts


def spoiled(text):
    """Texts with one thing wrong each, by what it is."""
    yield "no end", text.removesuffix("# EOF\n")
    yield "a blank line", text.replace("# UNIT", "\n# UNIT", 1)
    yield "a counter's name with _total in its type", text.replace("# TYPE container_oom_events ", "# TYPE container_oom_events_total ", 1)
    yield "a unit that no name ends in", text.replace(" seconds\n", " hours\n", 1)
    yield "a type that there is not", text.replace(" counter\n", " conter\n", 1)
    yield "a name that is not legal", text.replace("\nup{", "\nu-p{", 1)
    yield "a bound that is not written as OpenMetrics has it", text.replace('le="+Inf"', 'le="Inf"', 1)
    yield "a bucket without a bound", text.replace('le="0.005"', 'ge="0.005"', 1)
    bucket = next((line for line in text.splitlines() if "_bucket{" in line and 'le="0.005"' in line), "")
    head, _, time = bucket.rsplit(" ", 2) if bucket else ("", "", "")
    yield "buckets that do not add up", text.replace(bucket, f"{head} 99999999 {time}", 1)
    first, second = [line for line in text.splitlines() if line.startswith("up{")][:2]
    yield "times that go back", text.replace(f"{first}\n{second}\n", f"{second}\n{first}\n", 1)
    yield "a family in two pieces", text.replace("# EOF\n", f"# TYPE container_oom_events counter\n{first}\n# EOF\n")


def refuses(folder):
    """Whether each spoiled text is refused. How many there were."""
    text = (Path(folder) / FILE).read_text(encoding="utf-8")
    count = 0
    for what, bad in spoiled(text):
        if bad == text:
            refuse(f"could not spoil the text by {what}")
        try:
            check_text(bad)
        except Exception:  # noqa: BLE001  (whatever a parser raises refuses the text)
            count += 1
        else:
            refuse(f"{what} was accepted")
    if shutil.which("promtool"):
        for what, bad in (("no end", text.removesuffix("# EOF\n")), ("a time that is no number", text.replace("\n# EOF", "x\n# EOF"))):
            try:
                imported(bad)
            except ValueError:
                count += 1
            else:
                refuse(f"promtool accepted {what}")
    return count
