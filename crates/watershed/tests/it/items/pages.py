"""Query and Scan: key conditions, order, limits, pages of 1 MB, segments, what is selected.

Usage: pages.py ENDPOINT
"""

from tables import client, create, item, plain, refused, wire

create("Numbers", id="S", sort="N")
create("Words", id="S", word="S")
NUMBERS = [-100, -1.5, 0, 0.001, 1, 2, 10, 100, 12345678901234567890]
for number in NUMBERS:
    client.put_item(TableName="Numbers", Item={"id": {"S": "a"}, "sort": {"N": str(number)}, "even": wire(number == 2)})
client.put_item(TableName="Numbers", Item={"id": {"S": "b"}, "sort": {"N": "1"}})
WORDS = ["a", "ab", "abc", "b", "é", "日本"]
for word in WORDS:
    client.put_item(TableName="Words", Item=item(id="w", word=word))


def values(**given):
    return {f":{name}": wire(value) for name, value in given.items()}


def query(condition, table="Numbers", more={}, **given):
    key = "a" if table == "Numbers" else "w"
    text = "id = :id" + (f" AND {condition}" if condition else "")
    return client.query(TableName=table, KeyConditionExpression=text, ExpressionAttributeValues=values(id=key, **given), **more)


def sorts(answer):
    return [float(found["sort"]["N"]) for found in answer["Items"]]


# Every comparator, and the same with the operands exchanged.
for condition, given, expected in [
    ("", {}, lambda n: True),
    ("sort = :v", {"v": 1}, lambda n: n == 1),
    ("sort < :v", {"v": 1}, lambda n: n < 1),
    ("sort <= :v", {"v": 1}, lambda n: n <= 1),
    ("sort > :v", {"v": 1}, lambda n: n > 1),
    ("sort >= :v", {"v": 1}, lambda n: n >= 1),
    (":v < sort", {"v": 1}, lambda n: n > 1),
    ("sort BETWEEN :v AND :w", {"v": 0, "w": 10}, lambda n: 0 <= n <= 10),
]:
    found = [float(n) for n in NUMBERS if expected(n)]
    assert sorts(query(condition, **given)) == found, condition
    assert sorts(query(condition, more={"ScanIndexForward": False}, **given)) == found[::-1], condition
for prefix, expected in [("a", ["a", "ab", "abc"]), ("ab", ["ab", "abc"]), ("é", ["é"]), ("x", [])]:
    assert [found["word"]["S"] for found in query("begins_with(word, :v)", "Words", v=prefix)["Items"]] == expected
assert [found["word"]["S"] for found in query("", "Words")["Items"]] == sorted(WORDS, key=str.encode)

# Limit and ExclusiveStartKey, both ways, also for the last item: a full page does not know that it is the last.
for forward in (True, False):
    seen, start, pages = [], {}, 0
    while True:
        answer = query("", more={"Limit": 3, "ScanIndexForward": forward, **start})
        seen += sorts(answer)
        pages += 1
        if "LastEvaluatedKey" not in answer:
            break
        assert set(answer["LastEvaluatedKey"]) == {"id", "sort"}
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert (seen if forward else seen[::-1]) == [float(n) for n in NUMBERS] and pages == 4

# The filter comes after the limit; counts tell both.
answer = query("", more={"FilterExpression": "even = :t", "Limit": 6}, t=True)
assert (answer["Count"], answer["ScannedCount"], len(answer["Items"])) == (1, 6, 1) and "LastEvaluatedKey" in answer
answer = query("", more={"Select": "COUNT"})
assert (answer["Count"], answer["ScannedCount"]) == (9, 9) and "Items" not in answer
answer = query("", more={"Select": "SPECIFIC_ATTRIBUTES", "ProjectionExpression": "sort"})
assert all(set(found) == {"sort"} for found in answer["Items"])

# Pages of 1 MB, before the filter.
create("Big", id="S", sort="N")
text = "x" * 100_000
for number in range(25):
    client.put_item(TableName="Big", Item={"id": {"S": "a"}, "sort": {"N": str(number)}, "text": {"S": text}})
for read in (
    lambda **given: client.scan(TableName="Big", **given),
    lambda **given: client.query(TableName="Big", KeyConditionExpression="id = :a", ExpressionAttributeValues=values(a="a"), **given),
):
    seen, start = [], {}
    while True:
        answer = read(**start)
        assert len(answer["Items"]) <= 11, "a page is 1 MB"
        seen += sorts(answer)
        if "LastEvaluatedKey" not in answer:
            break
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert seen == [float(n) for n in range(25)]
answer = client.scan(TableName="Big", FilterExpression="attribute_not_exists(id)")
assert answer["Count"] == 0 and 0 < answer["ScannedCount"] < 25 and "LastEvaluatedKey" in answer

# Segments: together everything, once.
create("Segments", id="S")
for number in range(200):
    client.put_item(TableName="Segments", Item=item(id=str(number)))
for total in (1, 3, 7):
    seen = []
    for segment in range(total):
        pages = client.get_paginator("scan").paginate(TableName="Segments", Segment=segment, TotalSegments=total, Limit=11)
        seen += [found["id"]["S"] for page in pages for found in page["Items"]]
    assert sorted(seen, key=int) == [str(number) for number in range(200)], total

scan = lambda **given: lambda: client.scan(TableName="Segments", **given)
asked = lambda condition, given, **more: lambda: client.query(
    TableName="Numbers", KeyConditionExpression=condition, ExpressionAttributeValues=values(**given), **more)
for text, call in [
    ("TotalSegments parameter is required", scan(Segment=0)),
    ("Segment parameter is required", scan(TotalSegments=2)),
    ("Segment: 2 is not less than TotalSegments: 2", scan(Segment=2, TotalSegments=2)),
    ("Value '1000001' at 'totalSegments'", scan(Segment=0, TotalSegments=1_000_001)),
    ("Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", scan(Limit=0)),
    ("Value 'NONSENSE' at 'select'", scan(Select="NONSENSE")),
    ("choosing to get SPECIFIC_ATTRIBUTES", scan(Select="SPECIFIC_ATTRIBUTES")),
    ("choosing to get only the Count", scan(Select="COUNT", ProjectionExpression="id")),
    ("only when Querying using an IndexName", scan(Select="ALL_PROJECTED_ATTRIBUTES")),
    ("The provided starting key is invalid", scan(ExclusiveStartKey=item(nonsense="1"))),
    ("when using expressions: FilterExpression is null", scan(ExpressionAttributeValues=values(v=1))),
    ("IndexName", scan(IndexName="nonsense")),
    ("KeyConditionExpression parameter must be specified", lambda: client.query(TableName="Numbers")),
    ("missed key schema element: id", asked("sort = :v", {"v": 1})),
    ("Multiple attribute names used in one condition", asked("id = sort AND sort = :v", {"v": 1})),
    ("Query key condition not supported", asked("id > :v", {"v": "a"})),
    ("only contain one condition per key", asked("id = :v AND id = :v", {"v": "a"})),
    ("Invalid operator used in KeyConditionExpression: OR", asked("id = :v OR sort = :n", {"v": "a", "n": 1})),
    ("Invalid operator used in KeyConditionExpression: <>", asked("id = :v AND sort <> :n", {"v": "a", "n": 1})),
    ("parameter type does not match schema type", asked("id = :v", {"v": 1})),
    ("cannot contain an empty string value", asked("id = :v", {"v": ""})),
    ("Primary key attribute: sort", asked("id = :v", {"v": "a", "n": 1}, FilterExpression="sort = :n")),
    ("outside query boundaries", asked("id = :v", {"v": "a"}, ExclusiveStartKey=item(id="b", sort=1))),
    ("does not match the range key predicate", asked("id = :v AND sort > :n", {"v": "a", "n": 5}, ExclusiveStartKey=item(id="a", sort=1))),
    ("does not match the schema", asked("id = :v", {"v": "a"}, ExclusiveStartKey=item(id="a"))),
]:
    refused(text, call)
last = client.scan(TableName="Segments", Segment=0, TotalSegments=2, Limit=1)["LastEvaluatedKey"]
refused("correct Segment", scan(Segment=1, TotalSegments=2, ExclusiveStartKey=last))
refused("Requested resource not found", lambda: client.scan(TableName="Nothing"), "ResourceNotFoundException")
