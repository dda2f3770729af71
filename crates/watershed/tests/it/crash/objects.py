"""Objects put whole and in parts: what was acknowledged is whole with its ETag and has its Object Created event, and what is read
meanwhile is whole.

Usage: objects.py ENDPOINT FOLDER
"""

import hashlib
import json
import re

from aws import attempt, client
from workload import Mailbox, drive, end, going, reached

MIB = 1 << 20
s3, events = client("s3"), client("events")
s3.create_bucket(Bucket="crash")
created = Mailbox("created")
pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": ["crash"]}}}
events.put_rule(Name="created", EventPattern=json.dumps(pattern))
assert events.put_targets(Rule="created", Targets=[{"Id": "q", "Arn": created.arn}])["FailedEntryCount"] == 0
# Key and ETag of each object that was acknowledged; the last ETag of keys that are written again and again.
acknowledged, tried, last = set(), {}, {}


def body_of(text, length):
    """Bytes that tell which object they are of."""
    return hashlib.sha256(text.encode()).digest() * (length // 32)


def put(writer):
    number = 0
    while going():
        number += 1
        # Every third is written over one that is there.
        key = f"{writer}/over" if number % 3 == 0 else f"{writer}/{number}"
        body = body_of(f"{key} {number}", 32 * (1 + number % 3000))
        tried.setdefault(key, {})[hashlib.md5(body).hexdigest()] = body
        if answer := attempt(lambda: s3.put_object(Bucket="crash", Key=key, Body=body)):
            etag = answer["ETag"].strip('"')
            acknowledged.add((key, etag))
            last[key] = etag


def put_parts():
    number = 0
    while going():
        number += 1
        place = {"Bucket": "crash", "Key": f"parts/{number}"}
        parts = [body_of(f"{number} first", 5 * MIB), body_of(f"{number} last", 32 * number)]
        etag = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest() + "-2"
        tried[place["Key"]] = {etag: b"".join(parts)}
        upload = attempt(lambda: s3.create_multipart_upload(**place))
        if not upload:
            continue
        place["UploadId"] = upload["UploadId"]
        done = []
        for index, part in enumerate(parts, 1):
            answer = None
            while not answer and going():
                answer = attempt(lambda: s3.upload_part(**place, PartNumber=index, Body=part))
            if answer:
                done.append({"PartNumber": index, "ETag": answer["ETag"]})
        if len(done) == 2:
            answer = attempt(lambda: s3.complete_multipart_upload(**place, MultipartUpload={"Parts": done}))
            if answer:
                assert answer["ETag"].strip('"') == etag, answer
                acknowledged.add((place["Key"], etag))


def check(key):
    """The object is one of those that were put under its key, whole; answers its ETag. A put that was interrupted, and not
    acknowledged, may have left an object with an ETag of the store, which is no hash."""
    def read():
        got = s3.get_object(Bucket="crash", Key=key)
        return got["ETag"].strip('"'), got["Body"].read()
    answer = attempt(read)
    if answer:
        etag, body = answer
        if not re.fullmatch("[0-9a-f]{32}(-2)?", etag):
            etag = next((tag for tag, put in tried[key].items() if put == body), etag)
        assert tried[key].get(etag) == body, f"{key} is not what was put"
        return etag


def read():
    while going():
        for key in ("0/over", "1/over"):
            if any(key == name for name, _ in list(acknowledged)):
                check(key)


drive([(put, 0), (put, 1), (put_parts,), (read,)], (created.read,))


def told():
    return {(body["detail"]["object"]["key"], body["detail"]["object"]["etag"]) for body in created.bodies}


reached("all Object Created events", lambda: acknowledged <= told())
end()
assert last, "nothing was put"
for key, etag in acknowledged:
    found = check(key)
    # What was put over another is the last that was acknowledged, or a later try that may be there or not.
    later = list(tried[key])[list(tried[key]).index(last.get(key, etag)):]
    assert found == etag or key.endswith("/over") and found in later, f"{key} has another ETag"
listed = {entry["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="crash") for entry in page["Contents"]}
assert {key for key, _ in acknowledged} <= listed <= tried.keys(), "the listing is another"
assert {key for key, _ in told()} <= listed, "an event tells of an object that is not there"
in_parts = sum(key.startswith("parts/") for key, _ in acknowledged)
print(f"{len(acknowledged)} objects, {in_parts} of them in parts, {len(created.bodies)} events")
