"""The AWS CLI: cp, sync, ls, mv, rm, presign.

Usage: cli.py ENDPOINT DATA
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from client import ENDPOINT, MIB

AWS = pathlib.Path(sys.executable).parent / "aws"


def aws(*arguments):
    command = [AWS, "--endpoint-url", ENDPOINT, "s3", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


with tempfile.TemporaryDirectory() as name:
    here = pathlib.Path(name)
    (here / "up" / "in").mkdir(parents=True)
    (here / "up" / "one.txt").write_text("one")
    (here / "up" / "in" / "two æ.json").write_text("{}")
    # More than one part.
    big = os.urandom(20 * MIB)
    (here / "up" / "big").write_bytes(big)
    aws("mb", "s3://lake")
    aws("cp", str(here / "up" / "one.txt"), "s3://lake/first.txt")
    assert "first.txt" in aws("ls", "s3://lake/")
    assert "lake" in aws("ls")
    aws("sync", str(here / "up"), "s3://lake/synced")
    assert aws("sync", str(here / "up"), "s3://lake/synced") == "", "nothing to do"
    level = aws("ls", "s3://lake/synced/")
    assert "PRE in/" in level and "one.txt" in level, level
    listed = aws("ls", "--recursive", "--summarize", "s3://lake/")
    assert "Total Objects: 4" in listed and "synced/in/two æ.json" in listed, listed
    aws("sync", "s3://lake/synced", str(here / "down"))
    assert (here / "down" / "big").read_bytes() == big
    assert (here / "down" / "in" / "two æ.json").read_text() == "{}"
    aws("cp", "s3://lake/synced/big", "s3://lake/copied")
    aws("mv", "s3://lake/first.txt", "s3://lake/moved.txt")
    assert aws("cp", "s3://lake/moved.txt", "-") == "one"
    url = aws("presign", "s3://lake/moved.txt").strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"one"
    fetched = subprocess.run(["curl", "-sf", url], capture_output=True) if os.path.exists("/usr/bin/curl") else None
    assert fetched is None or fetched.stdout == b"one", fetched
    try:
        urllib.request.urlopen(url.replace("moved", "copied"))
        raise AssertionError("a URL for another key was taken")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"<Code>SignatureDoesNotMatch</Code>" in error.read()
    aws("rm", "--recursive", "s3://lake")
    aws("rb", "s3://lake")
