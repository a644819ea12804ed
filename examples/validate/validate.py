"""Has a run's exports read by the validators of each format, and shows that the same validators refuse what is wrong."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import otlp
import prometheus

FORMATS = {"otlp": (["--semconv", "both"], otlp), "prometheus": ([], prometheus)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sim", help="the binary")
    parser.add_argument("run", help="folder of a finished run")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, (options, validator) in FORMATS.items():
            out = Path(folder) / name
            command = [arguments.sim, "export", arguments.run, "--format", name, "--out", out, *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            try:
                found, refused = validator.check(out), validator.refuses(out)
            except Exception as error:  # noqa: BLE001  (any error of a parser is a finding)
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
                failed = True
            else:
                told = ", ".join(f"{count} in {file}" for file, count in found.items())
                print(f"{name}: accepted {told}; refused {refused} spoiled samples")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
