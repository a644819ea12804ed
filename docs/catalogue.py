#!/usr/bin/env python3
"""Draws the small pictures of scenarios/README.md, each from a run of its scenario: python docs/catalogue.py [NAME...]

Needs duckdb, and `sim` as `$SIM` or in target/release. Above: requests that clients had answered (blue) and those that failed (red), a second. Below: the
exported series that tells most of it. Shaded: while a fault is set. Everything else follows from the numbers; the same run gives the same bytes.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import duckdb

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "scenarios" / "pictures"
SIM = os.environ.get("SIM", str(ROOT / "target" / "release" / "sim"))

# Of each scenario: what the lower panel shows, as label, kind (gauge, rate or share of hits), service, series.
PANELS = {
    "healthy": ("connections in use", "gauge", "web-api", "hikaricp_connections_active"),
    "memory_leak": ("share of time in collections", "rate", "web-api", "jvm_gc_pause_seconds_sum"),
    "memory_leak_cpython": ("resident memory, GiB", "gib", "web-api", "process_resident_memory_bytes"),
    "pool_exhaustion": ("callers waiting for a connection", "gauge", "web-api", "hikaricp_connections_pending"),
    "pool_exhaustion_clients": ("callers waiting for a connection", "gauge", "web-api", "hikaricp_connections_pending"),
    "pool_exhaustion_leak": ("connections in use", "gauge", "web-api", "hikaricp_connections_active"),
    "cache_storm": ("share of reads that hit", "hits", "redis", "redis_keyspace"),
    "redis_slow_command": ("share of time that redis runs commands", "rate", "redis", "redis_commands_duration_seconds_total"),
    "redis_mass_expiry": ("redis deletes expired keys, ms a second", "rate", "redis", "redis_expire_cycle_cpu_time_ms_total"),
    "cold_cache_collapse": ("share of reads that hit", "hits", "redis", "redis_keyspace"),
    "cache_key_explosion": ("keys evicted, a second", "rate", "redis", "redis_evicted_keys_total"),
    "retry_storm": ("requests at web-api, a second", "rate", "web-api", "http_server_requests_seconds_count"),
    "gc_collapse": ("share of time in collections", "rate", "web-api", "jvm_gc_pause_seconds_sum"),
    "breaker_flapping": ("requests at auth-service, a second", "rate", "auth-service", "http_request_duration_seconds_count"),
    "event_loop_blocked": ("longest delay of the event loop, seconds", "gauge", "auth-service", "nodejs_eventloop_lag_max_seconds"),
    "worker_timeouts": ("workers killed, a second", "rate", "web-api", "gunicorn_log_critical"),
    "executor_saturation": ("tasks waiting for a thread", "gauge", "web-api", "executor_queued_tasks"),
    "cpu_throttling": ("periods throttled, a second", "rate", "web-api", "container_cpu_cfs_throttled_periods_total"),
    "liveness_kill_loop": ("restarts", "gauge", "web-api", "kube_pod_container_status_restarts_total"),
    "oom_restart_loop": ("restarts", "gauge", "web-api", "kube_pod_container_status_restarts_total"),
    "slow_query_cascade": ("callers waiting for a connection", "gauge", "web-api", "hikaricp_connections_pending"),
    "held_lock_cascade": ("locks held and awaited", "gauge", "postgres", "pg_locks_count"),
    "disk_exhaustion": ("free on the volume, GiB", "gib", "postgres", "node_filesystem_avail_bytes"),
    "queue_backlog": ("messages ready", "gauge", "rabbitmq", "rabbitmq_queue_messages_ready"),
    "redelivery_storm": ("tasks waiting", "gauge", "redis", "celery_queue_length"),
    "worker_killed": ("tasks waiting", "gauge", "redis-broker", "celery_queue_length"),
    "normal_wear": ("connections in use", "gauge", "web-api", "hikaricp_connections_active"),
    "webshop_2h": ("callers waiting for a connection", "gauge", "web-api", "hikaricp_connections_pending"),
}

WIDTH, HEIGHT, LEFT, TOP, GAP = 360, 34, 4, 12, 14


def sampled(run, service, name):
    """Time in seconds of the run and value, summed over the series of that name."""
    return duckdb.execute(
        f"""select epoch_ns(m.time) / 1e9 as at, sum(m.value)
        from '{run}/observed/metrics/*.parquet' m join '{run}/observed/series/*.parquet' s using (series_id)
        where s.service = ? and s.name = ? group by 1 order by 1""",
        [service, name],
    ).fetchall()


def increase(samples):
    """Increase a second of a counter, which starts anew with its process."""
    steps = zip(samples, samples[1:])
    return [(t1, (b - a if b >= a else b) / (t1 - t0)) for (t0, a), (t1, b) in steps]


def lower(run, kind, service, name):
    if kind == "gauge":
        return sampled(run, service, name)
    if kind == "gib":
        return [(at, value / 2**30) for at, value in sampled(run, service, name)]
    if kind == "rate":
        return increase(sampled(run, service, name))
    hits, misses = (increase(sampled(run, service, f"{name}_{what}_total")) for what in ("hits", "misses"))
    missed = dict(misses)
    return [(at, hit / (hit + missed.get(at, 0))) for at, hit in hits if hit + missed.get(at, 0) > 0]


def outcomes(run, window):
    rows = duckdb.execute(
        f"""select floor(epoch_ns(coalesce(ended_time, sent_time)) / 1e9 / {window}) * {window} as at,
        count(*) filter (outcome = 'answered' and http_response_status_code < 500) / {window},
        count(*) filter (not (outcome = 'answered' and http_response_status_code < 500)) / {window}
        from '{run}/truth/requests/*.parquet' group by 1 order by 1"""
    ).fetchall()
    return [(at, good) for at, good, _ in rows], [(at, bad) for at, _, bad in rows]


def thinned(points):
    """As many points as a small picture can show: means of neighbours."""
    step = max(1, len(points) // 160)
    parts = [points[n : n + step] for n in range(0, len(points), step)]
    return [(part[0][0], sum(value for _, value in part) / len(part)) for part in parts]


def short(value):
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def draw(name, run):
    label, *what = PANELS[name]
    good, bad = map(thinned, outcomes(run, 15))
    below = thinned(lower(run, *what))
    zero = min(good[0][0], below[0][0] if below else good[0][0])
    length = max(good[-1][0], below[-1][0] if below else 0) - zero
    x = lambda at: LEFT + (at - zero) / length * (WIDTH - 2 * LEFT)
    panels = [("requests answered and failed, a second", [(good, "#4c72b0"), (bad, "#c44e52")]), (label, [(below, "#dd8452")])]
    height = len(panels) * (TOP + HEIGHT) + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="9">']
    parts.append(f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>')
    for fault in json.load(open(f"{run}/truth/faults.json")):
        begin = fault["offset_ns"] / 1e9
        end = fault.get("until_offset_ns")
        if end is None:
            end = begin * 1e9 if fault["kind"] in ("flush", "kill", "terminate", "reload", "renew", "drop request") else length * 1e9
        left, right = x(zero + begin), x(zero + min(end / 1e9, length))
        parts.append(f'<rect x="{left:.1f}" y="{TOP}" width="{max(right - left, 1):.1f}" height="{height - TOP - GAP}" fill="#000000" opacity="0.08"/>')
    for n, (title, lines) in enumerate(panels):
        base = (n + 1) * (TOP + HEIGHT)
        top = max([value for points, _ in lines for _, value in points] + [1e-9])
        parts.append(f'<text x="{LEFT}" y="{base - HEIGHT - 3}" fill="#333333">{title}</text>')
        parts.append(f'<text x="{WIDTH - LEFT}" y="{base - HEIGHT - 3}" fill="#777777" text-anchor="end">up to {short(top)}</text>')
        parts.append(f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - LEFT}" y2="{base}" stroke="#bbbbbb" stroke-width="0.5"/>')
        for points, colour in lines:
            path = " ".join(f"{x(at):.1f},{base - value / top * HEIGHT:.1f}" for at, value in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1"/>')
    parts.append(f'<text x="{WIDTH - LEFT}" y="{height - 4}" fill="#777777" text-anchor="end">{length / 60:.0f} min</text>')
    parts.append("</svg>\n")
    (FOLDER / f"{name}.svg").write_text("\n".join(parts))


def main():
    FOLDER.mkdir(exist_ok=True)
    duckdb.execute("set timezone = 'UTC'")
    for name in sys.argv[1:] or sorted(PANELS):
        with tempfile.TemporaryDirectory() as folder:
            run = f"{folder}/run"
            subprocess.run([SIM, "run", ROOT / "scenarios" / f"{name}.ron", "--out", run], check=True, stdout=subprocess.DEVNULL)
            draw(name, run)


main()
