"""Conditions, filters, updates, projections and key conditions, case by case.

Usage: expressions.py ENDPOINT
"""

from decimal import Decimal as D

from tables import client, create, item, plain, refused, wire

create("Things", id="S")
BASE = {
    "id": "1", "s": "hello", "n": D("5"), "neg": D("-1.5"), "yes": True, "no": None, "b": b"\x01\x02", "blank": "",
    "ss": {"a", "b"}, "ns": {D(1), D(2)}, "bs": {b"x"},
    "l": [D(1), "two", {"k": "v"}, [D(4)]],
    "m": {"x": D(1), "y": {"z": "deep"}, "dotted.name": "d", "l": ["p", "q"]},
}


def reset():
    client.put_item(TableName="Things", Item=item(**BASE))


def placeholders(names, values):
    given = {}
    if names:
        given["ExpressionAttributeNames"] = names
    if values:
        given["ExpressionAttributeValues"] = {name: wire(value) for name, value in values.items()}
    return given


# Conditions: expression, values, names, whether it holds. Each is tried as a condition and as a filter.
CONDITIONS = [
    ("s = :v", {":v": "hello"}, None, True),
    ("s <> :v", {":v": "hello"}, None, False),
    ("n = :v", {":v": D("5.0")}, None, True),
    ("n < :v", {":v": D("5.00000000000000000000000000000000001")}, None, True),
    ("n <= :v AND n >= :v", {":v": D(5)}, None, True),
    ("neg < :v", {":v": D("-1.49")}, None, True),
    ("n > :v", {":v": "4"}, None, False),
    ("s > :v", {":v": "hellO"}, None, True),
    ("b < :v", {":v": b"\x01\x03"}, None, True),
    ("nothere = :v", {":v": 1}, None, False),
    ("nothere <> :v", {":v": 1}, None, True),
    ("n BETWEEN :a AND :b", {":a": D(5), ":b": D(5)}, None, True),
    ("s BETWEEN :a AND :b", {":a": "i", ":b": "j"}, None, False),
    ("s IN (:a, :b)", {":a": "x", ":b": "hello"}, None, True),
    ("attribute_exists(m.y.z)", {}, None, True),
    ("attribute_exists(m.y.zz)", {}, None, False),
    ("attribute_not_exists(l[9])", {}, None, True),
    ("attribute_exists(l[3][0])", {}, None, True),
    ("attribute_type(n, :v)", {":v": "N"}, None, True),
    ("attribute_type(#no, :v)", {":v": "NULL"}, {"#no": "no"}, True),
    ("attribute_type(ss, :v)", {":v": "SS"}, None, True),
    ("begins_with(s, :v)", {":v": "hel"}, None, True),
    ("begins_with(s, :v)", {":v": ""}, None, True),
    ("begins_with(b, :v)", {":v": b"\x01"}, None, True),
    ("begins_with(n, :v)", {":v": "5"}, None, False),
    ("contains(s, :v)", {":v": "ell"}, None, True),
    ("contains(ss, :v)", {":v": "a"}, None, True),
    ("contains(ss, :v)", {":v": "ab"}, None, False),
    ("contains(ns, :v)", {":v": D("1.0")}, None, True),
    ("contains(l, :v)", {":v": "two"}, None, True),
    ("contains(l, :v)", {":v": {"k": "v"}}, None, True),
    ("size(s) = :v", {":v": D(5)}, None, True),
    ("size(blank) = :v", {":v": D(0)}, None, True),
    ("size(l) > size(ss)", {}, None, True),
    ("size(n) > :v", {":v": D(0)}, None, False),
    ("m = :v", {":v": BASE["m"]}, None, True),
    ("ss = :v", {":v": {"b", "a"}}, None, True),
    ("l[0] = :v AND m.x = l[0]", {":v": D(1)}, None, True),
    ("m.#d = :v", {":v": "d"}, {"#d": "dotted.name"}, True),
    ("NOT s = :v", {":v": "x"}, None, True),
    ("NOT (s = :v OR n = :w) OR yes = :t", {":v": "hello", ":w": D(1), ":t": True}, None, True),
    ("s = :v OR n = :w AND n = :x", {":v": "hello", ":w": D(1), ":x": D(2)}, None, True),
    ("(s = :v OR n = :w) AND n = :x", {":v": "hello", ":w": D(1), ":x": D(2)}, None, False),
    ("whatever = :v or not yes <> :t", {":v": 1, ":t": True}, None, True),
]
reset()
for text, values, names, holds in CONDITIONS:
    given = placeholders(names, values)
    put = lambda: client.put_item(TableName="Things", Item=item(**BASE), ConditionExpression=text, **given)
    if holds:
        put()
    else:
        refused("The conditional request failed", put, "ConditionalCheckFailedException")
    found = client.scan(TableName="Things", FilterExpression=text, **given)
    assert (found["Count"], found["ScannedCount"]) == (int(holds), 1), text

# Updates: expression, values, names, what is different afterwards (None: the attribute is gone).
UPDATES = [
    ("SET s = :v", {":v": "new"}, None, {"s": "new"}),
    ("SET a = n, n = neg, neg = n", {}, None, {"a": D(5), "n": D("-1.5"), "neg": D(5)}),
    ("SET n = n + :v", {":v": D("0.1")}, None, {"n": D("5.1")}),
    ("SET n = :v - n", {":v": D(1)}, None, {"n": D(-4)}),
    ("SET a = if_not_exists(a, :v), s = if_not_exists(s, :v)", {":v": "d"}, None, {"a": "d"}),
    ("SET c = if_not_exists(c, :z) + :i", {":z": D(0), ":i": D(1)}, None, {"c": D(1)}),
    ("SET l = list_append(l, :v)", {":v": ["end"]}, None, {"l": BASE["l"] + ["end"]}),
    ("SET l = list_append(:v, l)", {":v": ["start"]}, None, {"l": ["start"] + BASE["l"]}),
    ("SET q = list_append(if_not_exists(q, :e), :v)", {":e": [], ":v": ["x"]}, None, {"q": ["x"]}),
    ("SET l[1] = :v", {":v": "2"}, None, {"l": [D(1), "2", {"k": "v"}, [D(4)]]}),
    ("SET l[10] = :a, l[20] = :b", {":a": "a", ":b": "b"}, None, {"l": BASE["l"] + ["a", "b"]}),
    ("SET m.y.z = :v, m.#d = :v", {":v": "w"}, {"#d": "dotted.name"}, {"m": {**BASE["m"], "y": {"z": "w"}, "dotted.name": "w"}}),
    ("REMOVE s, nothere, l[0], l[2]", {}, None, {"s": None, "l": ["two", [D(4)]]}),
    ("REMOVE m.y, m.l[1]", {}, None, {"m": {"x": D(1), "dotted.name": "d", "l": ["p"]}}),
    ("ADD n :v, fresh :v", {":v": D("1e-10")}, None, {"n": D("5.0000000001"), "fresh": D("1e-10")}),
    ("ADD ss :v, ns :w", {":v": {"b", "c"}, ":w": {D(9)}}, None, {"ss": {"a", "b", "c"}, "ns": {D(1), D(2), D(9)}}),
    ("ADD m.x :v", {":v": D(2)}, None, {"m": {**BASE["m"], "x": D(3)}}),
    ("DELETE ss :v", {":v": {"a", "zz"}}, None, {"ss": {"b"}}),
    ("DELETE ss :v", {":v": {"a", "b"}}, None, {"ss": None}),
    ("DELETE nothere :v", {":v": {"a"}}, None, {}),
    ("REMOVE s SET a = s ADD n :v DELETE bs :b", {":v": D(1), ":b": {b"x"}}, None, {"s": None, "a": "hello", "n": D(6), "bs": None}),
]
KEY = item(id="1")
for text, values, names, changed in UPDATES:
    reset()
    given = placeholders(names, values)
    new = plain(client.update_item(TableName="Things", Key=KEY, UpdateExpression=text, ReturnValues="ALL_NEW", **given)["Attributes"])
    expected = {name: value for name, value in {**BASE, **changed}.items() if name not in changed or value is not None}
    assert new == expected, (text, new, expected)
    assert plain(client.get_item(TableName="Things", Key=KEY)["Item"]) == expected, text

# Projections.
PROJECTIONS = [
    ("s, n", None, {"s": "hello", "n": D(5)}),
    ("m.y.z, l[3][0], l[1]", None, {"m": {"y": {"z": "deep"}}, "l": ["two", [D(4)]]}),
    ("nothere, m.nothere, l[99]", None, {}),
    ("#a.#b", {"#a": "m", "#b": "dotted.name"}, {"m": {"dotted.name": "d"}}),
]
reset()
for text, names, expected in PROJECTIONS:
    given = placeholders(names, None)
    got = client.get_item(TableName="Things", Key=KEY, ProjectionExpression=text, **given)["Item"]
    assert plain(got) == expected, (text, got)
    batch = {"Things": {"Keys": [KEY], "ProjectionExpression": text, **given}}
    assert client.batch_get_item(RequestItems=batch)["Responses"]["Things"] == [got]
    assert client.scan(TableName="Things", ProjectionExpression=text, **given)["Items"] == [got]

# Refused, with AWS's words: operation, parameters, part of the message.
write = lambda **given: lambda: client.put_item(TableName="Things", Item=item(id="9"), **given)
update = lambda **given: lambda: client.update_item(TableName="Things", Key=KEY, **given)
V = {":v": {"S": "x"}}
for text, call in [
    ("Attribute name is a reserved keyword; reserved keyword: name", update(UpdateExpression="SET name = :v", ExpressionAttributeValues=V)),
    ("Attribute name is a reserved keyword; reserved keyword: Status", write(ConditionExpression="attribute_exists(Status)")),
    ("not defined; attribute name: #n", write(ConditionExpression="attribute_exists(#n)")),
    ("not defined; attribute value: :w", write(ConditionExpression="a = :w", ExpressionAttributeValues=V)),
    ("unused in expressions: keys: {:v}", write(ConditionExpression="attribute_exists(a)", ExpressionAttributeValues=V)),
    ("unused in expressions: keys: {#n}", write(ConditionExpression="attribute_exists(a)", ExpressionAttributeNames={"#n": "a"})),
    ("ExpressionAttributeNames can only be specified when using expressions", write(ExpressionAttributeNames={"#n": "a"})),
    ("when using expressions: ConditionExpression is null", write(ExpressionAttributeValues=V)),
    ("when using expressions: UpdateExpression and ConditionExpression are null", update(ExpressionAttributeValues=V)),
    ("ExpressionAttributeValues must not be empty", write(ConditionExpression="attribute_exists(a)", ExpressionAttributeValues={})),
    ("Invalid ConditionExpression: The expression can not be empty;", write(ConditionExpression="")),
    ("Syntax error; token:", write(ConditionExpression="a = = :v", ExpressionAttributeValues=V)),
    ("redundant parentheses", write(ConditionExpression="((attribute_exists(a)))")),
    ("Invalid function name; function: nonsense", write(ConditionExpression="nonsense(a) = :v", ExpressionAttributeValues=V)),
    ("Incorrect number of operands", write(ConditionExpression="attribute_exists(a, b)")),
    ("Incorrect operand type for operator or function", write(ConditionExpression="a < :v", ExpressionAttributeValues={":v": {"BOOL": True}})),
    ("upper bound to be greater than or equal to lower bound", write(ConditionExpression="a BETWEEN :x AND :y", ExpressionAttributeValues={":x": {"N": "2"}, ":y": {"N": "1"}})),
    ("Cannot update attribute id. This attribute is part of the key", update(UpdateExpression="SET id = :v", ExpressionAttributeValues=V)),
    ("section can only be used once", update(UpdateExpression="SET a = :v SET b = :v", ExpressionAttributeValues=V)),
    ("Two document paths overlap", update(UpdateExpression="SET m = :v, m.x = :v", ExpressionAttributeValues=V)),
    ("Two document paths conflict", update(UpdateExpression="SET m.x = :v, m[0] = :v", ExpressionAttributeValues=V)),
    ("document path provided in the update expression is invalid", update(UpdateExpression="SET nowhere.x = :v", ExpressionAttributeValues=V)),
    ("attribute that does not exist in the item", update(UpdateExpression="SET a = nowhere")),
    ("incorrect data type", update(UpdateExpression="SET s = s + :n", ExpressionAttributeValues={":n": {"N": "1"}})),
    ("operand type: STRING", update(UpdateExpression="ADD s :v", ExpressionAttributeValues=V)),
    ("Number overflow", update(UpdateExpression="SET n = :big + :big", ExpressionAttributeValues={":big": {"N": "9.9e125"}})),
    ("Expression size has exceeded", write(ConditionExpression="a = :v AND " * 400 + "a = :v", ExpressionAttributeValues=V)),
]:
    refused(text, call)
assert "Item" not in client.get_item(TableName="Things", Key=item(id="9")), "a refused put leaves nothing"

# What a single write is refused for by the request alone is counted; what tables and items decide, and reads, are not.
COUNTED = "1 validation error detected: "
get = lambda **given: lambda: client.get_item(TableName="Things", Key=KEY, **given)
scan = lambda **given: lambda: client.scan(TableName="Things", **given)
delete = lambda **given: lambda: client.delete_item(TableName="Things", Key=KEY, **given)
for text, call in [
    (COUNTED + "Invalid UpdateExpression: The expression can not be empty;", update(UpdateExpression="")),
    (COUNTED + 'Invalid UpdateExpression: The "SET" section can only', update(UpdateExpression="SET a = :v SET b = :v", ExpressionAttributeValues=V)),
    (COUNTED + "Invalid ConditionExpression: Attribute name is a reserved keyword", write(ConditionExpression="attribute_exists(status)")),
    (COUNTED + "Value provided in ExpressionAttributeNames unused", delete(ConditionExpression="attribute_exists(a)", ExpressionAttributeNames={"#n": "a"})),
    (COUNTED + "ExpressionAttributeValues must not be empty", update(UpdateExpression="REMOVE a", ExpressionAttributeValues={})),
    (COUNTED + "One or more parameter values were invalid: An string set  may not be empty", update(UpdateExpression="SET a = :v", ExpressionAttributeValues={":v": {"SS": []}})),
    (COUNTED + "ReturnValues can only be ALL_OLD or NONE", write(ReturnValues="ALL_NEW")),
    (COUNTED + "Value 'hi' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]", write(ReturnValues="hi")),
    ("2 validation errors detected: Value 'hi' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; Value 'ho' at 'returnValues'", write(ReturnValues="ho", ReturnConsumedCapacity="hi")),
    (COUNTED + "Must specify the AttributesToGet or ProjectionExpression", scan(Select="SPECIFIC_ATTRIBUTES")),
    ("The provided expression refers to an attribute that does not exist in the item", update(UpdateExpression="SET a = nowhere")),
    ("One or more parameter values were invalid: Type mismatch for key id expected: S actual: N", lambda: client.put_item(TableName="Things", Item={"id": {"N": "1"}})),
    ("Value provided in ExpressionAttributeNames unused", get(ProjectionExpression="a", ExpressionAttributeNames={"#n": "a"})),
    ("Invalid FilterExpression: The expression can not be empty;", scan(FilterExpression="")),
]:
    found = refused(text, call)["Error"]["Message"]
    assert found.startswith(text), (text, found)
