#!/usr/bin/python3
"""A custom runtime that notes each record it is handed in FILE. Records that are bad are named as failed, or fail the call."""

import http.client
import json
import os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None):
    api.request(method, "/2018-06-01/runtime/" + path, body)
    response = api.getresponse()
    return response, response.read()


while True:
    response, body = call("GET", "invocation/next")
    request = response.headers["Lambda-Runtime-Aws-Request-Id"]
    records = json.loads(body)["Records"]
    failed = []
    with open(os.environ["FILE"], "a") as file:
        for record in records:
            text = record["body"] if "body" in record else record["dynamodb"]["NewImage"]["id"]["S"]
            if "bad" in text:
                failed.append({"itemIdentifier": record.get("messageId") or record["dynamodb"]["SequenceNumber"]})
            # One write of a line that is short is whole.
            os.write(file.fileno(), f"{os.environ['AWS_LAMBDA_FUNCTION_NAME']} {len(records)} {text}\n".encode())
    if failed and "RAISE" in os.environ:
        call("POST", f"invocation/{request}/error", json.dumps({"errorType": "Bad", "errorMessage": "as asked"}))
    else:
        call("POST", f"invocation/{request}/response", json.dumps({"batchItemFailures": failed}))
