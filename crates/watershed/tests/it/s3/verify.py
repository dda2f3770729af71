"""Lists the lake with boto3 over S3 and reads its Parquet files with DuckDB.

Usage: verify.py ENDPOINT BUCKET FILES EXPECTED
"""

import sys

import boto3
import duckdb

endpoint, bucket, files, expected = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint)
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="tenant/one/lake/")
keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
assert keys and all(key.startswith("tenant/one/lake/changes/site=s") and key.endswith(".parquet") for key in keys), keys
rows, ids, sites = duckdb.sql(
    f"SELECT count(*), count(DISTINCT id), count(DISTINCT site) FROM read_parquet({[f'{files}/{key}' for key in keys]}, hive_partitioning=true)"
).fetchone()
assert (rows, ids, sites) == (int(expected), int(expected), 5), (rows, ids, sites)
