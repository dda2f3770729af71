"""A delivery stream with a function as processor: what it answers decides on data, partition or error object.

Usage: processor.py STEP ENDPOINT DATA
"""

import base64
import json
import sys

import boto3

step, endpoint = sys.argv[1:3]
clients = {name: boto3.client(name, endpoint_url=endpoint) for name in ("lambda", "firehose", "s3")}
ROLE = "arn:aws:iam::000000000000:role/r"
# Each record says itself what the function is to answer.
ANSWER = """{records: [.records[] | (.data | @base64d | fromjson) as $r
    | {recordId, result: $r.result, data: ({id: $r.id, by: "function"} | tojson | @base64),
       metadata: {partitionKeys: {site: $r.site}}}]}"""
RECORDS = [
    {"id": 1, "result": "Ok", "site": "OSL"},
    {"id": 2, "result": "Dropped"},
    {"id": 3, "result": "ProcessingFailed"},
    {"id": 4, "result": "Ok", "site": "VIE"},
    {"id": 5, "result": "Ok", "site": 7},
    {"id": 6, "result": "Perhaps"},
]

if step == "put":
    clients["lambda"].create_function(
        FunctionName="f", Role=ROLE, Runtime="watershed.jq", Handler=" ".join(ANSWER.split()), Code={"ZipFile": b""})
    clients["s3"].create_bucket(Bucket="processed")
    clients["firehose"].create_delivery_stream(DeliveryStreamName="d", ExtendedS3DestinationConfiguration={
        "BucketARN": "arn:aws:s3:::processed", "RoleARN": ROLE, "Prefix": "data/site=!{partitionKeyFromLambda:site}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/", "DynamicPartitioningConfiguration": {"Enabled": True},
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 300},
        "ProcessingConfiguration": {"Enabled": True, "Processors": [
            {"Type": "Lambda", "Parameters": [
                {"ParameterName": "LambdaArn", "ParameterValue": "arn:aws:lambda:us-east-1:000000000000:function:f"}]},
            {"Type": "AppendDelimiterToRecord"}]}})
    records = [{"Data": json.dumps(record).encode()} for record in RECORDS]
    assert clients["firehose"].put_record_batch(DeliveryStreamName="d", Records=records)["FailedPutCount"] == 0
else:
    found = {"data/": [], "errors/": []}
    for prefix, lines in found.items():
        for object in clients["s3"].list_objects_v2(Bucket="processed", Prefix=prefix).get("Contents", []):
            body = clients["s3"].get_object(Bucket="processed", Key=object["Key"])["Body"].read().decode()
            folder = object["Key"].split("/")[1]
            lines += [(folder, json.loads(line)) for line in body.splitlines()]
    delivered = sorted((folder, line["id"], line["by"]) for folder, line in found["data/"])
    assert delivered == [("site=OSL", 1, "function"), ("site=VIE", 4, "function")], delivered
    errors = {}
    for folder, error in found["errors/"]:
        assert folder == "processing-failed" and error["lambdaArn"].endswith(":function:f"), (folder, error)
        assert error["attemptsMade"] >= 1 and error["attemptEndingTimestamp"] >= error["arrivalTimestamp"], error
        raw = json.loads(base64.b64decode(error["rawData"]))
        assert raw == RECORDS[raw["id"] - 1], "what the function was given"
        errors[raw["id"]] = error["errorCode"]
    assert errors == {3: "Lambda.ProcessingFailedStatus", 5: "Lambda.InvalidPartitionKeys", 6: "Lambda.InvalidResult"}, errors
