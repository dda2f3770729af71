"""Sends half of a part and half of an object, says so, and waits for the end of the server.

Usage: half.py ENDPOINT READY
"""

import pathlib
import socket
import sys
from urllib.parse import urlsplit

from client import ENDPOINT, client

s3 = client()
upload = s3.list_multipart_uploads(Bucket="lake")["Uploads"][0]["UploadId"]
part = {"Bucket": "lake", "Key": "whole", "UploadId": upload, "PartNumber": 2}
urls = [
    s3.generate_presigned_url("upload_part", Params=part),
    s3.generate_presigned_url("put_object", Params={"Bucket": "lake", "Key": "half"}),
]
sockets = []
for url in map(urlsplit, urls):
    sending = socket.create_connection((url.hostname, url.port))
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 9000000\r\n\r\n"
    sending.sendall(head.encode() + b"x" * 4_000_000)
    sockets.append(sending)
pathlib.Path(sys.argv[2]).touch()
for sending in sockets:
    try:
        while sending.recv(1000):
            pass
    except ConnectionError:
        pass
