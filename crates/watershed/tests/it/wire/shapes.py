"""What requests may look like, and the error each bad one gets in its protocol's own shape.

Usage: shapes.py ENDPOINT
"""

import json
import sys
import zlib

import sigv4
from sigv4 import FORM, IDENTITY, JSON, sign

endpoint = sys.argv[1]
MEGABYTE = 1 << 20


def dynamodb(operation, body=b"{}", **headers):
    target = {**JSON, "x-amz-target": f"DynamoDB_20120810.{operation}", **headers}
    return sigv4.call(endpoint, "dynamodb", target, body if isinstance(body, bytes) else json.dumps(body).encode())


def refused(answer, status, code, *words):
    assert answer.status == status, (status, code, answer.status, answer.text[:500])
    assert answer.headers.get("x-amzn-requestid"), answer.headers
    if answer.headers["content-type"].startswith("text/xml"):
        assert f"<Code>{code}</Code>" in answer.text, (code, answer.text)
        assert answer.headers["x-amzn-requestid"] in answer.text
    else:
        body = json.loads(answer.body)
        assert body["__type"] == code and body["message"] == body["Message"], (code, body)
    for word in words:
        assert word in answer.text, (word, answer.text[:500])
    assert len(answer.body) < 4096, "an error is short, whatever was sent"


# Request ids are there and differ; DynamoDB's checksum is that of the body, also of an error's.
answers = [dynamodb("ListTables"), dynamodb("ListTables", {"Limit": 0}), dynamodb("Nonsense")]
assert len({answer.headers["x-amzn-requestid"] for answer in answers}) == 3
for answer in answers:
    assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(answer.body), answer
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"

# Operations, targets, actions and paths that are not there.
refused(dynamodb("Nonsense"), 400, "UnknownOperationException", "Nonsense")
refused(dynamodb("X" * 5000), 400, "UnknownOperationException")
for target in ("Nonsense_20200101.ListTables", "ListTables", ".", ""):
    refused(sigv4.call(endpoint, "dynamodb", {**JSON, "x-amz-target": target}, b"{}"), 400, "UnknownOperationException")
refused(sigv4.call(endpoint, "sts", FORM, b"Action=Nonsense&Version=2011-06-15"), 400, "InvalidAction", "Nonsense")
refused(sigv4.call(endpoint, "sts", FORM, b"Action=GetCallerIdentity&Version=1999-01-01"), 400, "InvalidAction")
refused(sigv4.call(endpoint, "sts", FORM, b"Version=2011-06-15"), 400, "MissingAction")
refused(sigv4.call(endpoint, "pipes", {}, method="GET", path="/v1/nonsense"), 404, "UnknownOperationException")
refused(sigv4.call(endpoint, "watershed", {}, method="GET", path="/nonsense"), 404, "UnknownOperationException")
refused(sigv4.call(endpoint, "nonsense", {}, method="GET", path="/"), 400, "UnknownOperationException")

# Parameters that are not there are named; members of the wrong type are no parameters.
refused(dynamodb("ListTables", {"Nonsense": 1}), 400, "ValidationException", "Nonsense")
key = {"TableName": "t", "Key": {"id": {"S": "1"}}}
refused(dynamodb("GetItem", {**key, "AttributesToGet": ["a"]}), 400, "ValidationException", "AttributesToGet")
refused(dynamodb("GetItem", {"Key": key["Key"]}), 400, "ValidationException", "TableName")
refused(dynamodb("ListTables", {"Limit": "ten"}), 400, "SerializationException")
pipe = json.dumps({"Nonsense": 1}).encode()
refused(sigv4.call(endpoint, "pipes", {}, pipe, path="/v1/pipes/p"), 400, "ValidationException", "Nonsense")

# Bodies that are not JSON objects. The place is told, the content is not.
for body in (b"{", b"[]", b"null", b"{} x", b"{'a':1}", b"\xff\xfe", b'{"secret-content"'):
    refused(dynamodb("ListTables", body), 400, "SerializationException")
    assert b"secret-content" not in dynamodb("ListTables", body).body
assert dynamodb("ListTables", b"").status == 200

# Nesting.
refused(dynamodb("ListTables", b'{"a":' + b"[" * 100_000), 400, "SerializationException")
deep = {"S": "x"}
for _ in range(33):
    deep = {"L": [deep]}
refused(dynamodb("PutItem", {"TableName": "t", "Item": {"id": deep}}), 400, "ValidationException", "Nesting Levels")
refused(sigv4.call(endpoint, "sts", FORM, b"Action=X&" + b"a." * 1000 + b"=1"), 400, "SerializationException")

# Sizes: of the body, in each protocol's shape, and of the headers.
large = b" " * (16 * MEGABYTE + 1)
refused(dynamodb("ListTables", large), 413, "RequestEntityTooLargeException")
refused(sigv4.call(endpoint, "sts", FORM, large), 413, "RequestEntityTooLargeException")
refused(sigv4.call(endpoint, "pipes", {}, large, path="/v1/pipes/p"), 413, "RequestEntityTooLargeException")
assert dynamodb("ListTables", b"{}" + b" " * MEGABYTE).status == 200
refused(dynamodb("ListTables", **{"x-much": "x" * 40_000}), 431, "RequestHeaderFieldsTooLarge")

# What anyone may ask.
health = sigv4.send(endpoint, {}, method="GET", path="/health")
assert (health.status, json.loads(health.body)) == (200, {"status": "ok"}) and health.headers["x-amzn-requestid"]
assert "<Account>000000000000</Account>" in sigv4.call(endpoint, "sts", FORM, IDENTITY).text
assert sign(endpoint, "sts", FORM, IDENTITY)["authorization"] not in dynamodb("Nonsense").text
