"""Has a run's exports read by the validators of each format, and shows that the same validators refuse what is wrong."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import csv_spans
import ocsf
import ocsf_tutorial
import otlp
import petshop
import prometheus
import rcaeval

# What a format is asked for with, and who reads it.
FORMATS = {
    "otlp": (["--format", "otlp", "--semconv", "both"], otlp),
    "prometheus": (["--format", "prometheus"], prometheus),
    "ocsf": (["--format", "ocsf"], ocsf),
    "ocsf-tutorial": (["--format", "ocsf", "--profile", "tutorial", "--evaluation"], ocsf_tutorial),
    "csv": (["--format", "csv"], csv_spans),
    "petshop": (["--format", "petshop"], petshop),
    "rcaeval": (["--format", "rcaeval"], rcaeval),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sim", help="the binary")
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("format", nargs="*", default=list(FORMATS), help="formats [default: all]")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.format:
            options, validator = FORMATS[name]
            out = Path(folder) / name
            command = [arguments.sim, "export", arguments.run, "--out", out, *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            try:
                found, refused = validator.check(out), validator.refuses(out)
            except Exception as error:  # noqa: BLE001  (any error of a parser is a finding)
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
                failed = True
            else:
                told = ", ".join(f"{count} in {file}" for file, count in list(found.items())[:6])
                told += f" and {len(found) - 6} more files" if len(found) > 6 else ""
                print(f"{name}: accepted {told}; refused {refused} spoiled samples")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
