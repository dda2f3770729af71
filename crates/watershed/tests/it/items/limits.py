"""Return values, capacity, batches, sizes, numbers: what the single writes and reads answer and refuse.

Usage: limits.py ENDPOINT
"""

from tables import client, create, item, plain, refused, wire

create("Things", id="S")
create("Ranges", id="B", sort="S")
KEY = item(id="1")


def put(**given):
    return client.put_item(TableName="Things", **given)


def update(**given):
    return client.update_item(TableName="Things", Key=KEY, **given)


# ReturnValues, of an item that is not there and of one that is.
for returns, before, after in [
    ("NONE", None, None),
    ("ALL_OLD", None, {"id": "1", "a": 1, "b": 1}),
    ("UPDATED_OLD", None, {"a": 1}),
    ("ALL_NEW", {"id": "1", "a": 2}, {"id": "1", "a": 2, "b": 1}),
    ("UPDATED_NEW", {"a": 2}, {"a": 2}),
]:
    for existing, expected in ((None, before), (item(id="1", a=1, b=1), after)):
        client.delete_item(TableName="Things", Key=KEY)
        if existing:
            put(Item=existing)
        answer = update(UpdateExpression="SET a = :a", ExpressionAttributeValues={":a": wire(2)}, ReturnValues=returns)
        found = plain(answer["Attributes"]) if "Attributes" in answer else None
        assert found == expected, (returns, existing, found)
assert "Attributes" not in update(UpdateExpression="REMOVE nothing", ReturnValues="UPDATED_NEW")
assert plain(put(Item=item(id="1", a=3), ReturnValues="ALL_OLD")["Attributes"])["a"] == 2
assert plain(client.delete_item(TableName="Things", Key=KEY, ReturnValues="ALL_OLD")["Attributes"])["a"] == 3
assert "Attributes" not in client.delete_item(TableName="Things", Key=KEY, ReturnValues="ALL_OLD")
assert "Item" not in client.get_item(TableName="Things", Key=KEY)
assert plain(update(ReturnValues="ALL_NEW")["Attributes"]) == {"id": "1"}, "an update without an expression makes the item"
for returns in ("ALL_NEW", "UPDATED_OLD"):
    refused("ReturnValues can only be ALL_OLD or NONE", lambda: put(Item=KEY, ReturnValues=returns))
refused("Value 'NONSENSE' at 'returnValues'", lambda: update(ReturnValues="NONSENSE"))

# The item of a condition that failed, when it is asked for.
put(Item=item(id="1", a=7))
never = {"ConditionExpression": "attribute_not_exists(id)"}
for given, expected in (({}, None), ({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}, 7)):
    for call in (
        lambda: put(Item=KEY, **never, **given),
        lambda: update(**never, **given),
        lambda: client.delete_item(TableName="Things", Key=KEY, **never, **given),
    ):
        error = refused("The conditional request failed", call, "ConditionalCheckFailedException")
        assert (plain(error["Item"])["a"] if "Item" in error else None) == expected, error

# Capacity: only when asked; writes by the larger image, reads by half when not consistent.
large = item(id="large", text="x" * 9_000)
assert "ConsumedCapacity" not in put(Item=large)
units = lambda answer: answer["ConsumedCapacity"]["CapacityUnits"]
assert put(Item=large, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"] == {"TableName": "Things", "CapacityUnits": 9.0}
assert put(Item=large, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]["Table"] == {"CapacityUnits": 9.0}
assert units(put(Item=item(id="large"), ReturnConsumedCapacity="TOTAL")) == 9.0
put(Item=large)
get = lambda **given: client.get_item(TableName="Things", Key=item(id="large"), ReturnConsumedCapacity="TOTAL", **given)
assert (units(get()), units(get(ConsistentRead=True))) == (1.5, 3.0)
assert units(client.get_item(TableName="Things", Key=item(id="none"), ReturnConsumedCapacity="TOTAL")) == 0.5
batch = client.batch_get_item(RequestItems={"Things": {"Keys": [KEY, item(id="large")]}}, ReturnConsumedCapacity="TOTAL")
assert batch["ConsumedCapacity"] == [{"TableName": "Things", "CapacityUnits": 2.0}]
refused("returnConsumedCapacity", lambda: put(Item=KEY, ReturnConsumedCapacity="SOME"))
assert "ItemCollectionMetrics" not in put(Item=KEY, ReturnItemCollectionMetrics="SIZE")
refused("returnItemCollectionMetrics", lambda: put(Item=KEY, ReturnItemCollectionMetrics="SOME"))

# Sizes: 400 KB an item, names included; keys; exactly the most is fine.
room = 400 * 1024 - len("id") - len("x") - len("t")
put(Item=item(id="x", t="y" * room))
refused("Item size has exceeded the maximum allowed size", lambda: put(Item=item(id="x", t="y" * (room + 1))))
refused("Item size to update has exceeded", lambda: client.update_item(
    TableName="Things", Key=item(id="x"), UpdateExpression="SET u = :u", ExpressionAttributeValues={":u": {"S": "1"}}))
assert "u" not in client.get_item(TableName="Things", Key=item(id="x"))["Item"]
put(Item=item(id="k" * 2048))
refused("maximum size limit of2048 bytes", lambda: put(Item=item(id="k" * 2049)))
pair = lambda sort: {"id": {"B": b"\x00"}, "sort": {"S": sort}}
client.put_item(TableName="Ranges", Item=pair("s" * 1024))
refused("size limit of 1024 bytes", lambda: client.put_item(TableName="Ranges", Item=pair("s" * 1025)))
refused("empty string value. Key: sort", lambda: client.put_item(TableName="Ranges", Item=pair("")))
refused("empty binary value. Key: id", lambda: client.put_item(TableName="Ranges", Item={**pair("s"), "id": {"B": b""}}))
refused("Missing the key id in the item", lambda: put(Item=item(a=1)))
refused("Type mismatch for key id expected: S actual: N", lambda: put(Item=item(id=1)))
for key in (item(id=1), item(a="1"), item(id="1", a="1"), {}):
    refused("does not match the schema", lambda: client.get_item(TableName="Things", Key=key))

# Values: empty ones that may be, sets that may not, numbers of 38 digits and their range.
values = {
    "id": {"S": "v"}, "s": {"S": ""}, "b": {"B": b""}, "l": {"L": []}, "m": {"M": {}}, "null": {"NULL": True},
    "n": {"N": "0.00000000000000000000000000000000000012345678901234567890123456789012345678"},
    "huge": {"N": "9.9999999999999999999999999999999999999e125"}, "tiny": {"N": "-1e-130"}, "ns": {"NS": ["1.0", "-2"]},
}
put(Item=values)
stored = client.get_item(TableName="Things", Key=item(id="v"), ConsistentRead=True)["Item"]
assert stored["n"] == values["n"] and stored["huge"]["N"] == "9" * 38 + "0" * 88 and stored["tiny"]["N"] == f"-0.{'0' * 129}1"
assert sorted(stored["ns"]["NS"]) == ["-2", "1"] and stored["s"] == {"S": ""} and stored["m"] == {"M": {}}
for value, text in [
    ({"N": "1" * 39}, "more than 38 significant digits"),
    ({"N": "1e126"}, "Number overflow"),
    ({"N": "1e-131"}, "Number underflow"),
    ({"N": "ten"}, "cannot be converted to a numeric value"),
    ({"N": ""}, "cannot be converted to a numeric value"),
    ({"N": "NaN"}, "cannot be converted to a numeric value"),
    ({"SS": []}, "may not be empty"),
    ({"NS": []}, "may not be empty"),
    ({"BS": []}, "should not be empty"),
    ({"SS": ["a", "a"]}, "contains duplicates"),
    ({"NS": ["1", "1.0"]}, "contains duplicates"),
    ({"NULL": False}, "must have the value of true"),
    ({}, "Supplied AttributeValue is empty"),
    ({"S": "a", "N": "1"}, "more than one datatypes set"),
]:
    refused(text, lambda: put(Item={"id": {"S": "bad"}, "v": value}))
    refused(text, lambda: put(Item={"id": {"S": "bad"}, "v": {"M": {"in": {"L": [value]}}}}))
assert "Item" not in client.get_item(TableName="Things", Key=item(id="bad"))

# Batches of writes: 25, each key once, all or nothing of what is invalid.
write = lambda *requests, table="Things": client.batch_write_item(RequestItems={table: list(requests)})
one = lambda id: {"PutRequest": {"Item": item(id=id)}}
gone = lambda id: {"DeleteRequest": {"Key": item(id=id)}}
assert write(*[one(f"w{n}") for n in range(25)])["UnprocessedItems"] == {}
refused("Too many items requested for the BatchWriteItem call", lambda: write(*[one(f"w{n}") for n in range(26)]))
refused("contains duplicates", lambda: write(one("x"), gone("x")))
refused("Missing the key id", lambda: write(one("fresh"), {"PutRequest": {"Item": item(a=1)}}))
assert "Item" not in client.get_item(TableName="Things", Key=item(id="fresh"))
refused("'requestItems'", lambda: client.batch_write_item(RequestItems={}))
refused("'requestItems.Things.member'", lambda: write())
refused("not found", lambda: write(one("x"), table="Nothing"), "ResourceNotFoundException")
assert write(gone("w0"), one("w1"), gone("never"))["UnprocessedItems"] == {}

# Batches of reads: 100 keys, each once by value, 16 MB, 1 MB a partition.
read = lambda keys, table="Things": client.batch_get_item(RequestItems={table: {"Keys": keys}})
answer = read([item(id=f"w{n}") for n in range(25)])
assert len(answer["Responses"]["Things"]) == 24 and answer["UnprocessedKeys"] == {}
refused("Too many items requested for the BatchGetItem call", lambda: read([item(id=f"w{n}") for n in range(101)]))
refused("contains duplicates", lambda: read([KEY, KEY]))
refused("'requestItems'", lambda: client.batch_get_item(RequestItems={}))
refused("'requestItems.Things.member.keys'", lambda: read([]))
refused("does not match the schema", lambda: read([item(id="w1"), item(a="1")]))
create("Counts", id="N")
refused("contains duplicates", lambda: read([{"id": {"N": "1"}}, {"id": {"N": "1.0"}}], "Counts"))


def all_of(keys, table):
    """Reads on with what was not processed, as clients must; answers the items and the size of each answer."""
    asked, items, counts = {table: {"Keys": keys, "ProjectionExpression": "id, sort"}}, [], []
    while asked:
        answer = client.batch_get_item(RequestItems=asked)
        items += answer["Responses"][table]
        counts.append(len(answer["Responses"][table]))
        asked = answer["UnprocessedKeys"]
        assert all(request["ProjectionExpression"] == "id, sort" for request in asked.values())
    return items, counts


create("Parts", id="S", sort="N")
blob = "z" * 390_000
for number in range(48):
    client.put_item(TableName="Parts", Item={"id": {"S": str(number)}, "sort": {"N": "0"}, "t": {"S": blob}})
items, counts = all_of([{"id": {"S": str(number)}, "sort": {"N": "0"}} for number in range(48)], "Parts")
assert len(items) == 48 and counts == [43, 5], counts
for number in range(5):
    client.put_item(TableName="Parts", Item={"id": {"S": "one"}, "sort": {"N": str(number)}, "t": {"S": blob}})
items, counts = all_of([{"id": {"S": "one"}, "sort": {"N": str(number)}} for number in range(5)], "Parts")
assert len(items) == 5 and counts == [2, 2, 1], counts

# Tables: tags come ten at a time; names and limits.
arn = client.describe_table(TableName="Things")["Table"]["TableArn"]
client.tag_resource(ResourceArn=arn, Tags=[{"Key": f"t{n:02}", "Value": str(n)} for n in range(21)])
pages = list(client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn))
assert [len(page["Tags"]) for page in pages] == [10, 10, 1], pages
assert [tag["Key"] for page in pages for tag in page["Tags"]] == [f"t{n:02}" for n in range(21)]
refused("1 validation error detected: Value 'a b' at 'tableName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: [a-zA-Z0-9_.-]+", lambda: create("a b", id="S"))
def schema(keys, attributes):
    return lambda: client.create_table(
        TableName="Schema", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in attributes])


for keys, attributes, text in [
    ([("a", "HASH"), ("b", "SORT")], [("a", "S"), ("b", "S")],
     "1 validation error detected: Value 'SORT' at 'keySchema.2.member.keyType' failed to satisfy constraint: Member must satisfy "
     "enum value set: [HASH, RANGE]"),
    ([("a", "HASH"), ("b", "RANGE"), ("c", "RANGE")], [("a", "S")], "at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2"),
    ([("a", "HASH")], [("a", "X")], "Value 'X' at 'attributeDefinitions.1.member.attributeType' failed"),
    ([("a", "HASH"), ("b", "RANGE")], [("a", "S")], "Invalid KeySchema: Some index key attribute have no definition"),
    ([("a", "HASH")], [("b", "S")], "not defined in AttributeDefinitions. Keys: [a], AttributeDefinitions: [b]"),
]:
    refused(text, schema(keys, attributes))
refused("TableName must be at least 3 characters long and at most 255 characters long", lambda: create("x" * 256, id="S"))
refused("Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100",
        lambda: client.list_tables(Limit=101))
