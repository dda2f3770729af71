"""Changes of a table through a pipe with a filter and a function into a lake: what passes the filter is there exactly once, in
order per key, and nothing else.

Usage: enrichment.py ENDPOINT FOLDER
"""

from aws import arn, client
from workload import FROM_START, ROLE, Versions, delivery, drive, end, function, in_lake, reached, table

stream = table("Changes")
function("enrich")
only = {"Filters": [{"Pattern": '{"dynamodb":{"NewImage":{"kind":{"S":["wanted"]}}}}'}]}
client("pipes").create_pipe(
    Name="enriched", RoleArn=ROLE, Source=stream, Target=delivery("enriched"),
    SourceParameters=FROM_START | {"FilterCriteria": only}, Enrichment=arn("lambda", "function:enrich"))


class Others(Versions):
    def write(self, number):
        super().write(f"other{number}")


wanted = Versions("Changes", writers=4, keys=10, kind={"S": "wanted"})
others = Others("Changes", writers=1, keys=10, kind={"S": "other"})
drive(wanted.writers + others.writers)
reached("all changes in the lake", lambda: wanted.has_come(in_lake("enriched")[0]))
end()
found, objects = in_lake("enriched")
wanted.compare("lake", found, once=True)
print(f"{wanted.count()} changes enriched, {others.count()} filtered out, {objects} objects")
