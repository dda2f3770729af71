"""Functions whose code stands in a template: Python and Node, with an interpreter that functions can execute.

Usage: inline.py ENDPOINT FOLDER prepare|deploy. `prepare` makes a virtual environment with `awslambdaric` in FOLDER and prints
the `PATH` for the server: this script's own environment, which a server that runs as root may have in a home of its own, comes first.
"""

import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys

from aws import client, until

folder, step = pathlib.Path(sys.argv[2]), sys.argv[3]
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def prepare():
    os.chmod(folder, 0o755)
    base = shutil.which(PYTHON, path=SYSTEM) or sys._base_executable
    subprocess.run([base, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for name in ("awslambdaric", "snapstart-restore-py", "simplejson"):
        try:
            parts = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for part in parts:
            if not str(part).startswith("..") and part.locate().is_file():
                (packages / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(part.locate(), packages / part)
    print(":".join([os.path.dirname(sys.executable), str(folder / "venv" / "bin"), SYSTEM]), end="")


def template(answer):
    def function(name, runtime, code):
        return {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": name, "Runtime": runtime, "Handler": "index.handler", "Timeout": 30,
            "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ZipFile": code}}}

    python = f"import os\ndef handler(event, context):\n    print('inline')\n    return [{answer!r}, event, os.getuid()]\n"
    node = f"exports.handler = async (event) => [{answer!r}, event, process.getuid()];\n"
    return json.dumps({"Resources": {"P": function("p", PYTHON, python), "N": function("n", "nodejs20.x", node)}})


def deploy():
    cloudformation, functions = client("cloudformation"), client("lambda")

    def settled(status):
        stack = until("the stack", lambda: [one for one in cloudformation.describe_stacks(StackName="inline")["Stacks"]
                                           if not one["StackStatus"].endswith("IN_PROGRESS")])[0]
        assert stack["StackStatus"] == status, cloudformation.describe_stack_events(StackName="inline")["StackEvents"]

    def invoke(name):
        answer = functions.invoke(FunctionName=name, Payload='{"n": 1}')
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    # Functions of a server that runs as root are nobody's.
    user = os.getuid() or 65534
    cloudformation.create_stack(StackName="inline", TemplateBody=template("first"))
    settled("CREATE_COMPLETE")
    assert invoke("p") == (None, ["first", {"n": 1}, user]), invoke("p")
    cloudformation.update_stack(StackName="inline", TemplateBody=template("second"))
    settled("UPDATE_COMPLETE")
    assert invoke("p") == (None, ["second", {"n": 1}, user]), invoke("p")
    error, answer = invoke("n")
    if shutil.which("aws-lambda-ric", path=SYSTEM):
        assert (error, answer) == (None, ["second", {"n": 1}, user]), answer
    else:
        assert error == "Unhandled" and "npm install -g aws-lambda-ric" in answer["errorMessage"], answer


prepare() if step == "prepare" else deploy()
