"""A function that is an expression, as an enrichment calls it.

Usage: expressions.py ENDPOINT DATA
"""

import json

from client import ROLE, client, queue

functions = client("lambda")
expression = """[.[] | if .id == "" then error("no id") else {patient: ("P-" + .id)} end]"""
functions.create_function(FunctionName="convert", Runtime="watershed.jq", Handler=expression, Role=ROLE, Code={})
answer = functions.invoke(FunctionName="convert", Payload=json.dumps([{"id": "1"}, {"id": "2"}]))
assert json.load(answer["Payload"]) == [{"patient": "P-1"}, {"patient": "P-2"}]
queue("patients")
