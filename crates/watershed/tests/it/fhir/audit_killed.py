"""Writes, and kills the server at once; then, run again, finds each write in the audit log, and what was changed in it.

Usage: audit_killed.py ENDPOINT DATA BINARY write|check
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys

from rest import Store

DATA, BINARY, step = sys.argv[2:5]
NOTE = f"{DATA}/written.json"


def audit(*arguments):
    return subprocess.run([BINARY, "audit", *arguments, "--data", DATA], capture_output=True, text=True)


if step == "write":
    store = Store()
    written = []
    for number in range(40):
        created = store.ok("POST", "/Basic", {"resourceType": "Basic", "code": {"text": str(number)}}, status=201)
        written.append(f'Basic/{created["id"]}/_history/1')
    with open(f"{DATA}/server.json") as running:
        os.kill(json.load(running)["pid"], signal.SIGKILL)
    with open(NOTE, "w") as note:
        json.dump(written, note)
else:
    with open(NOTE) as note:
        written = json.load(note)
    events = [json.loads(line) for line in audit("show", "--format", "json").stdout.splitlines()]
    noted = [entity["what"]["reference"] for event in events if event["action"] == "C" for entity in event["entity"]]
    assert sorted(noted) == sorted(written), "each write is in the log, once"
    assert audit("verify").returncode == 0
    with sqlite3.connect(f"{DATA}/state.db") as state:
        first, body = state.execute("SELECT first, body FROM fhir_audit ORDER BY first DESC LIMIT 1").fetchone()
        changed = body[:-1] + bytes([body[-1] ^ 1])
        state.execute("UPDATE fhir_audit SET body = ? WHERE first = ?", (changed, first))
    broken = audit("verify")
    assert broken.returncode == 1 and f"broken at event {first}" in broken.stderr, broken.stderr
