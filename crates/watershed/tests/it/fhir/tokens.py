"""SMART on FHIR: tokens of an issuer on this machine, with its keys, scopes and patients.

Usage: tokens.py ENDPOINT DATA
"""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from aws import client, until
from rest import Store

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = {
    "rsa": (RSA, "RS256"),
    "rsa3": (RSA, "RS384"),
    "ec": (ec.generate_private_key(ec.SECP256R1()), "ES256"),
    "ec3": (ec.generate_private_key(ec.SECP384R1()), "ES384"),
}
published = ["rsa", "rsa3", "ec", "ec3"]
asked = []


def jwk(name):
    key, algorithm = KEYS[name]
    maker = jwt.algorithms.RSAAlgorithm if algorithm.startswith("RS") else jwt.algorithms.ECAlgorithm
    return {**maker.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig", "alg": algorithm}


class Issuer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        body = json.dumps({"keys": [jwk(name) for name in published]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


issuer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
threading.Thread(target=issuer.serve_forever, daemon=True).start()
ISSUER = f"http://127.0.0.1:{issuer.server_port}"
METADATA = {
    "issuer": ISSUER,
    "jwks_uri": ISSUER + "/keys",
    "authorization_endpoint": ISSUER + "/authorize",
    "token_endpoint": ISSUER + "/token",
    "capabilities": ["launch-standalone", "permission-v2"],
}


def provider(strategy):
    return {"AuthorizationStrategy": strategy, "FineGrainedAuthorizationEnabled": True, "Metadata": json.dumps(METADATA)}


store = Store(IdentityProviderConfiguration=provider("SMART_ON_FHIR"))
told = client("healthlake").describe_fhir_datastore(DatastoreId=store.id)["DatastoreProperties"]
assert told["IdentityProviderConfiguration"]["AuthorizationStrategy"] == "SMART_ON_FHIR"

with urllib.request.urlopen(store.base + "/.well-known/smart-configuration") as answer:
    assert answer.headers["Content-Type"] == "application/json" and json.load(answer) == METADATA
with urllib.request.urlopen(store.base + "/metadata") as answer:
    security = json.load(answer)["rest"][0]["security"]
assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
assert {uri["valueUri"] for uri in security["extension"][0]["extension"]} >= {ISSUER + "/token"}


def token(scope, name="rsa", headers=None, **claims):
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": store.base + "/", "sub": "u1", "client_id": "app", "exp": now + 300, "nbf": now, "scope": scope, **claims}
    key, algorithm = KEYS[name]
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm, headers=headers or {"kid": name})


class With:
    """The store with a token in place of a signature."""

    def __init__(self, text, store=store):
        self.text, self.store = text, store

    def call(self, method, path, body=None, headers=None):
        return self.store.call(method, path, body, {"Authorization": f"Bearer {self.text}", **(headers or {})}, sign=False)

    def status(self, method, path, body=None, headers=None):
        return self.call(method, path, body, headers)[0]

    def found(self, path):
        status, _, answer = self.call("GET", path)
        assert status == 200, (path, status, answer)
        return sorted(f'{entry["resource"]["resourceType"]}/{entry["resource"]["id"]}' for entry in answer.get("entry", []))


def observation(name, patient, category):
    coding = [{"system": "http://c", "code": category}]
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": "x"}, "subject": subject, "category": [{"coding": coding}]}


# Signed requests go on beside tokens.
for patient in ["p", "q"]:
    store.ok("PUT", f"/Patient/{patient}", {"resourceType": "Patient", "id": patient, "name": [{"family": patient}]}, status=201)
    for category in ["lab", "vitals"]:
        name = f"{category}-{patient}"
        store.ok("PUT", f"/Observation/{name}", observation(name, patient, category), status=201)

# Who has neither, and tokens that are not taken.
status, headers, answer = store.call("GET", "/Patient/p", sign=False)
assert (status, headers["www-authenticate"], answer["resourceType"]) == (401, "Bearer", "OperationOutcome")
now = int(time.time())
good = token("system/*.cruds")
head, claims, signature = good.split(".")


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_secret(secret):
    text = part({"alg": "HS256", "kid": "rsa"}) + "." + claims
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return text + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
refused = {
    "no JWT": "x.y",
    "none": part({"alg": "none"}) + "." + claims + ".",
    "a secret that is the public key": with_secret(json.dumps(jwk("rsa")).encode()),
    "claims changed": head + "." + part({"iss": ISSUER, "aud": store.base, "exp": now + 300, "scope": "system/*.cruds"}) + "." + signature,
    "a stranger's key": jwt.encode({"iss": ISSUER, "aud": store.base, "exp": now + 300}, stranger, "RS256", {"kid": "rsa"}),
    "an unknown key": token("system/*.cruds", headers={"kid": "nobody"}),
    "an algorithm that is not the key's": token("system/*.cruds", "rsa3", {"kid": "rsa"}),
    "expired": token("system/*.cruds", exp=now - 120),
    "without end": token("system/*.cruds", exp=None),
    "not yet": token("system/*.cruds", nbf=now + 120),
    "another issuer": token("system/*.cruds", iss="https://other.example.org"),
    "another datastore": token("system/*.cruds", aud=store.base.replace(store.id, "0" * 32)),
    "no audience": token("system/*.cruds", aud=None),
    "a longer path": token("system/*.cruds", aud=store.base + "/Patient"),
}
for why, text in refused.items():
    status, headers, answer = With(text).call("GET", "/Patient/p")
    assert status == 401 and 'error="invalid_token"' in headers["www-authenticate"], (why, status, answer)
    assert answer["issue"][0]["code"] == "security", why
assert len(asked) <= 3, "an issuer is not asked for each unknown key"

# All four algorithms; a little of clocks that differ; several audiences; backend services.
for name in KEYS:
    assert With(token("system/*.read", name)).found("/Patient") == ["Patient/p", "Patient/q"], name
assert With(token("system/*.rs", exp=now - 20, nbf=now + 40)).status("GET", "/Patient/p") == 200
assert With(token("system/*.rs", aud=["x", store.base])).status("GET", "/Patient/p") == 200
assert With(token(None, scp=["system/Patient.rs"])).status("GET", "/Patient/p") == 200

# Apps in a browser, of another origin.
asks = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "PUT"}
status, headers, _ = store.call("OPTIONS", "/Patient/p", headers=asks, sign=False)
assert status == 204 and headers["access-control-allow-origin"] == "*", (status, headers)
assert "PUT" in headers["access-control-allow-methods"] and "authorization" in headers["access-control-allow-headers"]
for sender in [With(token("system/*.rs")), With("x.y.z")]:
    status, headers, _ = sender.call("GET", "/Patient/p", headers={"Origin": "https://app.example.org"})
    assert headers["access-control-allow-origin"] == "*" and "etag" in headers["access-control-expose-headers"], status
assert "access-control-allow-origin" not in store.call("GET", "/Patient/p")[1]

# A patient's token.
me = With(token("launch/patient patient/*.read", patient="p"))
mine = ["Observation/lab-p", "Observation/vitals-p", "Patient/p"]
assert me.found("/Observation") == mine[:2]
assert me.found("/Patient?_revinclude=*") == mine
assert me.found("/?_type=Patient,Observation") == mine
assert me.found("/Observation?subject:Patient.name=q") == []
assert me.found("/Patient?_has:Observation:subject:category=lab") == ["Patient/p"]
assert me.found("/_history") == mine
assert me.found("/Patient/q/Observation") == []
for path in ["/Patient/q", "/Observation/lab-q", "/Observation/lab-q/_history", "/Observation/lab-q/_history/1", "/Observation/none"]:
    assert me.status("GET", path) == 404, path
assert me.status("PUT", "/Observation/lab-p", observation("lab-p", "p", "lab")) == 403
assert me.status("DELETE", "/Observation/lab-p") == 403
assert me.status("GET", "/Practitioner") == 403, "nothing of a practitioner is in a patient's compartment"
batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": url}} for url in ["Patient/p", "Patient/q", "Observation?subject=Patient/q"]]}
_, _, answer = me.call("POST", "", batch)
assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["200", "404", "200"], answer
assert answer["entry"][2]["resource"]["total"] == 0

# Scopes with a filter, without a patient, and for writing.
labs = With(token("patient/Observation.rs?category=http://c|lab", patient="p"))
assert labs.found("/Observation") == ["Observation/lab-p"]
assert labs.status("GET", "/Observation/vitals-p") == 404 and labs.status("GET", "/Patient/p") == 403
status, _, answer = With(token("patient/*.read")).call("GET", "/Observation")
assert status == 403 and answer["issue"][0]["code"] == "forbidden", answer
writer = With(token("patient/Observation.cruds", patient="p"))
assert writer.status("PUT", "/Observation/new", observation("new", "p", "lab")) == 201
assert writer.status("PUT", "/Observation/new", observation("new", "q", "lab")) == 403
assert writer.status("PUT", "/Observation/lab-q", observation("lab-q", "p", "lab")) == 403
assert writer.status("DELETE", "/Observation/lab-q") == 404 and writer.status("DELETE", "/Observation/new") == 204
assert store.ok("GET", "/Observation/lab-q")["subject"]["reference"] == "Patient/q"

# A datastore of the first version takes no newer scopes; one with signatures only takes no tokens.
first = Store(IdentityProviderConfiguration=provider("SMART_ON_FHIR_V1"))
old = lambda scope: With(token(scope, aud=first.base), first)
assert old("user/Patient.read").found("/Patient") == []
assert old("user/Patient.rs").status("GET", "/Patient") == 403
plain = Store()
assert With(token("system/*.cruds", aud=plain.base), plain).status("GET", "/Patient") == 401
assert plain.call("GET", "/.well-known/smart-configuration", sign=False)[0] == 404
assert plain.call("GET", "/metadata", sign=False)[0] == 403

# Tokens that are no JWT are told by a function; what looks like one is not.
answer = '''if .bearerToken == "opaque" then {authPayload: {isAuthorized: "true", uid: "u9", scope: "patient/*.read",
    patient: "p", exp: 4e9, nbf: 0, aud: .datastoreEndpoint}, iamRoleARN: .operationName}
elif .bearerToken == "late" then {authPayload: {isAuthorized: "true", scope: "user/*.*", exp: 1, aud: .datastoreEndpoint}}
elif .bearerToken == "elsewhere" then {authPayload: {isAuthorized: true, scope: "user/*.*", exp: 4e9, aud: "x"}}
elif .bearerToken == "silent" then {} else error("no") end'''
made = client("lambda").create_function(
    FunctionName="idp", Runtime="watershed.jq", Handler=" ".join(answer.split()), Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": b""}
)
update = client("healthlake").update_fhir_datastore
update(DatastoreId=store.id, IdentityProviderConfiguration={**provider("SMART_ON_FHIR"), "IdpLambdaArn": made["FunctionArn"]})
assert With("opaque").found("/Observation") == mine[:2]
assert With("opaque").status("GET", "/Patient/q") == 404
for text in ["late", "elsewhere", "silent", "other", refused["none"], refused["claims changed"]]:
    assert With(text).status("GET", "/Patient/p") == 401, text
update(DatastoreId=first.id, IdentityProviderConfiguration={**provider("SMART_ON_FHIR"), "Metadata": "{}", "IdpLambdaArn": made["FunctionArn"]})
assert With("opaque", first).found("/Observation") == [] and With(good, first).status("GET", "/Patient") == 401

# A new key is fetched when a token names it.
KEYS["next"] = (ec.generate_private_key(ec.SECP256R1()), "ES256")
published.append("next")
until("the new key", lambda: With(token("system/*.read", "next")).status("GET", "/Patient") == 200)
