"""What no client should send: each is refused in FHIR's shape, and the server goes on.

Usage: hostile.py ENDPOINT DATA
"""

import json
from urllib.parse import quote

from rest import Store

store, other = Store(), Store()
patient = {"resourceType": "Patient", "id": "a", "name": [{"family": "A"}]}
other.ok("PUT", "/Patient/a", patient, status=201)

store.refused(404, "not-found", "GET", "/Patient/a")
stranger = Store.__new__(Store)
stranger.__dict__ = {**store.__dict__, "base": store.base.replace(store.id, "f" * 32)}
stranger.refused(404, "not-found", "GET", "/Patient/a")
store.refused(403, "security", "GET", "/Patient/a", sign=False)

big = {**patient, "name": [{"family": "x" * 10_000_000}]}
store.refused(400, "value", "PUT", "/Patient/a", big)
store.refused(413, "too-costly", "PUT", "/Patient/a", b" " * ((64 << 20) + 1))
deep = b'{"resourceType":"Patient","extension":' + b"[" * 1000 + b"]" * 1000 + b"}"
issue = store.refused(400, "structure", "POST", "/Patient", deep)
assert "nested too deeply" in issue["diagnostics"]
for body, words in [
    (b'{"resourceType":"Patient","id":"\xff"}', "not UTF-8"),
    (b'{"resourceType":"Patient","id":"a","id":"b"}', "named twice"),
    (b'{"resourceType":"Patient"', "not JSON"),
    (b"", "not JSON"),
]:
    assert words in store.refused(400, "structure", "POST", "/Patient", body)["diagnostics"]
many = {"resourceType": "Bundle", "type": "batch", "entry": [{}] * 100_000}
answer = store.ok("POST", "/", many)
assert len(answer["entry"]) == 100_000 and answer["entry"][0]["response"]["status"] == "400"

sql = "' OR 1=1; DROP TABLE fhir_resource; --"
names = ["_id", "name", "birthdate", "identifier", "organization", "_sort", "_count", "page", "_include", "_has:Observation:patient:code"]
for name in names:
    status, _, told = store.call("GET", f"/Patient?{quote(name, safe=':')}={quote(sql)}")
    assert status == 400 or (status == 200 and told["total"] == 0), (name, status, told)
assert other.ids("/Patient") == ["a"], "the tables are there"
for path in ["/Patient/" + quote(sql), "/Patient/a/_history/" + quote(sql), "/" + quote(sql), "/Patient/a/" + quote("../../x", safe="")]:
    assert store.call("GET", path)[0] in (400, 404), path
store.refused(400, "invalid", "GET", "/Patient?" + "&".join(["name=a"] * 300))
assert json.dumps(store.ok("GET", "/metadata"))
