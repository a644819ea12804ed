#!/usr/bin/env python3
"""Measures how the cost of an event or a request grows, and draws it: benches/scaling.svg, and a table on standard output.

    benches/scaling.py [--rounds 3]

Needs Rust and Python 3.10 or later; the drawing library comes from PyPI into `target/peers`. Three sweeps, each with a bare loop
(the same workload over the standard library's binary heap) beside it where there is one:

  pending   events in the calendar, 10 to 10^6 (the hold model)
  services  copies of three tiers in one world, 2 to 5 000 services, with as many requests for each
  depth     requests queued before one server, 10 to 10^6
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ANCHOR = TARGET / "release" / "knockon-anchor"

PENDING = [10, 100, 1_000, 10_000, 100_000, 1_000_000]
COPIES = [1, 5, 50, 500, 2_500]
SWEEPS = {
    # Title, what a unit is, x values with how they are labelled, programs with their arguments for one x.
    "pending": ("events pending", "event", [(n, n) for n in PENDING], {
        "knockon's kernel": lambda n: ("knockon-kernel", "hold", 2_000_000, n),
        "bare loop": lambda n: ("bare", "hold", 2_000_000, n),
    }),
    "services": ("services", "request", [(n, 2 * n) for n in COPIES], {
        "knockon": lambda n: ("knockon", "w2s", 1_600 * max(n, 500), n),
        "knockon's kernel": lambda n: ("knockon-kernel", "w2s", 1_600 * max(n, 500), n),
        "bare loop": lambda n: ("bare", "w2s", 1_600 * max(n, 500), n),
    }),
    "depth": ("requests queued", "request", [(n, n) for n in PENDING], {
        "knockon": lambda n: ("knockon", "depth", 2_000_000, n),
    }),
}


def once(arguments):
    done = subprocess.run([str(ANCHOR), *map(str, arguments)], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    units = result["done"] + result["timeouts"]
    # A backlog is made, too: its requests count, though they are still queued at the end.
    units += arguments[3] if arguments[1] == "depth" else 0
    return result["cpu"] / units * 1e9


def measure(rounds):
    figures = {}
    for turn in range(rounds):
        for sweep, (_, _, points, programs) in SWEEPS.items():
            for x, label in points:
                for program, arguments in programs.items():
                    figures.setdefault((sweep, program, label), []).append(once(arguments(x)))
                    print(f"{turn + 1}/{rounds} {sweep} {label} {program}: {figures[sweep, program, label][-1]:.0f} ns", file=sys.stderr)
    return {key: statistics.median(values) for key, values in figures.items()}


def table(figures):
    lines = []
    for sweep, (title, unit, points, programs) in SWEEPS.items():
        lines += [f"| {title} | " + " | ".join(f"{program}, ns a {unit}" for program in programs) + " |"]
        lines += ["| --- |" + " --- |" * len(programs)]
        for _, label in points:
            cells = (f"{figures[sweep, program, label]:,.0f}" for program in programs)
            lines.append(f"| {label:,} | " + " | ".join(cells) + " |")
        growth = [figures[sweep, p, points[-1][1]] / figures[sweep, p, points[0][1]] for p in programs]
        lines += ["| growth | " + " | ".join(f"{factor:.1f} ×" for factor in growth) + " |", ""]
    return "\n".join(lines)


def draw(figures):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "knockon"
    import matplotlib.pyplot as plot

    colours = {"knockon": "#1f5fa8", "knockon's kernel": "#5aa9e6", "bare loop": "#999999"}
    figure, panels = plot.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for panel, (sweep, (title, unit, points, programs)) in zip(panels, SWEEPS.items()):
        labels = [label for _, label in points]
        for program in programs:
            panel.plot(labels, [figures[sweep, program, label] for label in labels], marker="o", color=colours[program], label=program)
        panel.set(xscale="log", xlabel=title, ylabel=f"ns a {unit}", ylim=(0, None))
        panel.grid(alpha=0.3)
        panel.legend(frameon=False)
    figure.savefig(HERE / "scaling.svg", metadata={"Date": None})


def prepare():
    environment = TARGET / "peers" / "drawing"
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "matplotlib==3.10.*"], check=True)
    cargo = ["cargo", "build", "--release", "--quiet", "-p", "knockon-benches", "--bin", "knockon-anchor"]
    subprocess.run(cargo, check=True, cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)})
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each point is measured; the median counts")
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw:
        draw({tuple(key): value for key, value in json.loads(options.draw.read_text())})
        return
    python = prepare()
    figures = measure(options.rounds)
    print(table(figures))
    # The drawing library lives in an environment of its own: this file again, in there.
    kept = TARGET / "peers" / "scaling.json"
    kept.write_text(json.dumps([[list(key), value] for key, value in figures.items()]))
    subprocess.run([python, __file__, "--draw", kept], check=True)


if __name__ == "__main__":
    main()
