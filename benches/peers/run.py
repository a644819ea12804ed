#!/usr/bin/env python3
"""Runs the same three workloads on SimPy, Ciw, nexosim and knockon, in turns, and prints a table of ratios.

    benches/peers/run.py [--rounds 5] [--json FILE]

Needs Python 3.10 or later and Rust. Everything else comes from PyPI and crates.io: a virtual environment and the builds go to
`target/peers`. Each program reports the CPU time that its simulation took (building the model included, starting the program
and reading a scenario not). Programs run one after the other, round after round, so that what disturbs the machine disturbs
all; a ratio is taken against knockon's run of the same round.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SCRATCH = TARGET / "peers"

# Units for each program: enough for a second or so, since the slow ones take a thousand times as long.
UNITS = {
    "mm1": {"knockon": 2_000_000, "nexosim": 500_000, "SimPy": 100_000, "Ciw": 50_000},
    "tiers": {"knockon": 1_000_000, "nexosim": 250_000, "SimPy": 50_000},
    "hold": {"knockon": 5_000_000, "nexosim": 1_000_000, "SimPy": 200_000},
}
TITLES = {"mm1": "M/M/1", "tiers": "three tiers, timeouts fire", "hold": "hold, 10 000 pending"}
# What knockon calls them, and which of its layers runs them: the hold model is no system, it runs on the kernel alone.
KNOCKON = {"mm1": ("knockon", "w1"), "tiers": ("knockon", "tiers"), "hold": ("knockon-kernel", "w3")}


def prepare():
    """Installs and builds what is compared; returns the command of each program."""
    environment = SCRATCH / "python"
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
    quiet = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt"]
    subprocess.run(quiet, check=True)
    cargo = ["cargo", "build", "--release", "--quiet"]
    builds = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    subprocess.run([*cargo, "-p", "knockon-benches", "--bin", "knockon-anchor"], check=True, cwd=ROOT, env=builds)
    builds["CARGO_TARGET_DIR"] = str(SCRATCH / "nexosim")
    subprocess.run(cargo, check=True, cwd=HERE / "nexosim", env=builds)
    anchor, nexosim = TARGET / "release" / "knockon-anchor", SCRATCH / "nexosim" / "release" / "peer-nexosim"
    return {
        "knockon": lambda workload: [anchor, *KNOCKON[workload]],
        "nexosim": lambda workload: [nexosim, workload],
        "SimPy": lambda workload: [python, HERE / "simpy_models.py", workload],
        "Ciw": lambda workload: [python, HERE / "ciw_models.py", workload],
    }


def once(command, units):
    done = subprocess.run([*map(str, command), str(units)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    result = json.loads(done.stdout)
    result["ns"] = result["cpu"] / units * 1e9
    result["lost"] = result["timeouts"] / units
    return result


def measure(commands, rounds):
    results = {}
    for turn in range(rounds):
        for workload, programs in UNITS.items():
            for program, units in programs.items():
                result = once(commands[program](workload), units)
                results.setdefault(workload, {}).setdefault(program, []).append(result)
                print(f"{turn + 1}/{rounds} {workload} {program}: {result['ns']:.0f} ns", file=sys.stderr, flush=True)
    return results


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def table(results):
    lines = ["| workload | program | ns a unit | × knockon | mean, ms | timed out |", "| --- | --- | --- | --- | --- | --- |"]
    for workload, programs in results.items():
        own = [result["ns"] for result in programs["knockon"]]
        for program, runs in programs.items():
            ratios = [run["ns"] / base for run, base in zip(runs, own)]
            mean, lost = statistics.mean(run["mean_ms"] for run in runs), statistics.mean(run["lost"] for run in runs)
            cells = [TITLES[workload], program, spread([run["ns"] for run in runs], ",.0f"), spread(ratios, ".2f" if max(ratios) < 10 else ".0f")]
            cells += ["" if workload == "hold" else f"{mean:.2f}", f"{lost:.4f}" if workload == "tiers" else ""]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each program runs each workload")
    parser.add_argument("--json", type=Path, help="also write every single run to this file")
    options = parser.parse_args()
    results = measure(prepare(), options.rounds)
    if options.json:
        about = {"machine": platform.platform(), "python": platform.python_version(), "results": results}
        options.json.write_text(json.dumps(about, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
