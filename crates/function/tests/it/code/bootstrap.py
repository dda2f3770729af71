#!/usr/bin/python3
"""A custom runtime on the standard library: does what the event says."""
import http.client
import json
import os
import subprocess
import sys
import time

PREFIX = "/2018-06-01/runtime/"
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers={}):
    api.request(method, PREFIX + path, body, headers)
    response = api.getresponse()
    return response, response.read()


if os.environ.get("FAIL_INIT") == "report":
    call("POST", "init/error", json.dumps({"errorType": "Init.Broken", "errorMessage": "no luck"}))
    sys.exit(1)
if os.environ.get("FAIL_INIT") == "exit":
    print("going down")
    sys.exit(3)
if os.environ.get("FAIL_INIT") == "hang":
    time.sleep(600)

calls = 0
while True:
    response, body = call("GET", "invocation/next")
    request = response.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(body)
    calls += 1
    do = event.get("do") if isinstance(event, dict) else None
    answer = {"event": event, "pid": os.getpid(), "calls": calls}
    if isinstance(event, list):
        print("batch", body.decode(), flush=True)
    if do == "print":
        print(event["text"])
        print("and to stderr", file=sys.stderr, flush=True)
        sys.stdout.flush()
    elif do == "env":
        answer = {
            "environment": dict(os.environ),
            "headers": {name.lower(): value for name, value in response.headers.items()},
            "uid": os.getuid(),
            "cwd": os.getcwd(),
        }
    elif do == "fail":
        error = {"errorType": "Own.Error", "errorMessage": "as asked", "stackTrace": []}
        call("POST", f"invocation/{request}/error", json.dumps(error), {"Lambda-Runtime-Function-Error-Type": "Own.Error"})
        continue
    elif do == "exit":
        sys.exit(event["code"])
    elif do == "sleep":
        time.sleep(event["seconds"])
    elif do == "spawn":
        # A grandchild that leaves its family.
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        answer["child"] = child.pid
    elif do == "eat":
        kept = bytearray(os.urandom(1 << 20)) * event["mb"]
        time.sleep(600)
    elif do == "large":
        data = b'"' + b"x" * event["bytes"] + b'"'
        call("POST", f"invocation/{request}/response", data)
        continue
    elif do == "stream":
        parts = [b'{"par', b'ts":', b"3}"]
        api.request("POST", PREFIX + f"invocation/{request}/response", iter(parts), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        api.getresponse().read()
        continue
    elif do == "die-idle":
        call("POST", f"invocation/{request}/response", json.dumps(answer))
        sys.exit(0)
    call("POST", f"invocation/{request}/response", json.dumps(answer))
