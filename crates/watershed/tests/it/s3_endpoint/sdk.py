"""Buckets, objects, conditions, ranges, multipart, listings, copies, checksums and settings.

Usage: sdk.py ENDPOINT DATA
"""

import base64
import hashlib
import io
import os
import pathlib
import sys
import zlib

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from client import MIB, client, refused

s3 = client()
LAKE = pathlib.Path(sys.argv[2]) / "lake"

# Buckets.
s3.create_bucket(Bucket="lake")
s3.create_bucket(Bucket="lake")
s3.create_bucket(Bucket="other")
refused("InvalidBucketName", lambda: s3.create_bucket(Bucket="xn..y"))
refused(
    "IllegalLocationConstraintException",
    lambda: s3.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"}),
)
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["lake", "other"]
assert s3.head_bucket(Bucket="lake")["BucketRegion"] == "us-east-1"
refused("404", lambda: s3.head_bucket(Bucket="none"))
assert s3.get_bucket_location(Bucket="lake")["LocationConstraint"] is None

# An object, with everything a writer may say about it.
body = b"a patient's record, not a secret one"
put = s3.put_object(
    Bucket="lake", Key="a/b c+ü.txt", Body=body, ContentType="text/plain", Metadata={"who": "nurse"},
    CacheControl="no-cache", ContentDisposition="inline", Tagging="k=v&l=w%20x",
)
etag = '"' + hashlib.md5(body).hexdigest() + '"'
assert put["ETag"] == etag, put
crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
assert put["ChecksumCRC32"] == crc, put
got = s3.get_object(Bucket="lake", Key="a/b c+ü.txt", ChecksumMode="ENABLED")
assert got["Body"].read() == body and got["ETag"] == etag and got["ChecksumCRC32"] == crc
assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/plain", {"who": "nurse"}, 2), got
assert (got["CacheControl"], got["ContentDisposition"]) == ("no-cache", "inline")
assert (LAKE / "lake" / "a" / "b c+ü.txt").read_bytes() == body
tags = s3.get_object_tagging(Bucket="lake", Key="a/b c+ü.txt")["TagSet"]
assert tags == [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w x"}], tags
s3.delete_object_tagging(Bucket="lake", Key="a/b c+ü.txt")
assert s3.get_object_tagging(Bucket="lake", Key="a/b c+ü.txt")["TagSet"] == []
# Those that boto3 computes without further packages.
for algorithm in ("CRC32", "SHA1", "SHA256"):
    s3.put_object(Bucket="lake", Key="sums", Body=body, ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket="lake", Key="sums", ChecksumMode="ENABLED")
    assert f"Checksum{algorithm}" in head and head["ChecksumType"] == "FULL_OBJECT", head
wrong = base64.b64encode(b"0000").decode()
refused("BadDigest", lambda: s3.put_object(Bucket="lake", Key="wrong", Body=b"x", ChecksumCRC32=wrong))
refused("404", lambda: s3.head_object(Bucket="lake", Key="wrong"))
attributes = s3.get_object_attributes(Bucket="lake", Key="a/b c+ü.txt", ObjectAttributes=["ETag", "ObjectSize", "Checksum"])
assert attributes["ETag"] == etag.strip('"'), "here alone it is without quotes"
assert attributes["ObjectSize"] == len(body) and attributes["Checksum"]["ChecksumCRC32"] == crc, attributes
s3.put_object(Bucket="lake", Key="empty", Body=b"")
assert s3.get_object(Bucket="lake", Key="empty")["Body"].read() == b""

# Ranges and conditions.
key = {"Bucket": "lake", "Key": "a/b c+ü.txt"}
part = s3.get_object(**key, Range="bytes=2-8")
assert part["Body"].read() == body[2:9] and part["ContentRange"] == f"bytes 2-8/{len(body)}", part
assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
assert s3.get_object(**key, Range="bytes=-3")["Body"].read() == body[-3:]
refused("InvalidRange", lambda: s3.get_object(**key, Range="bytes=1000-"), 416)
refused("304", lambda: s3.get_object(**key, IfNoneMatch=etag), 304)
refused("304", lambda: s3.get_object(**key, IfModifiedSince=got["LastModified"]), 304)
refused("PreconditionFailed", lambda: s3.get_object(**key, IfMatch='"no"'), 412)
refused("PreconditionFailed", lambda: s3.put_object(**key, Body=b"y", IfNoneMatch="*"), 412)
refused("PreconditionFailed", lambda: s3.put_object(**key, Body=b"y", IfMatch='"no"'), 412)
refused("NoSuchKey", lambda: s3.get_object(Bucket="lake", Key="none"), 404)
refused("NoSuchBucket", lambda: s3.get_object(Bucket="none", Key="none"), 404)
refused("NoSuchBucket", lambda: s3.put_object(Bucket="none", Key="none", Body=b"x"), 404)
assert s3.get_object(**key)["Body"].read() == body

# What an error tells beside its words, and what a cache is told of what it has.
for call, told in [
    (lambda: s3.get_object(Bucket="lake", Key="a<&>none"), {"Code": "NoSuchKey", "Key": "a<&>none"}),
    (lambda: s3.get_object(Bucket="none", Key="k"), {"Code": "NoSuchBucket", "BucketName": "none"}),
    (lambda: s3.get_object(**key, IfMatch='"no"'), {"Code": "PreconditionFailed", "Condition": "If-Match"}),
    (lambda: s3.get_object(**key, IfUnmodifiedSince="2001-01-01"), {"Code": "PreconditionFailed", "Condition": "If-Unmodified-Since"}),
    (lambda: s3.put_object(**key, Body=b"y", IfNoneMatch="*"), {"Code": "PreconditionFailed", "Condition": "If-None-Match"}),
    (lambda: s3.copy_object(Bucket="other", Key="c", CopySource=key, CopySourceIfMatch='"no"'),
     {"Code": "PreconditionFailed", "Condition": "x-amz-copy-source-If-Match"}),
    (lambda: s3.get_object(**key, Range="bytes=1000-"),
     {"Code": "InvalidRange", "ActualObjectSize": str(len(body)), "RangeRequested": "bytes=1000-"}),
    (lambda: s3.get_object(**key, VersionId="v"), {"Code": "InvalidArgument", "ArgumentName": "versionId", "ArgumentValue": "v"}),
    (lambda: s3.list_objects_v2(Bucket="lake", ContinuationToken=""),
     {"Code": "InvalidArgument", "ArgumentName": "continuation-token", "ArgumentValue": None}),
    (lambda: s3.get_bucket_cors(Bucket="lake"), {"Code": "NoSuchCORSConfiguration", "BucketName": "lake"}),
    (lambda: s3.delete_bucket(Bucket="lake"), {"Code": "BucketNotEmpty", "BucketName": "lake"}),
    (lambda: s3.put_object(**key, Body=b"", Tagging="&".join(f"t{n}=" for n in range(11))), {"Code": "BadRequest"}),
    (lambda: s3.upload_part(**key, UploadId="no", PartNumber=10_001, Body=b""),
     {"Code": "InvalidArgument", "ArgumentName": "partNumber", "ArgumentValue": "10001"}),
    (lambda: s3.upload_part(**key, UploadId="no", PartNumber=1, Body=b""), {"Code": "NoSuchUpload", "UploadId": "no"}),
    (lambda: s3.put_object(**key, Body=b"", StorageClass="NICE"), {"Code": "InvalidStorageClass", "StorageClassRequested": "NICE"}),
    (lambda: s3.copy_object(Bucket="other", Key="c", CopySource=key, MetadataDirective="NICE"),
     {"Code": "InvalidArgument", "ArgumentName": "x-amz-metadata-directive", "ArgumentValue": "NICE"}),
    (lambda: s3.put_object(**key, Body=b"", Tagging="aws:x=y"), {"Code": "InvalidTag", "TagKey": "aws:x"}),
]:
    try:
        call()
    except ClientError as error:
        found = {name: value for name, value in error.response["Error"].items() if name != "Message"}
        assert found == told, (told, found)
    else:
        raise AssertionError(f"not refused: {told}")
for given, length in (({"PartNumber": 1}, len(body)), ({"Range": "bytes=2-8"}, 7)):
    head = s3.head_object(**key, **given)
    assert (head["ResponseMetadata"]["HTTPStatusCode"], head["ContentLength"]) == (206, length), head
unchanged = refused("304", lambda: s3.head_object(**key, IfNoneMatch=etag), 304)["ResponseMetadata"]["HTTPHeaders"]
assert (unchanged["etag"], unchanged["cache-control"]) == (etag, "no-cache") and "last-modified" in unchanged, unchanged

# What something else wrote has no row, and reads all the same; a row that fits no more is nothing.
(LAKE / "lake" / "a" / "foreign").write_bytes(b"from elsewhere")
foreign = s3.get_object(Bucket="lake", Key="a/foreign")
assert foreign["Body"].read() == b"from elsewhere" and foreign["ContentType"] == "binary/octet-stream"
s3.put_object(Bucket="lake", Key="a/foreign", Body=b"ours", ContentType="text/css")
(LAKE / "lake" / "a" / "foreign").write_bytes(b"theirs again")
changed = s3.head_object(Bucket="lake", Key="a/foreign")
assert changed["ContentType"] == "binary/octet-stream" and changed["ContentLength"] == 12, changed

# Copies.
copied = s3.copy_object(Bucket="other", Key="copy", CopySource=key)
assert copied["CopyObjectResult"]["ETag"] == etag
assert s3.head_object(Bucket="other", Key="copy")["Metadata"] == {"who": "nurse"}
s3.copy_object(Bucket="other", Key="copy", CopySource="other/copy", MetadataDirective="REPLACE", Metadata={"n": "1"})
assert s3.head_object(Bucket="other", Key="copy")["Metadata"] == {"n": "1"}
refused("InvalidRequest", lambda: s3.copy_object(Bucket="other", Key="copy", CopySource="other/copy"))
# Class, redirect and encryption are of one object: a copy has what it is given, which is enough to copy an object to itself.
kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k", "BucketKeyEnabled": True}
given = {"StorageClass": "GLACIER_IR", "WebsiteRedirectLocation": "/there", **kms}
put = s3.put_object(Bucket="other", Key="kept", Body=body, ChecksumAlgorithm="SHA256", **given)
assert {name: put[name] for name in kms} == kms, put
told = lambda found: {name: found[name] for name in given if name in found}
assert told(s3.head_object(Bucket="other", Key="kept")) == told(s3.get_object(Bucket="other", Key="kept")) == given
copied = s3.copy_object(Bucket="other", Key="bare", CopySource="other/kept")
assert copied["CopyObjectResult"]["ChecksumSHA256"] == put["ChecksumSHA256"], copied
assert told(s3.head_object(Bucket="other", Key="bare")) == {}
copied = s3.copy_object(Bucket="other", Key="bare", CopySource="other/bare", **given)
assert told(copied) == kms and told(s3.head_object(Bucket="other", Key="bare")) == given
assert s3.get_object_attributes(Bucket="other", Key="bare", ObjectAttributes=["StorageClass"])["StorageClass"] == "GLACIER_IR"
assert s3.get_object_attributes(Bucket="other", Key="copy", ObjectAttributes=["StorageClass"])["StorageClass"] == "STANDARD"
classes = {found["Key"]: found["StorageClass"] for found in s3.list_objects_v2(Bucket="other")["Contents"]}
assert classes == {"bare": "GLACIER_IR", "copy": "STANDARD", "kept": "GLACIER_IR"}, classes
for name in ("kept", "bare"):
    s3.delete_object(Bucket="other", Key=name)
refused("NoSuchKey", lambda: s3.copy_object(Bucket="other", Key="x", CopySource="other/none"))

# Multipart, by the transfer manager and by hand.
whole = os.urandom(17 * MIB)
config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
s3.upload_fileobj(io.BytesIO(whole), "lake", "big", ExtraArgs={"ContentType": "x/y"}, Config=config)
head = s3.head_object(Bucket="lake", Key="big", ChecksumMode="ENABLED")
digests = [hashlib.md5(whole[at:at + 8 * MIB]).digest() for at in range(0, len(whole), 8 * MIB)]
assert head["ETag"] == f'"{hashlib.md5(b"".join(digests)).hexdigest()}-3"', head
assert head["ContentType"] == "x/y" and head["ContentLength"] == len(whole), head
down = io.BytesIO()
s3.download_fileobj("lake", "big", down, Config=config)
assert down.getvalue() == whole
second = s3.get_object(Bucket="lake", Key="big", PartNumber=2)
assert second["PartsCount"] == 3 and second["Body"].read() == whole[8 * MIB:16 * MIB]
begun = s3.create_multipart_upload(Bucket="lake", Key="hand", ChecksumAlgorithm="SHA256", **given)
upload = begun["UploadId"]
assert begun["ChecksumAlgorithm"] == "SHA256" and told(begun) == kms, begun
place = {"Bucket": "lake", "Key": "hand", "UploadId": upload}
one = s3.upload_part_copy(**place, PartNumber=1, CopySource="lake/big", CopySourceRange=f"bytes=0-{5 * MIB - 1}")
s3.upload_part(**place, PartNumber=2, Body=b"replaced")
two = s3.upload_part(**place, PartNumber=2, Body=b"the end")
listed = s3.list_parts(**place)
assert [part["Size"] for part in listed["Parts"]] == [5 * MIB, 7] and listed["StorageClass"] == "GLACIER_IR", listed
assert (listed["NextPartNumberMarker"], listed["IsTruncated"]) == (2, False), listed
found, = s3.list_multipart_uploads(Bucket="lake")["Uploads"]
assert (found["Key"], found["StorageClass"], found["ChecksumAlgorithm"]) == ("hand", "GLACIER_IR", "SHA256"), found
refused("InvalidArgument", lambda: s3.list_parts(**place, MaxParts=-1))
refused("InvalidArgument", lambda: s3.upload_part_copy(**place, PartNumber=3, CopySource="lake/empty", CopySourceRange="0-3"))
assert "hand" not in [found["Key"] for found in s3.list_objects_v2(Bucket="lake")["Contents"]]
parts = [
    {"PartNumber": 1, "ETag": one["CopyPartResult"]["ETag"], "ChecksumSHA256": one["CopyPartResult"]["ChecksumSHA256"]},
    {"PartNumber": 2, "ETag": two["ETag"], "ChecksumSHA256": two["ChecksumSHA256"]},
]
assert told(two) == kms, two
refused("InvalidPartOrder", lambda: s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts[::-1]}))
bad = [{"PartNumber": 1, "ETag": '"no"'}]
refused("InvalidPart", lambda: s3.complete_multipart_upload(**place, MultipartUpload={"Parts": bad}))
done = s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
assert told(done) == kms and done["ChecksumSHA256"].endswith("-2"), done
assert told(s3.head_object(Bucket="lake", Key="hand")) == given
checksum = s3.get_object_attributes(Bucket="lake", Key="hand", ObjectAttributes=["Checksum"])["Checksum"]
assert checksum == {"ChecksumSHA256": done["ChecksumSHA256"].removesuffix("-2"), "ChecksumType": "COMPOSITE"}, checksum
assert s3.get_object(Bucket="lake", Key="hand")["Body"].read() == whole[:5 * MIB] + b"the end"
refused("NoSuchUpload", lambda: s3.upload_part(**place, PartNumber=1, Body=b"x"), 404)
upload = s3.create_multipart_upload(Bucket="lake", Key="hand")["UploadId"]
place["UploadId"] = upload
small = [
    {"PartNumber": n, "ETag": s3.upload_part(**place, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)
]
refused("EntityTooSmall", lambda: s3.complete_multipart_upload(**place, MultipartUpload={"Parts": small}))
s3.abort_multipart_upload(**place)
assert not s3.list_multipart_uploads(Bucket="lake").get("Uploads")
assert not [path for path in (LAKE / ".unfinished").rglob("*") if path.is_file()]

# Listings.
for n in range(25):
    s3.put_object(Bucket="other", Key=f"d{n % 3}/k{n:02}", Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="other", PaginationConfig={"PageSize": 7})
keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
assert keys == sorted(["copy"] + [f"d{n % 3}/k{n:02}" for n in range(25)]), keys
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="other", Delimiter="/", PaginationConfig={"PageSize": 1})
level = [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", [])]
assert level == ["d0/", "d1/", "d2/"], level
page = s3.list_objects_v2(Bucket="other", Prefix="d1/k0", StartAfter="d1/k01")
assert [found["Key"] for found in page["Contents"]] == ["d1/k04", "d1/k07"], page
pages = s3.get_paginator("list_objects").paginate(Bucket="other", Prefix="d2/", PaginationConfig={"PageSize": 3})
assert len([found for page in pages for found in page["Contents"]]) == 8
assert s3.list_objects_v2(Bucket="other", MaxKeys=0)["KeyCount"] == 0
refused("InvalidArgument", lambda: s3.list_objects_v2(Bucket="other", ContinuationToken="zz"))

# Settings that tools ask for.
assert "Status" not in s3.get_bucket_versioning(Bucket="lake")
rules = s3.get_bucket_encryption(Bucket="lake")["ServerSideEncryptionConfiguration"]["Rules"]
assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
refused("NoSuchTagSet", lambda: s3.get_bucket_tagging(Bucket="lake"), 404)
s3.put_bucket_tagging(Bucket="lake", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
assert s3.get_bucket_tagging(Bucket="lake")["TagSet"] == [{"Key": "a", "Value": "b"}]
s3.put_bucket_tagging(Bucket="lake", Tagging={"TagSet": []})
refused("NoSuchTagSet", lambda: s3.get_bucket_tagging(Bucket="lake"), 404)
s3.create_bucket(Bucket="owned", ObjectOwnership="ObjectWriter")
owned = lambda: s3.get_bucket_ownership_controls(Bucket="owned")["OwnershipControls"]["Rules"]
assert owned() == [{"ObjectOwnership": "ObjectWriter"}]
s3.delete_bucket_ownership_controls(Bucket="owned")
refused("OwnershipControlsNotFoundError", owned, 404)
s3.delete_bucket(Bucket="owned")
refused("NoSuchBucketPolicy", lambda: s3.get_bucket_policy(Bucket="lake"), 404)
s3.put_bucket_policy(Bucket="lake", Policy='{"Version":"2012-10-17","Statement":[]}')
assert s3.get_bucket_policy(Bucket="lake")["Policy"] == '{"Version":"2012-10-17","Statement":[]}'
refused("NoSuchPublicAccessBlockConfiguration", lambda: s3.get_public_access_block(Bucket="lake"), 404)
s3.put_public_access_block(Bucket="lake", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
assert s3.get_public_access_block(Bucket="lake")["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True
refused("NoSuchLifecycleConfiguration", lambda: s3.get_bucket_lifecycle_configuration(Bucket="lake"), 404)
refused("NoSuchCORSConfiguration", lambda: s3.get_bucket_cors(Bucket="lake"), 404)
refused("NoSuchWebsiteConfiguration", lambda: s3.get_bucket_website(Bucket="lake"), 404)
refused("ReplicationConfigurationNotFoundError", lambda: s3.get_bucket_replication(Bucket="lake"), 404)
assert s3.get_bucket_acl(Bucket="lake")["Grants"][0]["Permission"] == "FULL_CONTROL"
versioned = {"Status": "Enabled"}
refused("NotImplemented", lambda: s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration=versioned), 501)

# Deleted.
refused("BucketNotEmpty", lambda: s3.delete_bucket(Bucket="other"), 409)
s3.delete_object(Bucket="other", Key="copy")
s3.delete_object(Bucket="other", Key="copy")
answer = s3.delete_objects(Bucket="other", Delete={"Objects": [{"Key": f"d{n % 3}/k{n:02}"} for n in range(25)]})
assert len(answer["Deleted"]) == 25 and "Errors" not in answer, answer
s3.delete_bucket(Bucket="other")
refused("NoSuchBucket", lambda: s3.delete_bucket(Bucket="other"), 404)
