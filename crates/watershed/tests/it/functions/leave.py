"""Leaves two processes and a grandchild that left its family, and an accepted event that must not be lost.

Usage: leave.py ENDPOINT BOOTSTRAP
Prints the ids of the processes.
"""

import io
import json
import sys
import zipfile

import boto3

endpoint, bootstrap = sys.argv[1:]
client = boto3.client("lambda", endpoint_url=endpoint)
data = io.BytesIO()
with zipfile.ZipFile(data, "w") as archive:
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    archive.writestr(entry, open(bootstrap).read())
for name in ("idle", "busy"):
    client.create_function(
        FunctionName=name, Role="arn:aws:iam::000000000000:role/r", Runtime="provided.al2", Handler="bootstrap",
        Code={"ZipFile": data.getvalue()}, Timeout=600, MemorySize=256)
answer = json.loads(client.invoke(FunctionName="idle", Payload=b'{"do":"spawn"}')["Payload"].read())
print(answer["pid"], answer["child"])
# It is accepted and cannot end before the server is killed.
client.invoke(FunctionName="busy", InvocationType="Event", Payload=json.dumps({"do": "sleep", "seconds": 20}))
client.invoke(FunctionName="busy", InvocationType="Event", Payload=json.dumps({"do": "print", "text": "kept over a kill"}))
