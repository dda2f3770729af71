"""The audit log of a server: what was done, what was refused, and nothing of what resources hold.

Usage: audited.py ENDPOINT DATA BINARY
"""

import base64
import json
import subprocess
import sys

from aws import until
from rest import Store

DATA, BINARY = sys.argv[2:4]


def audit(*arguments):
    return subprocess.run([BINARY, "audit", *arguments, "--data", DATA], capture_output=True, text=True)


def shown(*arguments):
    told = audit("show", "--format", "json", *arguments)
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def line(event):
    references = [entity["what"]["reference"] for entity in event.get("entity", []) if "what" in entity]
    return event["subtype"][0]["code"], event["action"], event.get("outcomeDesc", "ok"), references


store = Store()
patient = {"resourceType": "Patient", "id": "a", "name": [{"family": "Hemlig"}]}
store.ok("PUT", "/Patient/a", patient, status=201)
store.ok("GET", "/Patient/a")
store.ok("GET", "/Patient?family=Hemlig")
store.ok("GET", "/Patient/a/_history")
store.refused(404, "not-found", "GET", "/Patient/none")
assert store.call("GET", "/Patient/a", sign=False)[0] == 403
entries = [{"request": {"method": "GET", "url": "Patient/a"}}, {"request": {"method": "PUT", "url": "Patient/b"}, "resource": {"resourceType": "Patient", "id": "c"}}]
store.ok("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})
store.ok("DELETE", "/Patient/a", status=204)

expected = [
    ("update", "U", "ok", ["Patient/a/_history/1"]),
    ("read", "R", "ok", ["Patient/a/_history/1"]),
    ("search-type", "E", "ok", ["Patient/a/_history/1"]),
    ("history-instance", "R", "ok", ["Patient/a/_history/1"]),
    ("read", "R", "HTTP 404", ["Patient/none"]),
    ("read", "R", "HTTP 403", ["Patient/a"]),
    ("read", "R", "ok", ["Patient/a/_history/1"]),
    ("batch", "E", "HTTP 400", ["Patient/b"]),
    ("batch", "E", "ok", []),
    ("delete", "D", "ok", ["Patient/a/_history/2"]),
]
found = until("all events", lambda: events if len(events := shown()) == len(expected) else None)
assert sorted(map(line, found)) == sorted(expected), list(map(line, found))
assert all(event["source"]["observer"]["identifier"]["value"] == store.id for event in found)
agents = [event["agent"][0]["who"]["identifier"]["value"] for event in found]
assert sorted(set(agents)) == sorted({store.credentials.access_key, "unknown"}) and agents.count("unknown") == 1
queries = [base64.b64decode(entity["query"]).decode() for event in found for entity in event.get("entity", []) if "query" in entity]
assert queries == ["family=Hemlig"], queries

assert len(shown("--resource", "Patient/a")) == 7 and len(shown("--patient", "none")) == 1
assert len(shown("--who", "unknown")) == 1 and shown("--since", "2999") == []
text = audit("show", "--who", store.credentials.access_key).stdout
assert "update" in text and "Patient/a/_history/1" in text and "Hemlig" not in text
with open(f"{DATA}/serve.log") as log:
    assert "Hemlig" not in log.read()

whole = audit("verify")
assert whole.returncode == 0 and f"events={len(expected)}" in whole.stdout, (whole.stdout, whole.stderr)
head = whole.stdout.split("hash=")[1].strip()
assert audit("verify", "--seen", head).returncode == 0
broken = audit("verify", "--seen", "ab" * 32)
assert broken.returncode == 1 and "--seen" in broken.stderr
