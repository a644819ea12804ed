#!/usr/bin/env python3
"""Draws docs/memory_leak.svg from the tables of a finished run: python docs/picture.py out/memory_leak-s1

Needs duckdb, pandas and matplotlib. Reads observed tables only: what is drawn is what a dashboard would have shown.
"""
import sys

import duckdb
import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "knockon"
import matplotlib.pyplot as plt

run = sys.argv[1]


def series(name, where="true"):
    """Time in minutes and value, summed over the series of that name."""
    return duckdb.sql(f"""
        select epoch_ns(m.time) / 6e10 as minute, sum(m.value) as value
        from '{run}/observed/metrics/*.parquet' m join '{run}/observed/series/*.parquet' s using (series_id)
        where s.name = '{name}' and s.service = 'web-api' and {where}
        group by 1 order by 1""").df()


def rate(frame):
    """Increase a second of a counter, which starts anew with its process."""
    step = frame.value.diff()
    frame = frame.assign(value=step.where(step >= 0, frame.value) / (frame.minute.diff() * 60))
    return frame.iloc[1:]


heap = series("jvm_memory_used_bytes", "s.attributes['area'] = 'heap'")
pauses = rate(series("jvm_gc_pause_seconds_sum"))
active, pending = series("hikaricp_connections_active"), series("hikaricp_connections_pending")
errors = rate(series("http_server_requests_seconds_count", "s.attributes['status'] = '500'"))
changes = duckdb.sql(f"""
    select epoch_ns(time) / 6e10 as minute, kind from '{run}/observed/changes/*.parquet' where component = 'web-api'""").df()
zero = heap.minute.min()
# A counter that has never counted has no sample.
errors = errors.set_index("minute").reindex(heap.minute, fill_value=0).reset_index()

panels = [
    ("heap in use, MiB", [(heap.assign(value=heap.value / 2**20), "#4c72b0", None)]),
    ("share of time\nin collections", [(pauses, "#dd8452", None)]),
    ("connections", [(active, "#55a868", "in use, of 10"), (pending, "#c44e52", "callers waiting")]),
    ("answers with\n500, a second", [(errors, "#c44e52", None)]),
]
figure, axes = plt.subplots(len(panels), 1, sharex=True, figsize=(9, 6.2))
for axis, (label, lines) in zip(axes, panels):
    for frame, colour, name in lines:
        axis.plot(frame.minute - zero, frame.value, color=colour, linewidth=1, label=name)
    for minute, kind in changes.itertuples(index=False):
        if kind != "restarted":
            axis.axvline(minute - zero, color="#777777", linewidth=0.8, linestyle=":" if kind == "exited" else "-")
    axis.set_ylabel(label, fontsize=8)
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    if lines[0][2]:
        axis.legend(fontsize=7, frameon=False, loc="upper left")
axes[0].set_title("web-api: a deploy (line) leaks 250 KiB a checkout; the process dies (dots), restarts cold, and again", fontsize=9)
axes[-1].set_xlabel("minutes", fontsize=8)
figure.tight_layout()
figure.savefig("docs/memory_leak.svg", metadata={"Date": None})
