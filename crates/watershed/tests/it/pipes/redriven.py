"""What was redriven is where it should have been at first.

Usage: redriven.py ENDPOINT DATA
"""

import json

from client import take

done = [json.loads(message["Body"]) for message in take("done", 2)]
assert sorted(one["requestPayload"]["of"] for one in done) == ["later", "later-too"], done
assert all(one["requestPayload"]["who"] == "secret" for one in done), done
(event,) = [json.loads(message["Body"]) for message in take("not-yet", 1)]
assert event["detail"] == {"who": "secret"} and event["source"] == "clinic", event
assert [message["Body"] for message in take("work", 1)] == ["secret work"]
