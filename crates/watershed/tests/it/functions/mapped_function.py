"""Makes functions of mapped.py and reads what they noted, for the scripts beside this."""

import io
import os
import pathlib
import zipfile

from aws import arn, client

CODE = pathlib.Path(__file__).parent / "mapped.py"


def place(scratch):
    """A file that functions, which may be another user's, can write."""
    os.chmod(scratch, 0o755)
    file = pathlib.Path(scratch) / "noted"
    file.touch()
    os.chmod(file, 0o666)
    return file


def create(name, file, **environment):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, CODE.read_text())
    client("lambda").create_function(
        FunctionName=name, Role=arn("iam", "role/r").replace("us-east-1", ""), Code={"ZipFile": data.getvalue()}, Timeout=30,
        Runtime="provided.al2023", Handler="bootstrap", Environment={"Variables": {"FILE": str(file), **environment}},
    )


def noted(file):
    """(function, records of the call, record) of every record handed over."""
    lines = (line.split(" ", 2) for line in file.read_text().splitlines())
    return [(name, int(count), text) for name, count, text in lines]
