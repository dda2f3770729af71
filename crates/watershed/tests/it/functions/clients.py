"""Functions written with public runtime clients: `lambda_runtime` (Rust) and `awslambdaric` (Python).

Usage: clients.py ENDPOINT ECHO SCRATCH
"""

import importlib.metadata
import io
import json
import os
import sys
import zipfile

import boto3

endpoint, echo, scratch = sys.argv[1:]
client = boto3.client("lambda", endpoint_url=endpoint)
ROLE = "arn:aws:iam::000000000000:role/r"


def create(name, files, **members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, (content, mode) in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    client.create_function(FunctionName=name, Role=ROLE, Code={"ZipFile": data.getvalue()}, Timeout=30, MemorySize=256, **members)


def invoke(name, payload):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(payload))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


create("rust", {"bootstrap": (open(echo, "rb").read(), 0o755)}, Runtime="provided.al2023", Handler="bootstrap")
for number in range(3):
    error, answer = invoke("rust", {"n": number})
    assert error is None and answer == {"event": {"n": number}, "function": "rust", "calls": number + 1}, answer
error, answer = invoke("rust", {"fail": "because"})
assert error == "Unhandled" and answer["errorMessage"] == "because", answer

HANDLER = b"""
import os
calls = 0
def handler(event, context):
    global calls
    calls += 1
    if event.get("fail"):
        raise ValueError(event["fail"])
    print("seen by awslambdaric")
    return {"event": event, "id": context.aws_request_id, "left": context.get_remaining_time_in_millis(), "calls": calls}
"""
files = {"app.py": (HANDLER, 0o644)}
for name in ("awslambdaric", "snapstart-restore-py", "simplejson"):
    try:
        parts = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        continue
    for part in parts:
        path = part.locate()
        if not str(part).startswith("..") and os.path.isfile(path) and not str(part).endswith(".pyc"):
            files[str(part)] = (open(path, "rb").read(), 0o755)
runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
create("python", files, Runtime=runtime, Handler="app.handler")
for number in range(3):
    error, answer = invoke("python", {"n": number})
    assert error is None, answer
    assert answer["event"] == {"n": number} and answer["calls"] == number + 1 and answer["left"] > 0, answer
error, answer = invoke("python", {"fail": "because"})
assert error == "Unhandled" and answer["errorType"] == "ValueError" and answer["errorMessage"] == "because", answer

create("bare", {"app.py": (HANDLER, 0o644)}, Runtime=runtime, Handler="app.handler")
error, answer = invoke("bare", {})
assert error == "Unhandled" and "pip install awslambdaric" in answer["errorMessage"], answer
