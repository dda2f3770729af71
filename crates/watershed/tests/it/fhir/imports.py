"""Import jobs with boto3: files in, resources and reports out.

Usage: imports.py ENDPOINT DATA
"""

import gzip
import json

from aws import client, refused, until
from rest import Store

store = Store()
lake, s3 = client("healthlake"), client("s3")
s3.create_bucket(Bucket="files")
patients = [{"resourceType": "Patient", "id": f"p{number}", "gender": "female"} for number in range(300)]
patients[7]["gender"] = "unheard of"
s3.put_object(Bucket="files", Key="in/a.ndjson", Body="\n".join(map(json.dumps, patients)))
visits = [{"resourceType": "Basic", "id": f"b{n}", "code": {"text": "t"}, "subject": {"reference": f"Patient/p{n}"}} for n in range(50)]
s3.put_object(Bucket="files", Key="in/b.ndjson.gz", Body=gzip.compress("\n".join(map(json.dumps, visits)).encode()))


def start(**more):
    output = {"S3Configuration": {"S3Uri": "s3://files/out/", "KmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k"}}
    return lake.start_fhir_import_job(
        InputDataConfig={"S3Uri": "s3://files/in/"},
        JobOutputDataConfig=output,
        DatastoreId=store.id,
        DataAccessRoleArn="arn:aws:iam::000000000000:role/r",
        **more,
    )


def ended(job):
    told = lake.describe_fhir_import_job(DatastoreId=store.id, JobId=job)["ImportJobProperties"]
    return told if "EndTime" in told else None


job = start(JobName="first", ValidationLevel="structure-only")
assert job["JobStatus"] == "SUBMITTED"
told = until("the end of the import", lambda: ended(job["JobId"]))
report = told["JobProgressReport"]
assert told["JobStatus"] == "COMPLETED_WITH_ERRORS", told
assert (report["TotalNumberOfResourcesScanned"], report["TotalNumberOfResourcesImported"]) == (350, 349)
folder = f"out/{store.id}-FHIR_IMPORT-{job['JobId']}/"
keys = [found["Key"][len(folder) :] for found in s3.list_objects_v2(Bucket="files", Prefix=folder)["Contents"]]
assert keys == ["FAILURE/a.ndjson", "SUCCESS/a.ndjson", "SUCCESS/b.ndjson", "manifest.json"], keys
line = json.loads(s3.get_object(Bucket="files", Key=folder + "FAILURE/a.ndjson")["Body"].read())
assert line["lineId"] == 8 and line["UpdateResourceResponse"]["statusCode"] == 400
assert line["UpdateResourceResponse"]["jsonBlob"]["issue"][0]["expression"] == ["Patient.gender"]
manifest = json.loads(s3.get_object(Bucket="files", Key=folder + "manifest.json")["Body"].read())
assert manifest["numberOfResourcesWithCustomerError"] == 1

assert store.ok("GET", "/Patient?gender=female&_summary=count")["total"] == 299
assert store.ids("/Basic?subject=Patient/p3") == ["b3"]
listed = lake.list_fhir_import_jobs(DatastoreId=store.id, JobName="first")["ImportJobPropertiesList"]
assert [found["JobId"] for found in listed] == [job["JobId"]]
refused("ResourceNotFoundException", lambda: lake.describe_fhir_import_job(DatastoreId=store.id, JobId="0" * 32))
refused("ValidationException", lambda: start(ValidationLevel="none"), "structure-only")
