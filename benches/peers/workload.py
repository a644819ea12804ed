"""The workloads' constants in seconds, and the one line of JSON that every program of the comparison prints."""

import json
import random
import sys
import time

# M/M/1, utilisation 0.8. Theory: mean time in the system 5 ms.
MM1_GAP, MM1_SERVICE = 1.25e-3, 1e-3
# Three tiers: the database can do 80 queries a second and is asked for 88.
TIERS_GAP, TIERS_COMPUTE, TIERS_QUERY = 1 / 88, 5e-3, 100e-3
TIERS_WORKERS, TIERS_CONNECTIONS, TIERS_SERVERS, TIERS_PATIENCE = 64, 10, 8, 250e-3
# Hold: so many events pending, each schedules its successor an exponential time ahead.
HOLD_PENDING, HOLD_INCREMENT = 10_000, 1e-3

random_numbers = random.Random(1)


def exponential(mean):
    return random_numbers.expovariate(1.0 / mean)


class Tally:
    """What was simulated: `done` and `timeouts` end a request each; `time` is what those done took, in seconds."""

    def __init__(self):
        self.done = self.timeouts = 0
        self.time = 0.0


def main(program, workloads):
    name, units = sys.argv[1], int(sys.argv[2])
    if name not in workloads:
        sys.exit(f"{program} does not express {name}")
    began = time.process_time()
    tally = workloads[name](units)
    cpu = time.process_time() - began
    mean = tally.time / tally.done * 1e3 if tally.done else 0.0
    print(json.dumps({"done": tally.done, "timeouts": tally.timeouts, "mean_ms": mean, "cpu": cpu}))
