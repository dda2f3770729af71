#!/usr/bin/python3
"""A custom runtime. It notes in FILE what it is handed: the `n` of an event, the bodies of messages, `KEY VERSION` of stream
records. A list it answers with id and version of each record and `by`, as an enrichment does. With FAIL it fails then.
"""

import http.client
import json
import os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None):
    api.request(method, "/2018-06-01/runtime/" + path, body)
    response = api.getresponse()
    return response, response.read()


def image(record):
    new = record["dynamodb"]["NewImage"]
    return new["id"]["S"], new["version"]["N"]


def note(record):
    if "dynamodb" in record:
        return " ".join(image(record))
    return record["body"] if "body" in record else str(record["n"])


while True:
    response, body = call("GET", "invocation/next")
    request = response.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(body)
    records = event if isinstance(event, list) else event.get("Records", [event])
    with open(os.environ["FILE"], "a") as file:
        for record in records:
            # One write of a line that is short is whole.
            os.write(file.fileno(), f"{note(record)}\n".encode())
    if "FAIL" in os.environ:
        call("POST", f"invocation/{request}/error", json.dumps({"errorType": "Bad", "errorMessage": "as asked"}))
        continue
    answer = None
    if isinstance(event, list):
        answer = [{"id": id, "version": version, "by": "function"} for id, version in map(image, records)]
    call("POST", f"invocation/{request}/response", json.dumps(answer))
