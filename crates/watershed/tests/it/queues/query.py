"""The query protocol as older SDKs speak it: signed forms in, XML out.

Usage: query.py ENDPOINT DATA
"""

import hashlib
import os
import sys
import xml.etree.ElementTree as xml
from urllib.parse import urlencode

sys.path.append(os.path.join(os.path.dirname(__file__), "../wire"))
import sigv4  # noqa: E402

endpoint = sys.argv[1]
NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def call(action, path="/", **members):
    form = {"Action": action, "Version": "2012-11-05", **members}
    answer = sigv4.call(endpoint, "sqs", sigv4.FORM, urlencode(form).encode(), path=path)
    root = xml.fromstring(answer.body)
    assert answer.headers["content-type"].startswith("text/xml"), answer.headers
    for element in root.iter():
        assert element.tag.startswith(NAMESPACE), element.tag
        element.tag = element.tag.removeprefix(NAMESPACE)
    return answer.status, root


def done(action, path="/", **members):
    status, root = call(action, path, **members)
    assert status == 200 and root.tag == f"{action}Response", (status, xml.tostring(root))
    assert root.findtext("ResponseMetadata/RequestId")
    return root.find(f"{action}Result")


def refused(code, action, **members):
    status, root = call(action, **members)
    assert status == 400 and root.tag == "ErrorResponse", (status, xml.tostring(root))
    assert root.findtext("Error/Code") == code, xml.tostring(root)
    assert root.findtext("Error/Type") == "Sender" and root.findtext("Error/Message")


url = done("CreateQueue", QueueName="old", **{
    "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "60", "Tag.1.Key": "team", "Tag.1.Value": "lake"})
url = url.findtext("QueueUrl")
assert url == f"{endpoint}/000000000000/old", url
path = "/000000000000/old"
assert done("GetQueueUrl", QueueName="old").findtext("QueueUrl") == url
assert [e.text for e in done("ListQueues").findall("QueueUrl")] == [url]
assert done("ListQueueTags", path).findtext("Tag/Key") == "team"

# Line ends and all characters of XML must come back as they were.
body = "<a>&amp;\r\n\tÄ\U0001f600\x85</a>"
sent = done("SendMessage", path, MessageBody=body, **{
    "MessageAttribute.1.Name": "kind", "MessageAttribute.1.Value.DataType": "String",
    "MessageAttribute.1.Value.StringValue": "x"})
assert sent.findtext("MD5OfMessageBody") == hashlib.md5(body.encode()).hexdigest()
assert sent.findtext("MD5OfMessageAttributes")
batch = done("SendMessageBatch", QueueUrl=url, **{
    "SendMessageBatchRequestEntry.1.Id": "a", "SendMessageBatchRequestEntry.1.MessageBody": "one",
    "SendMessageBatchRequestEntry.2.Id": "b", "SendMessageBatchRequestEntry.2.MessageBody": "two",
    "SendMessageBatchRequestEntry.2.DelaySeconds": "901"})
assert batch.findtext("SendMessageBatchResultEntry/Id") == "a"
assert batch.findtext("BatchResultErrorEntry/Id") == "b"
assert batch.findtext("BatchResultErrorEntry/Code") == "InvalidParameterValue"
messages = done("ReceiveMessage", path, MaxNumberOfMessages="10", **{
    "AttributeName.1": "All", "MessageAttributeName.1": "All"}).findall("Message")
assert len(messages) == 2
first = messages[0]
assert first.findtext("Body") == body, first.findtext("Body")
assert first.findtext("MessageAttribute/Name") == "kind"
assert first.findtext("MessageAttribute/Value/StringValue") == "x"
system = {e.findtext("Name"): e.findtext("Value") for e in first.findall("Attribute")}
assert system["ApproximateReceiveCount"] == "1" and system["SentTimestamp"].isdigit(), system
handle = first.findtext("ReceiptHandle")
done("ChangeMessageVisibility", path, ReceiptHandle=handle, VisibilityTimeout="30")
done("DeleteMessage", path, ReceiptHandle=handle)
deleted = done("DeleteMessageBatch", path, **{
    "DeleteMessageBatchRequestEntry.1.Id": "x",
    "DeleteMessageBatchRequestEntry.1.ReceiptHandle": messages[1].findtext("ReceiptHandle")})
assert deleted.findtext("DeleteMessageBatchResultEntry/Id") == "x"
counts = done("GetQueueAttributes", path, **{"AttributeName.1": "All"})
counts = {e.findtext("Name"): e.findtext("Value") for e in counts.findall("Attribute")}
assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0", counts
assert counts["VisibilityTimeout"] == "60" and counts["QueueArn"].endswith(":old"), counts
assert done("ReceiveMessage", path).find("Message") is None

refused("AWS.SimpleQueueService.NonExistentQueue", "GetQueueUrl", QueueName="none")
refused("QueueAlreadyExists", "CreateQueue", QueueName="old", **{
    "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "61"})
refused("ReceiptHandleIsInvalid", "DeleteMessage", QueueUrl=url, ReceiptHandle="x")
refused("AWS.SimpleQueueService.EmptyBatchRequest", "DeleteMessageBatch", QueueUrl=url)
refused("MissingParameter", "SendMessage", QueueUrl=url)
refused("InvalidParameterValue", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages="many")
refused("InvalidAction", "SingSong")
done("DeleteQueue", path)
refused("AWS.SimpleQueueService.NonExistentQueue", "PurgeQueue", QueueUrl=url)
