"""The peers of `cargo xtask bench delivery` and its independent reader. Prints one JSON object.

delivery.py duckdb|polars INPUT DIRECTORY THREADS   the partitioned Parquet write alone
delivery.py check SHAPE INPUT                       count and checksum of the input's rows
delivery.py check parquet DIRECTORY                 the same of Parquet files, written by whoever
"""

import json
import os
import resource
import sys
import time

COLUMNS = {
    "id": "VARCHAR",
    "siteId": "VARCHAR",
    "createdAtTime": "VARCHAR",
    "name": "VARCHAR",
    "note": "VARCHAR",
    "valueOne": "DOUBLE",
    "valueTwo": "BIGINT",
}
KEYS = {
    "site": "siteId",
    "year": "createdAtTime[1:4]",
    "month": "createdAtTime[6:7]",
    "day": "createdAtTime[9:10]",
}


def typed(columns):
    return "{" + ", ".join(f"{name}: '{kind}'" for name, kind in columns.items()) + "}"


def duckdb_write(source, directory, threads):
    import duckdb

    keys = ", ".join(f"{value} AS {key}" for key, value in KEYS.items())
    database = duckdb.connect(config={"threads": threads, "preserve_insertion_order": False})
    start = time.perf_counter()
    database.execute(
        f"COPY (SELECT *, {keys} FROM read_ndjson('{source}', columns = {typed(COLUMNS)})) TO '{directory}' "
        f"(FORMAT parquet, COMPRESSION snappy, PARTITION_BY ({', '.join(KEYS)}))"
    )
    return time.perf_counter() - start


def polars_write(source, directory, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    kinds = {"VARCHAR": pl.String, "DOUBLE": pl.Float64, "BIGINT": pl.Int64}
    time_of = pl.col("createdAtTime").str
    start = time.perf_counter()
    lines = pl.scan_ndjson(source, schema={name: kinds[kind] for name, kind in COLUMNS.items()})
    keyed = lines.with_columns(
        site=pl.col("siteId"), year=time_of.slice(0, 4), month=time_of.slice(5, 2), day=time_of.slice(8, 2)
    )
    keyed.sink_parquet(
        pl.PartitionBy(directory, key=list(KEYS), include_key=False), compression="snappy", mkdir=True
    )
    return time.perf_counter() - start


def measured(write, source, directory, threads):
    seconds = write(source, directory, threads)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    files = sum(name.endswith(".parquet") for _, _, names in os.walk(directory) for name in names)
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss_bytes": usage.ru_maxrss * 1024,
        "files": files,
    }


def check(shape, path):
    import duckdb

    if shape == "parquet":
        rows = f"(SELECT * FROM read_parquet('{path}/**/*.parquet', hive_partitioning = true))"
    elif shape == "flat":
        rows = f"read_ndjson('{path}', columns = {typed(COLUMNS)})"
    else:
        member = lambda kind: "N" if kind in ("DOUBLE", "BIGINT") else "S"
        image = ", ".join(f"{name} STRUCT({member(kind)} {kind})" for name, kind in COLUMNS.items())
        fields = ", ".join(f"dynamodb.NewImage.{name}.{member(kind)} AS {name}" for name, kind in COLUMNS.items())
        rows = f"(SELECT {fields} FROM read_ndjson('{path}', columns = {{dynamodb: 'STRUCT(NewImage STRUCT({image}))'}}))"
    database = duckdb.connect(config={"threads": 2})
    found = {row[0].lower() for row in database.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
    # A peer may keep the site in the path alone.
    names = [name if name.lower() in found else "site" for name in COLUMNS]
    row = ", ".join(f"{name}::{kind}" for name, kind in zip(names, COLUMNS.values()))
    count, total = database.execute(f"SELECT count(*), sum(hash(row({row}))::HUGEINT)::VARCHAR FROM {rows}").fetchone()
    return {"records": count, "checksum": total}


def main(command, *arguments):
    match command:
        case "duckdb":
            return measured(duckdb_write, *arguments)
        case "polars":
            return measured(polars_write, *arguments)
        case "check":
            return check(*arguments)
    raise SystemExit(__doc__)


print(json.dumps(main(*sys.argv[1:])))
