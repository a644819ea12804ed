"""Lets BARO name the root cause of each incident of exports (`sim export RUN --format rcaeval`), and tells whether it is right.

Pham, Ha, Zhang: "BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online Change Point Detection", FSE 2024,
as RCAEval has it: each column by how far it goes above its median before the fault, in interquartile ranges.
"""

import argparse
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import pandas as pd
import RCAEval.utility

# BARO is loaded for some versions of Python only, though it runs on all.
RCAEval.utility.is_py312 = lambda: True
from RCAEval.e2e import baro  # noqa: E402


def ranked(case, around):
    """Columns, the likeliest root cause first, and those that BARO does not look at since they are constant before the fault."""
    frame = pd.read_csv(case / "data.csv")
    inject = int((case / "inject_time.txt").read_text())
    # As RCAEval's own evaluation does.
    frame = frame.loc[:, ~frame.columns.str.endswith("_latency-50")]
    frame = frame[frame["time"].between(inject - around, inject + around - 1)]
    before = frame[frame["time"] < inject]
    unseen = [column for column in before if before[column].nunique() == 1]
    # Without a data set's name, it would rank the column of times.
    return baro(frame, inject, dataset="knockon")["ranks"], unseen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", nargs="+", type=Path, help="folders that `sim export --format rcaeval` wrote")
    parser.add_argument("--around", type=int, default=720, metavar="SECONDS", help="so much to either side of the fault; RCAEval's main.py takes 600")
    arguments = parser.parse_args()
    first = cases = 0
    for export in arguments.exports:
        for case in sorted(path.parent for path in export.glob("*_*/*/data.csv")):
            service, fault = case.parent.name.split("_")
            ranks, unseen = ranked(case, arguments.around)
            place = next((n for n, column in enumerate(ranks, 1) if column.split("_")[0] == service), None)
            cases += 1
            first += place == 1
            print(f"{export}: {service}_{fault} {case.name}: {service} comes {f'as number {place}' if place else 'nowhere'}")
            print(f"    ranks   {', '.join(ranks[:6])}")
            hidden = [column for column in unseen if column.split("_")[0] == service]
            print(f"    unseen  {', '.join(hidden) or 'none of this service'}")
    print(f"the root cause came first in {first} of {cases}")
    return 0 if cases else 1


if __name__ == "__main__":
    sys.exit(main())
