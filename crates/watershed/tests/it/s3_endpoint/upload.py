"""Begins an upload and leaves it.

Usage: upload.py ENDPOINT DATA
"""

from client import MIB, client

s3 = client()
s3.create_bucket(Bucket="lake")
upload = s3.create_multipart_upload(Bucket="lake", Key="whole", ContentType="x/y")["UploadId"]
s3.upload_part(Bucket="lake", Key="whole", UploadId=upload, PartNumber=1, Body=b"1" * (5 * MIB))
