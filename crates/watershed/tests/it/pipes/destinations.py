"""API destinations as enrichment and as target, against an HTTP server in here; a bus as target.

Usage: destinations.py ENDPOINT DATA
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from client import ACCOUNT, STREAM, arn, client, pipe, put, queue, refused, table, take, until

asked = []


class Api(BaseHTTPRequestHandler):
    """Answers patients by id; fails the first time for the id `shy`, and for good for `bad`."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked.append((self.path, dict(self.headers), body))
        status, answer = 200, {"name": f"Patient {body['id']}", "via": self.path}
        if body["id"] == "shy" and [seen[2]["id"] for seen in asked].count("shy") == 1:
            status, answer = 503, {}
        if body["id"] == "bad":
            status, answer = 400, {}
        if self.headers.get("x-api-key") != "s3cret":
            status, answer = 403, {}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

events, pipes, sqs = client("events"), client("pipes"), client("sqs")
key = {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": "s3cret"}}
connection = events.create_connection(Name="api", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]


def destination(name, path):
    made = events.create_api_destination(
        Name=name,
        ConnectionArn=connection,
        InvocationEndpoint=url + path,
        HttpMethod="POST",
        InvocationRateLimitPerSecond=300,
    )
    return made["ApiDestinationArn"]


stream = table("Patients")
# As enrichment: the answer goes on, and the path and a header are found in each event.
lookup = destination("lookup", "/patients/*")
enrichment = {
    "InputTemplate": '{"id": "<$.dynamodb.NewImage.id.S>"}',
    "HttpParameters": {
        "PathParameterValues": ["$.dynamodb.NewImage.id.S"],
        "HeaderParameters": {"x-kind": "$.eventName"},
        "QueryStringParameters": {"site": "OSL", "none": "$.not.there"},
    },
}
pipe(
    "enriched",
    stream,
    queue("enriched"),
    SourceParameters=STREAM,
    Enrichment=lookup,
    EnrichmentParameters=enrichment,
    TargetParameters={"InputTemplate": '{"name": <$.name>, "via": <$.via>}'},
)
put("Patients", id="a/b")
put("Patients", id="shy")
names = {json.loads(message["Body"])["name"]: json.loads(message["Body"])["via"] for message in take("enriched", 2)}
assert names == {"Patient a/b": "/patients/a%2Fb?site=OSL", "Patient shy": "/patients/shy?site=OSL"}, names
path, headers, body = asked[0]
headers = {name.lower(): value for name, value in headers.items()}
assert (headers["x-kind"], body) == ("INSERT", {"id": "a/b"}), (headers, body)
pipes.delete_pipe(Name="enriched")

# As target: each record is a request; what the API refuses for good is a dead letter with its payload.
hook = destination("hook", "/hook")
dead = queue("dead")
pipe(
    "hooked",
    stream,
    hook,
    SourceParameters={"DynamoDBStreamParameters": STREAM["DynamoDBStreamParameters"] | {"DeadLetterConfig": {"Arn": dead}}},
    TargetParameters={"InputTemplate": '{"id": "<$.dynamodb.NewImage.id.S>", "from": "<aws.pipes.pipe-name>"}'},
)
put("Patients", id="bad")
put("Patients", id="good")
got = until("both records", lambda: [seen for seen in asked if seen[0] == "/hook" and seen[2]["id"] == "good"])
assert got[0][2] == {"id": "good", "from": "hooked"}, got
assert len({name.lower() for name in got[0][1]} & {"x-api-key", "idempotency-key"}) == 2
(letter,) = [json.loads(message["Body"]) for message in take("dead", 1)]
assert letter["context"]["condition"] == "RecordRefused" and letter["pipe"] == "hooked", letter
assert letter["payload"]["dynamodb"]["NewImage"]["id"]["S"] == "bad", letter
assert letter["DDBStreamBatchInfo"]["streamArn"] == stream, letter
pipes.delete_pipe(Name="hooked")
refused(
    "ValidationException",
    lambda: pipes.create_pipe(
        Name="x", Source=stream, Target=arn("sns", "topic"), RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r", SourceParameters=STREAM
    ),
    "is not supported",
)

# A bus as target: the template's JSON is the detail.
events.create_event_bus(Name="patients")
events.put_rule(Name="all", EventBusName="patients", EventPattern='{"source":["clinic"],"detail":{"id":["c"]}}')
events.put_targets(Rule="all", EventBusName="patients", Targets=[{"Id": "q", "Arn": queue("from-bus")}])
pipe(
    "to-bus",
    stream,
    arn("events", "event-bus/patients"),
    SourceParameters=STREAM,
    TargetParameters={
        "InputTemplate": '{"id": "<$.dynamodb.NewImage.id.S>"}',
        "EventBridgeEventBusParameters": {
            "Source": "clinic",
            "DetailType": "$.eventName",
            "Resources": ["$.eventSourceARN"],
            "Time": "$.dynamodb.NewImage.at.S",
        },
    },
)
put("Patients", id="c", at="2025-01-31T10:00:00Z")
(event,) = [json.loads(message["Body"]) for message in take("from-bus", 1)]
assert (event["detail-type"], event["detail"], event["resources"]) == ("INSERT", {"id": "c"}, [stream]), event
assert event["time"] == "2025-01-31T10:00:00Z", event

# A rule calls an API destination, too.
events.put_rule(Name="hook", EventPattern='{"source":["ward"]}')
target = {"Id": "a", "Arn": hook, "InputPath": "$.detail", "HttpParameters": {"QueryStringParameters": {"by": "$.source"}}}
events.put_targets(Rule="hook", Targets=[target])
events.put_events(Entries=[{"Source": "ward", "DetailType": "d", "Detail": '{"id":"r"}'}])
(call,) = until("the rule's request", lambda: [seen for seen in asked if seen[0] == "/hook?by=ward"])
assert call[2] == {"id": "r"}, call
