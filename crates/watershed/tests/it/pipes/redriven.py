"""What was redriven is where it should have been at first.

Usage: redriven.py ENDPOINT DATA
"""

import json

from client import take

done = [json.loads(message["Body"]) for message in take("done", 2)]
assert sorted(one["requestPayload"]["of"] for one in done) == ["later", "later-too"], done
assert all(one["requestPayload"]["who"] == "secret" for one in done), done
arrived = [json.loads(message["Body"]) for message in take("not-yet", 2)]
(event,) = [one for one in arrived if "detail" in one]
assert event["detail"] == {"who": "secret"} and event["source"] == "clinic", event
assert {"remind": "secret"} in arrived, arrived
assert [message["Body"] for message in take("work", 1)] == ["secret work"]
