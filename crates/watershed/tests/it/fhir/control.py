"""HealthLake's control plane with boto3.

Usage: control.py ENDPOINT DATA
"""

from aws import client, refused

lake = client("healthlake")
made = lake.create_fhir_datastore(
    DatastoreName="one", DatastoreTypeVersion="R4", Tags=[{"Key": "team", "Value": "a"}], ClientToken="token-1"
)
again = lake.create_fhir_datastore(DatastoreName="one", DatastoreTypeVersion="R4", ClientToken="token-1")
assert again["DatastoreId"] == made["DatastoreId"]
assert made["DatastoreStatus"] == "ACTIVE" and made["DatastoreArn"].endswith(":datastore/fhir/" + made["DatastoreId"])

one = lake.describe_fhir_datastore(DatastoreId=made["DatastoreId"])["DatastoreProperties"]
assert one["DatastoreName"] == "one" and one["DatastoreTypeVersion"] == "R4"
assert one["SseConfiguration"]["KmsEncryptionConfig"]["CmkType"] == "AWS_OWNED_KMS_KEY"
assert one["IdentityProviderConfiguration"]["AuthorizationStrategy"] == "AWS_AUTH"

key = {"KmsEncryptionConfig": {"CmkType": "CUSTOMER_MANAGED_KMS_KEY", "KmsKeyId": "k"}}
two = lake.create_fhir_datastore(DatastoreName="two", DatastoreTypeVersion="R4", SseConfiguration=key)
listed = lake.list_fhir_datastores(MaxResults=1)
assert len(listed["DatastorePropertiesList"]) == 1
rest = lake.list_fhir_datastores(MaxResults=1, NextToken=listed["NextToken"])
assert rest["DatastorePropertiesList"][0]["SseConfiguration"] == key and "NextToken" not in rest
named = lake.list_fhir_datastores(Filter={"DatastoreName": "two"})["DatastorePropertiesList"]
assert [found["DatastoreId"] for found in named] == [two["DatastoreId"]]

lake.tag_resource(ResourceARN=made["DatastoreArn"], Tags=[{"Key": "stage", "Value": "test"}])
lake.untag_resource(ResourceARN=made["DatastoreArn"], TagKeys=["team"])
assert lake.list_tags_for_resource(ResourceARN=made["DatastoreArn"])["Tags"] == [{"Key": "stage", "Value": "test"}]
renamed = lake.update_fhir_datastore(DatastoreId=two["DatastoreId"], DatastoreName="second")["DatastoreProperties"]
assert renamed["DatastoreName"] == "second"

assert lake.delete_fhir_datastore(DatastoreId=two["DatastoreId"])["DatastoreStatus"] == "DELETED"
gone = lake.describe_fhir_datastore(DatastoreId=two["DatastoreId"])["DatastoreProperties"]
assert gone["DatastoreStatus"] == "DELETED", "a deleted datastore still answers"
refused("ResourceNotFoundException", lambda: lake.delete_fhir_datastore(DatastoreId=two["DatastoreId"]))
refused("ResourceNotFoundException", lambda: lake.describe_fhir_datastore(DatastoreId="f" * 32))
refused("ValidationException", lambda: lake.create_fhir_datastore(DatastoreTypeVersion="R5"), "[R4]")
providers = [
    ({"AuthorizationStrategy": "NONE"}, "AWS_AUTH"),
    ({"AuthorizationStrategy": "AWS_AUTH", "Metadata": "[]"}, "JSON object"),
    ({"AuthorizationStrategy": "SMART_ON_FHIR", "Metadata": '{"issuer": "https://a"}'}, "jwks_uri"),
]
for provider, told in providers:
    refused(
        "ValidationException",
        lambda: lake.create_fhir_datastore(DatastoreTypeVersion="R4", IdentityProviderConfiguration=provider),
        told,
    )
