"""Takes away what made the letters.

Usage: mend.py ENDPOINT DATA
"""

from client import client, queue

functions = client("lambda")
for name in ("of-pipe", "of-mapping", "later", "later-too"):
    functions.update_function_configuration(FunctionName=name, Handler=".")
queue("done")
for name in ("later", "later-too"):
    functions.put_function_event_invoke_config(
        FunctionName=name,
        DestinationConfig={"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:000000000000:done"}},
    )
queue("not-yet")
