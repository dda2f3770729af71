"""Compares the lakes of a server that has a stream and of one that reads it from there: the same lines, each once, in order
per key.

Usage: compare.py COUNT LOST LAKE_THERE [LAKE_HERE]     LOST: how many `lost-...` keys the second lake must miss
"""

import json
import pathlib
import sys
from collections import defaultdict

count, lost = int(sys.argv[1]), int(sys.argv[2])


def key(line):
    return json.loads(line)["dynamodb"]["Keys"]["id"]["S"]


def lines(name, lake):
    """All lines of a lake. In an object a key's records stand in order, and objects do not interleave."""
    files = [path for path in pathlib.Path(lake, "raw").rglob("*") if path.is_file()]
    assert not [path for path in files if "errors" in path.parts], "records were refused"
    found, spans = [], defaultdict(list)
    for path in files:
        numbers = defaultdict(list)
        for line in path.read_bytes().splitlines():
            found.append(line)
            numbers[key(line)].append(int(json.loads(line)["dynamodb"]["SequenceNumber"]))
        for name_of_key, values in numbers.items():
            assert values == sorted(values), f"{name}: out of order"
            spans[name_of_key].append((values[0], values[-1]))
    for parts in map(sorted, spans.values()):
        assert all(before[1] < after[0] for before, after in zip(parts, parts[1:])), f"{name}: objects interleave"
    doubled = len(found) - len(set(found))
    assert not doubled, f"{name}: {doubled} doubled"
    return found


there = lines("there", sys.argv[3])
assert len(there) == count, f"there: {len(there)} of {count}"
for lake in sys.argv[4:]:
    here = lines("here", lake)
    assert set(here) <= set(there), f"{len(set(here) - set(there))} lines are not as the owner has them"
    missing = [key(line) for line in set(there) - set(here)]
    assert len(missing) == lost and all(name.startswith("lost-") for name in missing), f"here: {len(missing)} missing"
