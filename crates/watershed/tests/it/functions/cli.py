"""The AWS CLI: a function made from a zip, called with the end of its log, and given the messages of a queue.

Usage: cli.py ENDPOINT BOOTSTRAP FOLDER
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import zipfile

from aws import arn, until

endpoint, bootstrap, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])


def aws(*arguments):
    program = os.path.join(os.path.dirname(sys.executable), "aws")
    done = subprocess.run([program, "--endpoint-url", endpoint, *arguments], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done
    return json.loads(done.stdout) if done.stdout.strip() else {}


with zipfile.ZipFile(folder / "code.zip", "w") as archive:
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    archive.writestr(entry, pathlib.Path(bootstrap).read_text())
made = aws("lambda", "create-function", "--function-name", "f", "--runtime", "provided.al2023", "--handler", "bootstrap", "--role",
           arn("iam", "role/r").replace("us-east-1", ""), "--zip-file", "fileb://code.zip", "--timeout", "30", "--memory-size", "256",
           "--environment", "Variables={ONE=1,TWO=2}", "--tags", "team=data")
assert made["FunctionArn"] == arn("lambda", "function:f") and made["Environment"]["Variables"] == {"ONE": "1", "TWO": "2"}, made
aws("lambda", "wait", "function-active-v2", "--function-name", "f")
assert aws("lambda", "get-account-settings")["AccountUsage"]["FunctionCount"] == 1

answer = aws("lambda", "invoke", "--function-name", "f", "--log-type", "Tail", "--payload", '{"do": "print", "text": "told"}', "out")
assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST", answer
tail = base64.b64decode(answer["LogResult"]).decode()
assert tail.startswith("START RequestId: ") and "\ntold\n" in tail and "\nREPORT RequestId: " in tail, tail
assert json.loads((folder / "out").read_text())["event"]["text"] == "told"
answer = aws("lambda", "invoke", "--function-name", "f", "--payload", '{"do": "fail"}', "out")
assert answer["FunctionError"] == "Unhandled" and "LogResult" not in answer, answer
assert json.loads((folder / "out").read_text())["errorMessage"] == "as asked"

queue = aws("sqs", "create-queue", "--queue-name", "q")["QueueUrl"]
mapping = aws("lambda", "create-event-source-mapping", "--function-name", "f", "--event-source-arn", arn("sqs", "q"), "--batch-size", "1",
              "--filter-criteria", '{"Filters": [{"Pattern": "{\\"body\\": [\\"taken\\"]}"}]}')
assert (mapping["BatchSize"], mapping["FunctionArn"]) == (1, made["FunctionArn"]), mapping
aws("sqs", "send-message", "--queue-url", queue, "--message-body", "taken")


def reports():
    found = aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/f", "--filter-pattern", '"REPORT RequestId"')["events"]
    return len(found) == 3


until("a third call", reports)
counts = ["--attribute-names", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
until("an empty queue", lambda: set(
    aws("sqs", "get-queue-attributes", "--queue-url", queue, *counts)["Attributes"].values()) == {"0"})
assert aws("lambda", "list-event-source-mappings", "--function-name", "f")["EventSourceMappings"][0]["UUID"] == mapping["UUID"]
assert aws("lambda", "delete-event-source-mapping", "--uuid", mapping["UUID"])["State"] == "Deleting"
aws("lambda", "delete-function", "--function-name", "f")
