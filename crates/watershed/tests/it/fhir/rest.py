"""A signed FHIR client, for the scripts beside this."""

import http.client
import json
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from aws import client

FHIR = "application/fhir+json"


class Store:
    """The data of a datastore; it makes one of its own."""

    def __init__(self, **settings):
        made = client("healthlake").create_fhir_datastore(DatastoreTypeVersion="R4", **settings)
        self.id, self.arn = made["DatastoreId"], made["DatastoreArn"]
        self.base = made["DatastoreEndpoint"].rstrip("/")
        self.credentials = botocore.session.get_session().get_credentials()

    def call(self, method, path, body=None, headers=None, sign=True):
        """Status, headers in lower case, and the body as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**({"Content-Type": FHIR} if data is not None else {}), **(headers or {})}
        request = AWSRequest(method=method, url=self.base + path, data=data, headers=headers)
        if sign:
            SigV4Auth(self.credentials, "healthlake", "us-east-1").add_auth(request)
        url = urlsplit(self.base + path)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        connection.request(method, url.path + (f"?{url.query}" if url.query else ""), body=data, headers=dict(request.headers))
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        told = json.loads(raw) if raw and response.headers.get("content-encoding") is None else raw
        return response.status, {name.lower(): value for name, value in response.headers.items()}, told

    def ok(self, method, path, body=None, headers=None, status=200):
        answer = self.call(method, path, body, headers)
        assert answer[0] == status, (method, path, answer)
        return answer[2]

    def refused(self, status, code, method, path, body=None, headers=None, sign=True):
        answer = self.call(method, path, body, headers, sign)
        issue = answer[2]["issue"][0]
        assert (answer[0], issue["code"]) == (status, code), (method, path[:200], answer[0], issue)
        return issue

    def ids(self, path):
        return [entry["resource"]["id"] for entry in self.ok("GET", path).get("entry", []) if entry["search"]["mode"] == "match"]
