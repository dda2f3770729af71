"""Signatures, hosts, presigned uploads and bodies that are not whole, as plain HTTP.

Usage: wire.py ENDPOINT DATA
"""

import http.client
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from client import ENDPOINT, client, refused

ADDRESS = urlsplit(ENDPOINT).netloc
PORT = ADDRESS.rsplit(":", 1)[1]
s3 = client()
s3.create_bucket(Bucket="lake")
s3.put_object(Bucket="lake", Key="k", Body=b"value")


def status(url, host=None, **more):
    request = urllib.request.Request(url, **more)
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


# Virtual-host style, without a signature and with a presigned one.
for host in (f"lake.s3.us-east-1.amazonaws.com", f"lake.localhost:{PORT}"):
    code, text = status(f"{ENDPOINT}/k", host)
    assert code == 403 and b"<Code>AccessDenied</Code>" in text, text
virtual = boto3.client("s3", endpoint_url=f"http://localhost:{PORT}", config=Config(s3={"addressing_style": "virtual"}))
url = urlsplit(virtual.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "k"}))
assert url.netloc.startswith("lake.localhost"), url
assert status(f"{ENDPOINT}{url.path}?{url.query}", url.netloc) == (200, b"value")

# A presigned upload, and one for another method.
url = s3.generate_presigned_url("put_object", Params={"Bucket": "lake", "Key": "presigned"})
assert status(url, method="PUT", data=b"by URL", headers={"Content-Type": ""})[0] == 200
assert s3.get_object(Bucket="lake", Key="presigned")["Body"].read() == b"by URL"
code, text = status(url)
assert code == 403 and b"<Code>SignatureDoesNotMatch</Code><Message>The request signature we" in text, text

# Keys that are not known or not right.
stranger = boto3.client("s3", endpoint_url=ENDPOINT, aws_access_key_id="AKIASTRANGER", aws_secret_access_key="s")
refused("InvalidAccessKeyId", lambda: stranger.list_buckets(), 403)
liar = boto3.client("s3", endpoint_url=ENDPOINT, aws_secret_access_key="wrong",
                    aws_access_key_id=boto3.Session().get_credentials().access_key)
error = refused("SignatureDoesNotMatch", lambda: liar.list_buckets(), 403)
assert error["Error"]["Message"].endswith("Check your key and signing method."), error
error = refused("InvalidBucketName", lambda: s3.get_bucket_versioning(Bucket="xn..y"), 400)
assert error["Error"]["Message"] == "The specified bucket is not valid.", error

# A body that ends early is no object.
url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": "lake", "Key": "half"}))
connection = http.client.HTTPConnection(ADDRESS)
connection.putrequest("PUT", f"{url.path}?{url.query}")
connection.putheader("Content-Length", "1000")
connection.endheaders(b"only the beginning")
connection.close()
refused("404", lambda: s3.head_object(Bucket="lake", Key="half"))

# Refused before a body that was announced: a client that waited leaves it out, so the connection ends.
missing = {"Bucket": "lake", "Key": "k", "UploadId": "00000000-0000-0000-0000-000000000000", "PartNumber": 1}
url = urlsplit(s3.generate_presigned_url("upload_part", Params=missing))
connection = http.client.HTTPConnection(ADDRESS)
connection.putrequest("PUT", f"{url.path}?{url.query}")
connection.putheader("Content-Length", "1")
connection.putheader("Expect", "100-continue")
connection.endheaders()
answer = connection.getresponse()
assert (answer.status, answer.getheader("Connection")) == (404, "close"), (answer.status, answer.headers)
connection.close()

# More than the other services take in one request.
large = b"x" * (20 << 20)
s3.put_object(Bucket="lake", Key="large", Body=large)
assert s3.head_object(Bucket="lake", Key="large")["ContentLength"] == len(large)
