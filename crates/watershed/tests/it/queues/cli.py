"""The AWS CLI, command by command.

Usage: cli.py ENDPOINT DATA
"""

import json
import subprocess
import sys

endpoint = sys.argv[1]


def aws(*arguments):
    command = [sys.executable, "-m", "awscli", "sqs", *arguments, "--endpoint-url", endpoint, "--output", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, (arguments, answer.stderr)
    return json.loads(answer.stdout) if answer.stdout.strip() else {}


url = aws("create-queue", "--queue-name", "cli.fifo", "--attributes",
          "FifoQueue=true,ContentBasedDeduplication=true,VisibilityTimeout=60")["QueueUrl"]
assert aws("list-queues")["QueueUrls"] == [url]
sent = aws("send-message", "--queue-url", url, "--message-body", "hello", "--message-group-id", "g",
           "--message-attributes", '{"n": {"DataType": "Number", "StringValue": "1"}}')
again = aws("send-message", "--queue-url", url, "--message-body", "hello", "--message-group-id", "g")
assert (sent["MessageId"], sent["SequenceNumber"]) == (again["MessageId"], again["SequenceNumber"])
message, = aws("receive-message", "--queue-url", url, "--attribute-names", "All", "--message-attribute-names", "All",
               "--wait-time-seconds", "1")["Messages"]
assert message["Body"] == "hello" and message["Attributes"]["MessageGroupId"] == "g", message
assert message["MessageAttributes"]["n"]["StringValue"] == "1", message
aws("delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
counts = aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0", counts
aws("purge-queue", "--queue-url", url)
aws("delete-queue", "--queue-url", url)
assert "QueueUrls" not in aws("list-queues")
