"""Requests signed by hand (AWS Signature Version 4), so that a test can get any part of one wrong."""

import datetime
import hashlib
import hmac
import http.client
import os
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

KEY = os.environ["AWS_ACCESS_KEY_ID"]
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]
REGION = "us-east-1"

# Where each service's form of the same small call goes, and how.
JSON = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.ListTables"}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()


def send(endpoint, headers, body=b"", method="POST", path="/"):
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    connection.close()
    return answer


def now(seconds=0):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def signature(secret, at, service, canonical):
    scope = f"{at:%Y%m%d}/{REGION}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{at:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return scope, key.hex()


def sign(endpoint, service, headers, body=b"", method="POST", path="/", key=KEY, secret=SECRET, at=None):
    """The headers with `Authorization`; the given ones, `host` and `x-amz-date` are signed."""
    at = at or now()
    headers = {**headers, "host": urlsplit(endpoint).netloc, "x-amz-date": f"{at:%Y%m%dT%H%M%SZ}"}
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    signed = ";".join(names)
    canonical = f"{method}\n{path}\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
    scope, value = signature(secret, at, service, canonical)
    credential = f"Credential={key}/{scope}, SignedHeaders={signed}, Signature={value}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


def call(endpoint, service, headers, body=b"", method="POST", path="/", **how):
    return send(endpoint, sign(endpoint, service, headers, body, method, path, **how), body, method, path)


def presign(endpoint, service, query, expires, at=None):
    """The path of a presigned GET."""
    at = at or now()
    query = {
        **query,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{KEY}/{at:%Y%m%d}/{REGION}/{service}/aws4_request",
        "X-Amz-Date": f"{at:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": "host",
    }
    text = "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))
    empty = hashlib.sha256(b"").hexdigest()
    canonical = f"GET\n/\n{text}\nhost:{urlsplit(endpoint).netloc}\n\nhost\n{empty}"
    return f"/?{text}&X-Amz-Signature={signature(SECRET, at, service, canonical)[1]}"
