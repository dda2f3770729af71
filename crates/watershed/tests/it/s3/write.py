"""Puts items with boto3. Usage: write.py ENDPOINT FROM TO"""

import sys

import boto3

endpoint, start, end = sys.argv[1:]
dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
for n in range(int(start), int(end)):
    item = {"id": {"S": f"i{n}"}, "version": {"N": "1"}, "site": {"S": f"s{n % 5}"}}
    dynamodb.put_item(TableName="Changes", Item=item)
