"""Exports as flat OCSF tables: the columns that tutorials select, no missing value, no label but where it belongs."""

import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet

TABLES = ["ocsf_logs.parquet", "ocsf_metrics.parquet", "ocsf_traces.parquet"]
# What the notebook on feature engineering takes, and the three names that the text beside it takes.
FEATURES = (
    "time class_name activity_name status level service actor_user_name http_request_method http_request_url_path "
    "http_response_code severity_id activity_id status_id duration http_method"
).split()
LABELS = ("anomal", "label_anom", "is_anomaly", "fault", "root_cause", "incident", "hurt")


def refuse(message):
    raise ValueError(message)


def check_table(path, wanted, labelled=False):
    table = parquet.read_table(path)
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        refuse(f"{path.name} has no {missing}")
    labels = [name for name in table.column_names if any(word in name for word in LABELS)]
    if labels != (["is_anomaly"] if labelled else []):
        refuse(f"{path.name} has the labels {labels}")
    for name in table.column_names:
        column = table[name]
        is_nan = arrow.types.is_floating(column.type) and compute.any(compute.is_nan(column)).as_py()
        if column.null_count or (is_nan and name != "metric_value"):
            refuse(f"{name} of {path.name} has values that are missing")
    for name in ("time", "class_uid", "activity_id", "type_uid", "severity_id", "status_id"):
        if table.schema.field(name).type != arrow.int64():
            refuse(f"{name} of {path.name} is no whole number")
    if table.num_rows and compute.min(table["time"]).as_py() < 10**12:
        refuse(f"time of {path.name} is not in milliseconds")
    codecs = {parquet.ParquetFile(path).metadata.row_group(0).column(n).compression for n in range(3)} if table.num_rows else set()
    if codecs - {"SNAPPY"}:
        refuse(f"{path.name} is compressed with {codecs}")
    return table.num_rows


def check(folder):
    """Checks a whole export. What it has."""
    folder = Path(folder)
    told = json.loads((folder / "export.json").read_text())["files"]
    wanted = {"ocsf_metrics.parquet": ["metric_name", "metric_value"], "ocsf_traces.parquet": [*FEATURES, "span_id", "parent_span_id"]}
    counted = {name: check_table(folder / name, wanted.get(name, FEATURES)) for name in TABLES}
    if (folder / "truth").exists():
        counted["truth/ocsf_eval_subset.parquet"] = check_table(folder / "truth/ocsf_eval_subset.parquet", FEATURES, labelled=True)
    for name, contents in told.items():
        if counted.get(name) != contents["records"]:
            refuse(f"{name} has {counted.get(name)} rows where export.json says {contents['records']}")
    return counted


def spoiled(table):
    """Tables with one thing wrong each, by what it is."""
    yield "a feature that is missing", table.drop_columns(["duration"])
    yield "a label", table.append_column("anomaly_type", arrow.array(["none"] * table.num_rows))
    yield "a value that is missing", table.set_column(0, "time", arrow.array([None] + table["time"].to_pylist()[1:], arrow.int64()))
    yield "seconds for milliseconds", table.set_column(0, "time", compute.divide(table["time"], 1000))
    yield "times as text", table.set_column(0, "time", compute.cast(table["time"], arrow.string()))


def refuses(folder):
    """Whether each spoiled table is refused. How many there were."""
    table = parquet.read_table(Path(folder) / "ocsf_logs.parquet")
    scratch = Path(tempfile.mkdtemp())
    count = 0
    try:
        for what, bad in [*spoiled(table), ("another codec", table)]:
            parquet.write_table(bad, scratch / "bad.parquet", compression="zstd" if bad is table else "snappy")
            try:
                check_table(scratch / "bad.parquet", FEATURES)
            except (ValueError, TypeError, arrow.ArrowException):
                count += 1
            else:
                refuse(f"{what} was accepted")
    finally:
        shutil.rmtree(scratch)
    return count
