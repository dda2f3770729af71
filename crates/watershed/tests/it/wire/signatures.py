"""Who is let in, and what the others are told, in the words of each protocol.

Usage: signatures.py ENDPOINT
"""

import json
import sys

import sigv4
from sigv4 import FORM, IDENTITY, JSON, now, send, sign

endpoint = sys.argv[1]


def check(answer, code, json_status=400):
    """`code` is None for an answer that is no error; a pair has the name in JSON and the one in XML."""
    assert answer.headers.get("x-amzn-requestid"), answer
    if code is None:
        assert answer.status == 200, answer
    elif answer.headers["content-type"].startswith("text/xml"):
        assert answer.status == 403 and f"<Code>{code[1]}</Code>" in answer.text, (code, answer)
    else:
        body = json.loads(answer.body)
        assert (answer.status, body["__type"]) == (json_status, code[0]), (code, answer)
        assert body["message"] == body["Message"] != "", answer
    assert sigv4.SECRET not in answer.text


INVALID = ("InvalidSignatureException", "SignatureDoesNotMatch")
UNKNOWN = ("UnrecognizedClientException", "InvalidClientTokenId")
MISSING = ("MissingAuthenticationTokenException", "MissingAuthenticationToken")
INCOMPLETE = ("IncompleteSignatureException", "IncompleteSignature")

for service, headers, body in (("dynamodb", JSON, b"{}"), ("sts", FORM, IDENTITY)):
    def call(**how):
        return sigv4.call(endpoint, service, headers, body, **how)

    check(call(), None)
    # The clock: five minutes either way.
    check(call(at=now(-240)), None)
    check(call(at=now(240)), None)
    late = call(at=now(-400))
    check(late, INVALID)
    assert "Signature expired: " in late.text and " is now earlier than " in late.text and "- 5 min.)" in late.text, late
    early = call(at=now(400))
    check(early, INVALID)
    assert "Signature not yet current: " in early.text and " is still later than " in early.text, early

    # Keys.
    check(call(key="AKIDNOBODY"), UNKNOWN)
    check(call(secret="wrong"), INVALID)

    # Tampering: body, a signed header, a signed header taken away, the signature itself.
    good = sign(endpoint, service, headers, body)
    check(send(endpoint, good, body), None)
    check(send(endpoint, good, body + b" "), INVALID)
    check(send(endpoint, {**good, "content-type": good["content-type"] + ";x=1"}, body), INVALID)
    check(send(endpoint, {name: value for name, value in good.items() if name != "x-amz-date"}, body), INCOMPLETE)
    check(send(endpoint, {**good, "authorization": good["authorization"][:-1] + "g"}, body), INVALID)
    # A header that was not signed may come along: proxies add such.
    check(send(endpoint, {**good, "x-forwarded-for": "10.0.0.1"}, body), None)

    # Halves of an Authorization header.
    for value in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request", "Bearer x", ""):
        check(send(endpoint, {**good, "authorization": value}, body), INCOMPLETE)
    check(send(endpoint, {**good, "authorization": good["authorization"].replace("aws4_request", "aws9")}, body), INCOMPLETE)
    check(send(endpoint, headers, body), MISSING)

# Signed for one service, sent to another.
check(sigv4.call(endpoint, "sts", JSON, b"{}"), INVALID)

# A REST service answers 403 where a JSON service answers 400.
check(sigv4.call(endpoint, "pipes", {}, method="GET", path="/v1/pipes"), None)
check(sigv4.call(endpoint, "pipes", {}, method="GET", path="/v1/pipes", secret="wrong"), INVALID, json_status=403)
check(send(endpoint, {}, method="GET", path="/v1/pipes"), MISSING, json_status=403)

# Presigned URLs.
query = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}


def get(path):
    return send(endpoint, {}, method="GET", path=path)


check(get(sigv4.presign(endpoint, "sts", query, 60)), None)
check(get(sigv4.presign(endpoint, "sts", query, 3600, at=now(-1800))), None)
check(get(sigv4.presign(endpoint, "sts", query, 60, at=now(-90))), INVALID)
check(get(sigv4.presign(endpoint, "sts", query, 604801)), INCOMPLETE)
check(get(sigv4.presign(endpoint, "sts", query, 0)), INCOMPLETE)
path = sigv4.presign(endpoint, "sts", query, 60)
check(get(path.replace("X-Amz-Expires=60", "X-Amz-Expires=61")), INVALID)
check(get(path.replace("GetCallerIdentity", "GetCallerIdentitY")), INVALID)
