"""A function that is a JSONata expression, as an enrichment calls it.

Usage: expressions.py ENDPOINT DATA
"""

import json

from client import ROLE, client, queue, refused

functions = client("lambda")
expression = """[$.(id = "" ? $error("no id") : {"patient": "P-" & id})]"""
made = functions.create_function(FunctionName="convert", Runtime="watershed.jsonata", Handler=expression, Role=ROLE, Code={})
assert made["Runtime"] == "watershed.jsonata", made
answer = functions.invoke(FunctionName="convert", Payload=json.dumps([{"id": "1"}, {"id": "2"}]))
assert json.load(answer["Payload"]) == [{"patient": "P-1"}, {"patient": "P-2"}]
answer = functions.invoke(FunctionName="convert", Payload=json.dumps([{"id": ""}]))
failed = json.load(answer["Payload"])
assert answer["FunctionError"] == "Unhandled" and failed["errorType"] == "Watershed.Expression", failed
refused(
    "InvalidParameterValueException",
    lambda: functions.create_function(FunctionName="bad", Runtime="watershed.jsonata", Handler="[$.(", Role=ROLE, Code={}),
    "JSONata",
)
queue("patients")
