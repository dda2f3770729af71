"""Interactions, searches, bundles and patches over HTTP.

Usage: data.py ENDPOINT DATA
"""

import gzip
import json

from rest import FHIR, Store

store = Store()
statement = store.ok("GET", "/metadata")
assert statement["fhirVersion"] == "4.0.1" and len(statement["rest"][0]["resource"]) == 146

patient = {"resourceType": "Patient", "name": [{"family": "Müller"}], "birthDate": "1980-05-17", "multipleBirthInteger": 1}
status, headers, created = store.call("POST", "/Patient", patient)
assert status == 201 and headers["etag"] == 'W/"1"' and created["meta"]["versionId"] == "1"
me = "/Patient/" + created["id"]
assert headers["location"] == f"{store.base}{me}/_history/1"
status, headers, _ = store.call("POST", "/Patient", patient, {"Prefer": "return=minimal"})
assert status == 201 and headers["content-length"] == "0"
other = headers["location"].split("/")[-3]
store.ok("DELETE", f"/Patient/{other}", status=204)

assert store.call("GET", me, headers={"If-None-Match": 'W/"1"'})[0] == 304
assert store.ok("GET", me)["birthDate"] == "1980-05-17"
body = {**patient, "id": created["id"], "active": True}
store.refused(412, "conflict", "PUT", me, body, {"If-Match": 'W/"7"'})
assert store.ok("PUT", me, body, {"If-Match": 'W/"1"'})["meta"]["versionId"] == "2"
patch = [{"op": "replace", "path": "/active", "value": False}]
patched = store.ok("PATCH", me, json.dumps(patch).encode(), {"Content-Type": "application/json-patch+json"})
assert patched["active"] is False
parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": "Patient.active"}]
path_patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
assert "active" not in store.ok("PATCH", me, path_patch)
assert store.ok("GET", f"{me}/_history/1")["meta"]["versionId"] == "1"
history = store.ok("GET", f"{me}/_history?_count=2")
assert history["total"] == 4 and [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["4", "3"]
following = next(link["url"] for link in history["link"] if link["relation"] == "next")[len(store.base) :]
assert [entry["resource"]["meta"]["versionId"] for entry in store.ok("GET", following)["entry"]] == ["2", "1"]

packed = gzip.compress(json.dumps({**patient, "id": "zip"}).encode())
store.ok("PUT", "/Patient/zip", packed, {"Content-Encoding": "gzip", "Content-Type": FHIR}, status=201)
status, headers, raw = store.call("GET", "/metadata", headers={"Accept-Encoding": "gzip"})
assert headers["content-encoding"] == "gzip" and json.loads(gzip.decompress(raw))["resourceType"] == "CapabilityStatement"
store.ok("DELETE", "/Patient/zip", status=204)
store.refused(410, "deleted", "GET", "/Patient/zip")

# Searches: by GET with what botocore signs as it was written, by POST, with pages, in part.
assert store.ids("/Patient?family=mull&birthdate=ge1980-05-17") == [created["id"]]
assert store.ids("/Patient?identifier:missing=true&birthdate=lt2000,gt2010") == [created["id"]]
found = store.ok("POST", "/Patient/_search", b"family=mull", {"Content-Type": "application/x-www-form-urlencoded"})
assert found["total"] == 1 and found["entry"][0]["fullUrl"] == store.base + me
assert store.ok("GET", "/Patient?family=mull&_summary=count") ["total"] == 1
part = store.ok("GET", f"{me}?_elements=birthDate")
assert set(part) == {"resourceType", "id", "meta", "birthDate"} and part["meta"]["tag"][0]["code"] == "SUBSETTED"
lenient = store.ok("GET", "/Patient?nope=1")
assert lenient["entry"][-1]["search"]["mode"] == "outcome" and "`nope`" in str(lenient["entry"][-1])
store.refused(400, "invalid", "GET", "/Patient?nope=1", headers={"Prefer": "handling=strict"})
assert "drive" in str(store.ok("GET", "/Patient?family=mull&__explain=true"))

transaction = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:1",
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=s|1"},
            "resource": {"resourceType": "Patient", "identifier": [{"system": "s", "value": "1"}]},
        },
        {
            "request": {"method": "PUT", "url": "Observation/o"},
            "resource": {
                "resourceType": "Observation",
                "id": "o",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]},
                "subject": {"reference": "urn:uuid:1"},
                "valueQuantity": {"value": 1.80, "unit": "m", "system": "http://unitsofmeasure.org", "code": "m"},
            },
        },
        {"request": {"method": "GET", "url": "Observation?code=http://loinc.org|8302-2"}},
    ],
}
answer = store.ok("POST", "/", transaction)
assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "201", "200"]
assert answer["entry"][2]["resource"]["total"] == 1
assert store.ok("POST", "/", transaction)["entry"][0]["response"]["status"] == "200 OK", "it was there already"
assert store.ids("/Observation?subject:Patient.identifier=s|1&value-quantity=gt1.7") == ["o"]
both = store.ok("GET", "/Observation?_id=o&_include=Observation:subject")["entry"]
assert [entry["search"]["mode"] for entry in both] == ["match", "include"]
owner = both[1]["resource"]["id"]
assert store.ids(f"/Patient/{owner}/Observation?code=8302-2") == ["o"]
transaction["entry"][1]["resource"]["nope"] = 1
issue = store.refused(400, "structure", "POST", "/", transaction)
assert issue["expression"] == ["Bundle.entry[1].resource.Observation.nope"], issue

page, ids = "/Patient?_sort=-_lastUpdated&_count=1", []
while page:
    found = store.ok("GET", page)
    ids += [entry["resource"]["id"] for entry in found["entry"]]
    page = next((link["url"][len(store.base) :] for link in found["link"] if link["relation"] == "next"), None)
assert ids == [owner, created["id"]], ids

outcome = store.ok("POST", "/Patient/$validate", {"resourceType": "Patient", "gender": "x"})
assert outcome["issue"][0]["expression"] == ["Patient.gender"]
level = {"x-amzn-healthlake-fhir-validation-level": "minimal"}
store.ok("POST", "/Patient", {"resourceType": "Patient", "nope": 1}, level, status=201)
