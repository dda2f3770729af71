"""One record that no function takes, in the ways a function can say so, blocks nothing for longer than its pipe's policy says.

Usage: failures.py ENDPOINT DATA BINARY
"""

import json
import subprocess
import sys

from client import ROLE, arn, client, pipe, put, queue, table, take, until

functions, pipes = client("lambda"), client("pipes")
COUNT = 12
POISON = "7"


def function(name, expression):
    functions.create_function(FunctionName=name, Runtime="watershed.jq", Handler=expression, Role=ROLE, Code={})
    return arn("lambda", f"function:{name}")


IS_POISON = f'.dynamodb.NewImage.id.S == "{POISON}"'
# Names what failed; fails as a whole.
named = function("named", f"{{batchItemFailures: [.[] | select({IS_POISON}) | {{itemIdentifier: .eventID}}]}}")
whole = function("whole", f'if any(.[]; {IS_POISON}) then error("poison") else {{}} end')
stream = table("Visits")
dead = queue("dead")


def policy(**more):
    parameters = {"StartingPosition": "TRIM_HORIZON", "BatchSize": 5, "DeadLetterConfig": {"Arn": dead}}
    return {"DynamoDBStreamParameters": parameters | more}


for n in range(COUNT):
    put("Visits", id=str(n))


def status(name):
    shown = subprocess.run(
        [sys.argv[3], "status", "--format", "json", "--data", sys.argv[2]], capture_output=True, check=True, text=True
    )
    return next(one for one in json.loads(shown.stdout)["pipes"] if one["name"] == name)


def settled(name):
    found = status(name)
    return found["delivered"] + found["failed"] + found["filtered"] == COUNT and found


for name, target, parameters, failed, attempts in (
    ("named", named, policy(MaximumRetryAttempts=2), 1, 3),
    ("bisected", whole, policy(MaximumRetryAttempts=1, OnPartialBatchItemFailure="AUTOMATIC_BISECT"), 1, 2),
):
    pipe(name, stream, target, SourceParameters=parameters)
    found = until(f"{name} is through", lambda: settled(name))
    counts = {member: found[member] for member in ("received", "filtered", "delivered", "failed", "dead_lettered")}
    expected = {"received": COUNT, "filtered": 0, "delivered": COUNT - failed, "failed": failed, "dead_lettered": failed}
    assert counts == expected, (name, found)
    assert found["retries"] > 0 and found["lag_ms"] >= 0 and found["last_error"], found
    (letter,) = [json.loads(message["Body"]) for message in take("dead", 1)]
    assert letter["context"] == {
        "partnerResourceArn": arn("pipes", f"pipe/{name}"),
        "condition": "RetryAttemptsExhausted",
    }, letter
    assert (letter["pipe"], letter["attempts"]) == (name, attempts), letter
    assert letter["payload"]["dynamodb"]["NewImage"]["id"]["S"] == POISON, letter
    info = letter["DDBStreamBatchInfo"]
    assert info["batchSize"] == 1 and info["streamArn"] == stream, info
    assert info["startSequenceNumber"] == info["endSequenceNumber"] == letter["payload"]["dynamodb"]["SequenceNumber"]
    pipes.delete_pipe(Name=name)

# Filtered and enriched are told, too.
pipe(
    "enriched",
    stream,
    queue("out"),
    SourceParameters=policy() | {"FilterCriteria": {"Filters": [{"Pattern": '{"dynamodb":{"NewImage":{"id":{"S":["1","2"]}}}}'}]}},
    Enrichment=function("twice", "[.[] | (., .)]"),
)
take("out", 4)
found = until("the enriched pipe is through", lambda: status("enriched")["received"] == COUNT and status("enriched"))
assert (found["filtered"], found["enriched"], found["failed"]) == (COUNT - 2, 4, 0), found
