"""Parquet as delivery streams write it, read back by DuckDB and PyArrow: partitions, types, nulls, counts.

Usage: parquet.py ENDPOINT DATA
"""

import datetime
import json
import pathlib
import sys
from decimal import Decimal

import boto3
import duckdb
import pyarrow
import pyarrow.dataset

sys.path.append(str(pathlib.Path(__file__).parent.parent / "wire"))
import sigv4

endpoint, lake = sys.argv[1], pathlib.Path(sys.argv[2]) / "lake"
COLUMNS = {
    "id": "string", "small": "int", "large": "bigint", "real": "double", "amount": "decimal(10,2)", "flag": "boolean",
    "at": "timestamp", "day": "date", "tags": "array<string>", "place": "struct<ward:string,bed:int>",
}
glue = boto3.client("glue", endpoint_url=endpoint)
glue.create_database(DatabaseInput={"Name": "typed"})
glue.create_table(DatabaseName="typed", TableInput={"Name": "stays", "PartitionKeys": [{"Name": "site", "Type": "string"}], "StorageDescriptor": {
    "Columns": [{"Name": name, "Type": kind} for name, kind in COLUMNS.items()], "Location": "s3://typed/stays"}})
role = "arn:aws:iam::000000000000:role/r"
firehose = boto3.client("firehose", endpoint_url=endpoint)
firehose.create_delivery_stream(DeliveryStreamName="stays", ExtendedS3DestinationConfiguration={
    "RoleARN": role, "BucketARN": "arn:aws:s3:::typed", "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 900},
    "Prefix": "stays/site=!{partitionKeyFromQuery:site}/", "ErrorOutputPrefix": "errors/",
    "DynamicPartitioningConfiguration": {"Enabled": True},
    "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "MetadataExtraction", "Parameters": [
        {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{site:.site}"},
        {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}]}]},
    "DataFormatConversionConfiguration": {
        "Enabled": True,
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
        "SchemaConfiguration": {"DatabaseName": "typed", "TableName": "stays", "RoleARN": role},
    },
})
full = {"small": -7, "large": 2**62, "real": 1.5, "amount": "12.50", "flag": True, "at": "2024-02-29 23:59:59.5",
        "day": "2024-02-29", "tags": ["a", "ø"], "place": {"ward": "B", "bed": 3}}
records = [{"id": f"{site}-{n}", "site": site, **(full if n % 2 else {"small": None})} for site in ("OSL", "VIE", "Ærø") for n in range(100)]
for start in range(0, len(records), 100):
    batch = [{"Data": json.dumps(record).encode()} for record in records[start:start + 100]]
    assert firehose.put_record_batch(DeliveryStreamName="stays", Records=batch)["FailedPutCount"] == 0
assert sigv4.call(endpoint, "watershed", {"content-type": "application/json"}, b"{}", path="/_watershed/flush").status == 200
assert not (lake / "typed/errors").exists(), list((lake / "typed").rglob("*"))

# The folder of a site is spelled as the key is, or percent-encoded where the file system needs it.
files = [str(path) for path in (lake / "typed/stays").rglob("*") if path.is_file()]
assert len(files) == 3, files

# DuckDB.
found = duckdb.sql(f"FROM read_parquet({files!r}, hive_partitioning = true)")
types = dict(zip(found.columns, map(str, found.types)))
assert types == {"id": "VARCHAR", "small": "INTEGER", "large": "BIGINT", "real": "DOUBLE", "amount": "DECIMAL(10,2)", "flag": "BOOLEAN",
                 "at": types["at"], "day": "DATE", "tags": "VARCHAR[]", "place": "STRUCT(ward VARCHAR, bed INTEGER)", "site": "VARCHAR"}, types
assert types["at"].startswith("TIMESTAMP"), types
counts = duckdb.sql("SELECT count(*), count(small), count(DISTINCT id), sum(large / 4611686018427387904) FROM found WHERE site = 'OSL'").fetchone()
assert counts == (100, 50, 100, 50.0), counts

# PyArrow.
read = pyarrow.dataset.dataset(files, format="parquet", partitioning="hive", partition_base_dir=str(lake / "typed/stays")).to_table()
assert read.num_rows == 300 and read.column("tags").null_count == 150
rows = {row["id"]: row for row in read.to_pylist()}
row = rows["VIE-1"]
assert (row["small"], row["large"], row["real"], row["amount"], row["flag"]) == (-7, 2**62, 1.5, Decimal("12.50"), True)
assert row["day"] == datetime.date(2024, 2, 29) and row["at"].replace(tzinfo=None) == datetime.datetime(2024, 2, 29, 23, 59, 59, 500_000)
assert (row["tags"], row["place"], row["site"]) == (["a", "ø"], {"ward": "B", "bed": 3}, "VIE")
assert all(rows["VIE-0"][name] is None for name in COLUMNS if name != "id")

# And our own SQL says the same.
answer = sigv4.call(endpoint, "watershed", {"content-type": "application/json"}, json.dumps(
    {"sql": "SELECT site, count(*) AS n, count(small) AS s, sum(amount) AS a FROM typed.stays GROUP BY site ORDER BY site"}).encode(), path="/sql")
got = [json.loads(line) for line in answer.text.splitlines()]
assert [(row["site"], row["n"], row["s"], float(row["a"])) for row in got] == [(site, 100, 50, 625.0) for site in ("OSL", "VIE", "Ærø")], answer
