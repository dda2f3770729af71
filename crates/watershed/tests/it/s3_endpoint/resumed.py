"""After the kill: nothing half is there, and the upload goes on.

Usage: resumed.py ENDPOINT DATA
"""

from client import MIB, client, refused

s3 = client()
refused("404", lambda: s3.head_object(Bucket="lake", Key="half"))
refused("404", lambda: s3.head_object(Bucket="lake", Key="whole"))
upload = s3.list_multipart_uploads(Bucket="lake")["Uploads"][0]["UploadId"]
place = {"Bucket": "lake", "Key": "whole", "UploadId": upload}
parts = s3.list_parts(**place)["Parts"]
assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 5 * MIB)], parts
second = s3.upload_part(**place, PartNumber=2, Body=b"2")
chosen = [{"PartNumber": 1, "ETag": parts[0]["ETag"]}, {"PartNumber": 2, "ETag": second["ETag"]}]
s3.complete_multipart_upload(**place, MultipartUpload={"Parts": chosen})
got = s3.get_object(Bucket="lake", Key="whole")
assert got["Body"].read() == b"1" * (5 * MIB) + b"2" and got["ContentType"] == "x/y", got
