"""Fake AWS CLI for the tests of the scripts and of the operator's guide.

As a command it records each call in $FOLDER/calls, keeps S3's objects in $FOLDER/s3, and answers from $FOLDER/answers.json:
`{"lambda get-alias --name live": {…}}`. Of the keys whose words are all in the call, the longest wins. An answer is the
API's output, or `{"Error": "message"}`.

`aws.py check` then refuses what AWS would refuse in the recorded calls: unknown operations and options, missing ones, and
values that do not match the service's model (botocore's, whose loading takes too long for each call).
"""

import json
import os
import pathlib
import re
import shutil
import sys

FOLDER = pathlib.Path(os.environ["FOLDER"])


def fail(message, code=254):
    print(f"aws: {message}", file=sys.stderr)
    sys.exit(code)


def place(text):
    return FOLDER / "s3" / text[5:] if text.startswith("s3://") else pathlib.Path(text)


def option(words, name):
    return words[words.index(name) + 1] if name in words else None


def answer(words):
    path = FOLDER / "answers.json"
    answers = json.loads(path.read_text()) if path.exists() else {}
    keys = [key for key in answers if set(key.split()) <= set(words)]
    return answers[max(keys, key=len)] if keys else {}


def text_of(value):
    if isinstance(value, list):
        is_table = value and all(isinstance(item, list) for item in value)
        return ("\n" if is_table else "\t").join(text_of(item) for item in value)
    return str(value)


def deploy(words):
    """`aws cloudformation deploy`, for a template without a transform."""
    text = pathlib.Path(option(words, "--template-file")).read_text()
    declared = set(re.findall(r"(?m)^  (\w+):$", text.split("\nParameters:\n")[1].split("\nResources:\n")[0]))
    index = words.index("--parameter-overrides") + 1
    for pair in words[index:]:
        if pair.startswith("--"):
            break
        if pair.split("=")[0] not in declared:
            fail(f"ValidationError: the template has no parameter {pair}")
    if "AWS::IAM::Role" in text and "CAPABILITY_IAM" not in words:
        fail("InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]")


def run(words):
    with open(FOLDER / "calls", "a") as calls:
        calls.write(" ".join(words) + "\n")
    # The scripts delete these files.
    recorded = [pathlib.Path(word[7:]).read_text() if word.startswith("file://") else word for word in words]
    with open(FOLDER / "calls.jsonl", "a") as calls:
        calls.write(json.dumps(recorded) + "\n")
    found = answer(words)
    if "Error" in found:
        fail(found["Error"])
    if words[:2] == ["s3", "cp"]:
        source, target = [word for word in words[2:] if not word.startswith("--")]
        place(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(place(source), place(target))
    elif words[:2] == ["cloudformation", "deploy"]:
        deploy(words)
    elif words[:2] == ["s3api", "head-object"]:
        if not place(f"s3://{option(words, '--bucket')}/{option(words, '--key')}").exists():
            fail("An error occurred (404) when calling the HeadObject operation: Not Found")
    elif words[1] != "wait":
        if option(words, "--query"):
            import jmespath

            found = jmespath.search(option(words, "--query"), found)
        if option(words, "--output") == "text":
            print(text_of(found))
        else:
            print(json.dumps(found, indent=4))


def value_of(shape, texts):
    """Converts the texts after an option to what its shape takes."""
    kind = shape.type_name
    if kind in ("list", "structure", "map") and texts[0].lstrip().startswith(("[", "{")):
        return json.loads(texts[0])
    if kind == "list":
        return [value_of(shape.member, [text]) for text in texts]
    if kind in ("structure", "map"):
        pairs = dict(part.split("=", 1) for part in texts[0].split(","))
        return {name: value_of(shape.value if kind == "map" else shape.members[name], [text]) for name, text in pairs.items()}
    if kind == "boolean":
        return texts[0].lower() == "true" if texts else True
    if kind in ("integer", "long"):
        return int(texts[0])
    return texts[0].encode() if kind == "blob" else texts[0]


def check_patterns(shape, value, name):
    if shape.type_name == "string" and not re.fullmatch(shape.metadata.get("pattern", ".*"), value, re.DOTALL):
        raise ValueError(f"{name}: {value!r} does not match {shape.metadata['pattern']}")
    if shape.type_name == "structure":
        for key, inner in value.items():
            check_patterns(shape.members[key], inner, key)
    if shape.type_name == "list":
        for inner in value:
            check_patterns(shape.member, inner, name)


def check_call(session, words):
    from botocore import xform_name
    from botocore.validate import ParamValidator

    # Commands that the CLI has in addition to the operations of the services.
    if words[0] == "s3" or words[:2] in (["cloudformation", "deploy"], ["logs", "tail"]):
        return
    service = "s3" if words[0] == "s3api" else words[0]
    model = session.get_service_model(service)
    if words[1] == "wait":
        waiters = session.get_waiter_model(service)
        names = {xform_name(name, "-"): waiters.get_waiter(name).operation for name in waiters.waiter_names}
        verb, rest = words[2], words[3:]
    else:
        names = {xform_name(name, "-"): name for name in model.operation_names}
        verb, rest = words[1], words[2:]
    if verb not in names:
        raise ValueError("there is no such operation or waiter")
    shape = model.operation_model(names[verb]).input_shape
    members = {xform_name(name, "-"): name for name in shape.members} if shape else {}
    parameters = {}
    if words[:2] == ["lambda", "invoke"]:
        rest = [word for word in rest if word != "/dev/null"]  # The file for the response.
    while rest:
        name, rest = rest[0], rest[1:]
        count = next((index for index, word in enumerate(rest) if word.startswith("--")), len(rest))
        texts, rest = rest[:count], rest[count:]
        if name in ("--query", "--output", "--region"):
            continue
        name = name.removeprefix("--")
        if name in members:
            parameters[members[name]] = value_of(shape.members[members[name]], texts)
        elif name.removeprefix("no-") in members and not texts:
            parameters[members[name.removeprefix("no-")]] = False
        else:
            raise ValueError(f"unknown option --{name}")
    if shape:
        report = ParamValidator().validate(parameters, shape)
        if report.has_errors():
            raise ValueError(report.generate_report())
        check_patterns(shape, parameters, verb)


def check():
    from botocore.session import get_session

    session, refused = get_session(), []
    path = FOLDER / "calls.jsonl"
    for line in sorted(set(path.read_text().splitlines())) if path.exists() else []:
        words = json.loads(line)
        try:
            check_call(session, words)
        except Exception as error:  # Also a form that this fake does not know.
            refused.append(f"{' '.join(words)}: {error}")
    sys.exit("\n".join(refused) or None)


if __name__ == "__main__":
    check() if sys.argv[1:] == ["check"] else run(sys.argv[1:])
