"""Puts records with boto3, then reads what was delivered with gzip, zip, cramjam (Snappy) and DuckDB.

Usage: check.py put|read ENDPOINT LAKE
"""

import base64
import datetime
import glob
import gzip
import io
import json
import struct
import sys
import zipfile

import boto3
import cramjam
import duckdb
from botocore.exceptions import ClientError

step, endpoint, lake = sys.argv[1:]
firehose = boto3.client("firehose", endpoint_url=endpoint)
glue = boto3.client("glue", endpoint_url=endpoint)
ROLE = "arn:aws:iam::000000000000:role/firehose"
BUCKET = "arn:aws:s3:::firehose"
COMPRESSIONS = ["UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"]


def processor(kind, **parameters):
    return {"Type": kind, "Parameters": [{"ParameterName": k, "ParameterValue": v} for k, v in parameters.items()]}


def create(name, processors=(), **destination):
    destination = {"BucketARN": BUCKET, "RoleARN": ROLE, "BufferingHints": {"IntervalInSeconds": 900, "SizeInMBs": 64}, **destination}
    if processors:
        destination["ProcessingConfiguration"] = {"Enabled": True, "Processors": list(processors)}
    firehose.create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination, Tags=[{"Key": "a", "Value": "1"}]
    )


def put(name, *records):
    answer = firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": r} for r in records])
    assert answer["FailedPutCount"] == 0 and len(answer["RequestResponses"]) == len(records), answer


def refused(code, text, call):
    try:
        answer = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response["Error"])
        assert text in error.response["Error"]["Message"], (text, error.response["Error"])
        return
    raise AssertionError(f"{code} expected, got {answer}")


def only(prefix):
    found = [p for p in glob.glob(f"{lake}/firehose/{prefix}*")]
    assert len(found) == 1, (prefix, found)
    return found[0]


def put_all():
    newline = processor("AppendDelimiterToRecord")
    keys = processor("MetadataExtraction", MetadataExtractionQuery="{site:.site}", JsonParsingEngine="JQ-1.6")
    partitioned = {"DynamicPartitioningConfiguration": {"Enabled": True}, "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/"}
    for compression in COMPRESSIONS:
        create(f"c-{compression}", [newline], Prefix=f"{compression}/!{{timestamp:yyyy}}/", ErrorOutputPrefix="e/!{firehose:error-output-type}/", CompressionFormat=compression)
        put(f"c-{compression}", *[b'{"n":%d}' % n for n in range(400)])

    create("prefixes", [newline], Prefix="p/!{firehose:random-string}/!{timestamp:yyyy-MM-dd'T'HH}/", ErrorOutputPrefix="e/!{firehose:error-output-type}/",
           CustomTimeZone="Asia/Tokyo", FileExtension=".jsonl")
    put("prefixes", b"{}")

    create("parts", [keys, newline, processor("RecordDeAggregation", SubRecordType="JSON")], Prefix="parts/site=!{partitionKeyFromQuery:site}/",
           S3BackupMode="Enabled", S3BackupConfiguration={"BucketARN": BUCKET, "RoleARN": ROLE, "Prefix": "backup/", "CompressionFormat": "GZIP"}, **partitioned)
    put("parts", b'{"site":"1","n":1}{"site":"2","n":2}{"n":3}', b"not json", b'{"site":"1","n":4}\n{"site":"1","n":5}')
    # More partitions than the service allows.
    for start in range(0, 800, 400):
        put("parts", *[b'{"site":"many%d","n":6}' % n for n in range(start, start + 400)])

    create("unzipped", [processor("Decompression", CompressionFormat="GZIP"), newline, keys], Prefix="unzipped/!{partitionKeyFromQuery:site}/", **partitioned)
    put("unzipped", gzip.compress(b'{"site":"z"}'), b"plain")

    glue.create_database(DatabaseInput={"Name": "clinic"})
    columns = [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string"}, {"Name": "at", "Type": "timestamp"}]
    glue.create_table(DatabaseName="clinic", TableInput={"Name": "visits", "StorageDescriptor": {"Columns": columns}})
    for name, schema in [("typed", {"DatabaseName": "clinic", "TableName": "visits", "Region": "us-east-1", "RoleARN": ROLE}), ("inferred", {})]:
        conversion = {
            "Enabled": True,
            "SchemaConfiguration": schema,
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {"ColumnToJsonKeyMappings": {"at": "timestamp"}}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "GZIP"}}},
        }
        create(name, [keys], Prefix=f"{name}/site=!{{partitionKeyFromQuery:site}}/", DataFormatConversionConfiguration=conversion, **partitioned)
        put(name, *[b'{"id":%d,"name":"n","site":"%d","timestamp":"2026-01-02 03:04:05"}' % (n, n % 2) for n in range(100)])
    put("typed", b'{"id":"x","site":"0"}')

    refusals()


def refusals():
    put_one = lambda data: firehose.put_record(DeliveryStreamName="prefixes", Record={"Data": data})
    refused("InvalidArgumentException", "1024000", lambda: put_one(b"x" * 1_024_001))
    refused("InvalidArgumentException", "500", lambda: put("prefixes", *[b"x"] * 501))
    refused("InvalidArgumentException", "4 MiB", lambda: put("prefixes", *[b"x" * 1_000_000] * 5))
    refused("ResourceNotFoundException", "Firehose nothing not found under account 000000000000.", lambda: put("nothing", b"x"))
    refused("ResourceNotFoundException", "Firehose nothing under account 000000000000 not found.",
            lambda: firehose.delete_delivery_stream(DeliveryStreamName="nothing"))
    refused("ResourceInUseException", "Firehose prefixes under accountId 000000000000 already exists", lambda: create("prefixes"))
    refused("InvalidArgumentException", "LambdaArn", lambda: create("bad", [processor("Lambda", LambdaArn="arn:aws:sqs:us-east-1:000000000000:q")]))
    refused("InvalidArgumentException", "ErrorOutputPrefix", lambda: create("bad", Prefix="x/!{timestamp:yyyy}/"))
    refused("InvalidArgumentException", "CustomTimeZone", lambda: create("bad", CustomTimeZone="Mars/Base"))
    refused("InvalidArgumentException", "FileExtension", lambda: create("bad", FileExtension="json"))
    refused("InvalidArgumentException", "S3BackupConfiguration", lambda: create("bad", S3BackupMode="Enabled"))
    refused("InvalidArgumentException", "MetadataExtraction", lambda: create("bad", [processor("MetadataExtraction", MetadataExtractionQuery="{a:.a}")]))

    described = firehose.describe_delivery_stream(DeliveryStreamName="prefixes")["DeliveryStreamDescription"]
    update = lambda version: firehose.update_destination(
        DeliveryStreamName="prefixes", CurrentDeliveryStreamVersionId=version, DestinationId=described["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"FileExtension": ".json"})
    refused("ConcurrentModificationException", "", lambda: update("9"))
    update(described["VersionId"])
    put("prefixes", b"{}")
    # The destination of the days before the extended one.
    plain = {"RoleARN": ROLE, "BucketARN": BUCKET, "Prefix": "plain/", "CompressionFormat": "GZIP"}
    firehose.create_delivery_stream(DeliveryStreamName="plain", S3DestinationConfiguration=plain)
    shown, = firehose.describe_delivery_stream(DeliveryStreamName="plain")["DeliveryStreamDescription"]["Destinations"]
    assert shown["S3DestinationDescription"].items() >= plain.items(), shown
    refused("InvalidArgumentException", "Exactly one destination", lambda: firehose.create_delivery_stream(
        DeliveryStreamName="both", S3DestinationConfiguration=plain, ExtendedS3DestinationConfiguration=plain))
    firehose.update_destination(
        DeliveryStreamName="plain", CurrentDeliveryStreamVersionId="1", DestinationId=shown["DestinationId"],
        S3DestinationUpdate={"Prefix": "plainer/"})
    put("plain", b"{}\n")
    firehose.tag_delivery_stream(DeliveryStreamName="prefixes", Tags=[{"Key": "b", "Value": "2"}])
    firehose.untag_delivery_stream(DeliveryStreamName="prefixes", TagKeys=["a"])
    assert firehose.list_tags_for_delivery_stream(DeliveryStreamName="prefixes")["Tags"] == [{"Key": "b", "Value": "2"}]


def hadoop_snappy(data):
    out = b""
    while data:
        size, packed = struct.unpack(">II", data[:8])
        out += bytes(cramjam.snappy.decompress_raw(data[8 : 8 + packed]))
        data = data[8 + packed :]
    return out


def read_all():
    year = datetime.datetime.now(datetime.timezone.utc).year
    expected = b"".join(b'{"n":%d}\n' % n for n in range(400))
    readers = {
        "UNCOMPRESSED": lambda data: data,
        "GZIP": gzip.decompress,
        "ZIP": lambda data: (lambda z: z.read(z.namelist()[0]))(zipfile.ZipFile(io.BytesIO(data))),
        "Snappy": lambda data: bytes(cramjam.snappy.decompress(data)),
        "HADOOP_SNAPPY": hadoop_snappy,
    }
    for compression, reader in readers.items():
        assert reader(open(only(f"{compression}/{year}/"), "rb").read()) == expected, compression

    assert gzip.decompress(open(only(f"plainer/{year}/*/*/*/"), "rb").read()) == b"{}\n"
    for extension in (".jsonl", ".json"):
        [path] = glob.glob(f"{lake}/firehose/p/*/*/*{extension}")
        _, random, hour, name = path.removeprefix(f"{lake}/firehose/").split("/")
        assert len(random) == 11 and name.startswith("prefixes-"), path
        tokyo = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9)))
        age = tokyo.replace(tzinfo=None) - datetime.datetime.strptime(hour, "%Y-%m-%dT%H")
        assert datetime.timedelta() <= age < datetime.timedelta(hours=2), (hour, tokyo)

    lines = lambda path: [json.loads(line) for line in open(path, "rb").read().splitlines()]
    assert [r["n"] for r in lines(only("parts/site=1/"))] == [1, 4, 5]
    assert [r["n"] for r in lines(only("parts/site=2/"))] == [2]
    assert len(glob.glob(f"{lake}/firehose/parts/site=many*/*")) == 800
    raw = {}
    for path in glob.glob(f"{lake}/firehose/errors/*/*"):
        for line in lines(path):
            data = base64.b64decode(line["rawData"])
            raw[data] = (path.split("/")[-2], line.get("errorCode") or line["lastErrorCode"])
            assert line["attemptsMade"] == 1 and line["arrivalTimestamp"] > 0, line
    assert raw == {
        b'{"n":3}': ("processing-failed", "DynamicPartitioning.MetadataExtractionFailed"),
        b"not json": ("processing-failed", "RecordDeAggregation.MalformedData"),
        b"plain": ("decompression-failed", "Decompression.MalformedData"),
        b'{"id":"x","site":"0"}': ("format-conversion-failed", "DataFormatConversion.MalformedData"),
    }, raw
    backup = [gzip.decompress(open(p, "rb").read()) for p in glob.glob(f"{lake}/firehose/backup/{year}/*/*/*/*.gz")]
    assert sum(b.count(b'"n":6') for b in backup) == 800 and b"not json" in b"".join(backup)
    assert [r["site"] for r in lines(only("unzipped/z/"))] == ["z"]

    for name, kind in [("typed", "TIMESTAMP"), ("inferred", "VARCHAR")]:
        column = "at" if name == "typed" else "timestamp"
        rows = duckdb.sql(
            f"SELECT count(*), sum(id)::INT, count(DISTINCT site), any_value(typeof(\"{column}\")) "
            f"FROM read_parquet('{lake}/firehose/{name}/**/*.parquet', hive_partitioning=true)"
        ).fetchone()
        assert rows == (100, 4950, 2, kind), (name, rows)


put_all() if step == "put" else read_all()
