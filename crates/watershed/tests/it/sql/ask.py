"""SQL over the lake: what is a table, what is read of it, how answers travel, what is refused.

Usage: ask.py ENDPOINT DATA
"""

import gzip
import io
import json
import pathlib
import sys

import boto3
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

sys.path.append(str(pathlib.Path(__file__).parent.parent / "wire"))
import sigv4

endpoint, lake = sys.argv[1], pathlib.Path(sys.argv[2]) / "lake"


def post(sql, **more):
    body = json.dumps({"sql": sql, **more}).encode()
    return sigv4.call(endpoint, "watershed", {"content-type": "application/json"}, body, path="/sql")


def rows(sql):
    answer = post(sql)
    assert answer.status == 200, (sql, answer.text)
    return [json.loads(line) for line in answer.text.splitlines()]


def refused(sql, *words, code="ValidationException"):
    answer = post(sql)
    body = json.loads(answer.body)
    assert answer.status == 400 and body["__type"] == code and answer.headers["x-amzn-requestid"], (sql, answer)
    for word in words:
        assert word in body["message"], (sql, word, body)


def store(key, content):
    path = lake / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def lines(*records, between="\n"):
    return between.join(json.dumps(record) for record in records).encode()


# JSON line by line, one after the other without anything between, gzip of both, and Parquet.
store("clinic/visits/site=OSL/day=01/a", lines({"id": "1", "n": 1}, {"id": "2", "n": 2}))
store("clinic/visits/site=OSL/day=02/b", lines({"id": "3", "n": 3}, {"id": "4", "n": 4.5}, between=""))
store("clinic/visits/site=VIE/day=01/c", lines({"id": "5", "n": 5, "tags": ["x", "y"], "at": {"ward": "B"}}))
store("clinic/packed/a", gzip.compress(lines({"id": "1"}, {"id": "2"}, between="")))
table = pyarrow.table({"id": ["1", "2", None], "value": pyarrow.array([1.5, None, 2], pyarrow.float64())})
for site in ("OSL", "VIE"):
    packed = io.BytesIO()
    pyarrow.parquet.write_table(table, packed)
    store(f"clinic/columns/site={site}/one.parquet", packed.getvalue())
for sql, expected in [
    ("SELECT count(*) AS n, sum(n) AS total FROM clinic.visits", [{"n": 5, "total": 15.5}]),
    ("SELECT site, count(*) AS n FROM visits GROUP BY site ORDER BY site", [{"site": "OSL", "n": 4}, {"site": "VIE", "n": 1}]),
    ('SELECT id FROM "clinic"."visits/site=OSL/day=02" ORDER BY id', [{"id": "3"}, {"id": "4"}]),
    ("SELECT id FROM Visits WHERE day = '02' AND n > 4", [{"id": "4"}]),
    ("SELECT tags[2] AS t, at['ward'] AS w FROM visits WHERE id = '5'", [{"t": "y", "w": "B"}]),
    ("SELECT tags FROM visits WHERE id = '1'", [{"tags": None}]),
    ("SELECT count(DISTINCT id) AS n FROM packed", [{"n": 2}]),
    ("SELECT site, count(id) AS ids, sum(value) AS s FROM columns GROUP BY site ORDER BY site",
     [{"site": "OSL", "ids": 2, "s": 3.5}, {"site": "VIE", "ids": 2, "s": 3.5}]),
    ("SELECT v.id FROM visits v JOIN packed p ON v.id = p.id WHERE v.site = 'OSL' ORDER BY 1", [{"id": "1"}, {"id": "2"}]),
    ("WITH late AS (SELECT * FROM visits WHERE day > '01') SELECT count(*) AS n FROM late", [{"n": 2}]),
]:
    assert rows(sql) == expected, (sql, rows(sql))

# Only the partitions asked for are read: the plan names no other file, and a broken one elsewhere does not matter.
plan = json.dumps(rows("EXPLAIN SELECT * FROM visits WHERE site = 'VIE'"))
assert "site=VIE/day=01/c" in plan and "site=OSL" not in plan, plan
store("clinic/broken/site=BAD/a", b"this is not JSON")
store("clinic/broken/site=GOOD/a", lines({"id": "1"}))
assert rows("SELECT count(id) AS n FROM broken WHERE site = 'GOOD'") == [{"n": 1}]

# A Glue table whose declaration and data disagree, as generated ones do: the data are what is there.
glue = boto3.client("glue", endpoint_url=endpoint)
glue.create_database(DatabaseInput={"Name": "analytics"})
columns = [("id", "int"), ("name", "string"), ("valueOne", "int"), ("valueTwo", "int"), ("createdAtTime", "date"), ("note", "string")]
glue.create_table(DatabaseName="analytics", TableInput={
    "Name": "sample-table",
    "PartitionKeys": [{"Name": "siteId", "Type": "string"}, {"Name": "year", "Type": "int"}],
    "StorageDescriptor": {
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns],
        "Location": "s3://samples/data",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
    },
})
record = {"id": "p-1", "name": "Ada", "valueOne": "36.6", "valueTwo": "7", "createdAtTime": "1700000000000"}
store("samples/data/siteId=A/year=2023/one", lines(record))
store("samples/data/siteId=B/year=2024/two", lines({**record, "id": "p-2"}))
for sql, expected in [
    ('SELECT id, "createdAtTime" FROM analytics."sample-table" WHERE year = 2023', [{"id": "p-1", "createdAtTime": "1700000000000"}]),
    ('SELECT note, count(*) AS n FROM "sample-table" GROUP BY note', [{"note": None, "n": 2}]),
    ('SELECT sum(CAST(valueOne AS DOUBLE)) AS s FROM "sample-table"', [{"s": 73.2}]),
    ("SELECT siteId FROM \"sample-table\" WHERE to_timestamp_millis(CAST(createdAtTime AS BIGINT)) > '2023-11-14' ORDER BY 1",
     [{"siteId": "A"}, {"siteId": "B"}]),
]:
    assert rows(sql) == expected, (sql, rows(sql))

# A column that is a number here and text there is text; nothing is left out.
store("clinic/mixed/a", lines({"v": 1.5}, {"v": "x"}, {"v": True}, {}))
store("clinic/mixed/b", lines({"v": 7}))
assert rows("SELECT v FROM mixed ORDER BY v NULLS LAST") == [{"v": "1.5"}, {"v": "7"}, {"v": "true"}, {"v": "x"}, {"v": None}]

# Arrow, as an independent reader takes it.
answer = post("SELECT id, n, site FROM visits ORDER BY id", format="arrow")
assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream" and answer.headers["x-amzn-requestid"]
read = pyarrow.ipc.open_stream(answer.body).read_all()
assert read.column("id").to_pylist() == ["1", "2", "3", "4", "5"] and read.column("n").to_pylist() == [1, 2, 3, 4.5, 5]
empty = pyarrow.ipc.open_stream(post("SELECT id FROM visits WHERE id = 'x'", format="arrow").body).read_all()
assert (empty.num_rows, empty.column_names) == (0, ["id"])

# Mistakes tell where they are and what there is.
refused("SELEC 1", "Line: 1, Column: 1")
refused("SELECT id\nFROM visits\nWHERE (id = '1'", "Line: 3")
refused("SELECT id,\n       nonsense\nFROM visits", "nonsense", "line 2, column 8")
refused("SELECT * FROM nonsense", "nonsense", '"clinic"."visits"')
refused("SELECT id FROM visits WHERE id = = 1", "Line: 1, Column: 34")
refused("")
refused("SELECT 1; SELECT 2")
assert json.loads(post("SELECT 1", format="xml").body)["__type"] == "ValidationException"
assert json.loads(post(1).body)["__type"] == "ValidationException"

# Nothing is changed, and nothing outside the lake is read.
before = sorted(str(path) for path in lake.rglob("*"))
out = str(lake / "clinic" / "out")
for sql in [
    "CREATE TABLE t AS SELECT 1", "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "DROP TABLE visits",
    "INSERT INTO visits VALUES ('9')", "DELETE FROM visits", "UPDATE visits SET id = '9'", f"COPY (SELECT 1) TO '{out}'",
    f"COPY visits TO '{out}' STORED AS PARQUET", f"EXPLAIN ANALYZE COPY visits TO '{out}' STORED AS PARQUET",
    "SET datafusion.execution.batch_size = 1", "SHOW TABLES", "PREPARE p AS SELECT 1", "BEGIN",
]:
    refused(sql)
assert sorted(str(path) for path in lake.rglob("*")) == before
for name in [
    "'/etc/passwd'", '"/etc/passwd"', '"file:///etc/passwd"', "'file:///etc/passwd'", '".."."etc/passwd"', '"clinic"."../../credentials"',
    '"clinic"."visits/../../../credentials"', '"..".".."', '""', '"%2e%2e"."credentials"', "read_csv('/etc/passwd')",
    "read_parquet('/etc/passwd')", '"lake://store/clinic"', '"s3://clinic/visits"', '"http://127.0.0.1/x"', "information_schema.tables",
]:
    answer = post(f"SELECT * FROM {name}")
    assert answer.status == 400 and "root:" not in answer.text and sigv4.KEY not in answer.text, (name, answer)
