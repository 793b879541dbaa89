"""Writes the CloudFormation that SAM generates from the template, with its conditions resolved: what AWS gets.

    python3 translated.py target/template            the defaults, and every optional parameter set

checkov reads these files: it does not look behind `!If`. `test_template.py` tests them.
"""

import json
import logging
import os
import pathlib
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

TEMPLATE = pathlib.Path("template.yaml")

# One value for each parameter that is empty by default.
OPTIONAL = {
    "AlarmEmail": "on-call@example.com",
    "AllowedOrigins": "https://a.example,https://b.example",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "CheckoutCancelUrl": "https://a.example/",
    "CheckoutSuccessUrl": "https://a.example/",
    "DomainName": "billing.example.com",
    "HostedZoneId": "Z1",
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "PortalConfiguration": "bpc_1",
    "QuoteKeysSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:quote-keys",
    "ReservedConcurrency": "10",
    "RestoredTable": "restored",
    "ReturnUrl": "https://a.example/",
    "StripeRate": "50",
}


def source():
    return yaml_parse(TEMPLATE.read_text())


def defaults(template):
    return {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}


def translate(template, parameters):
    """Returns the resources and outputs that SAM's own translator makes of the template."""
    logging.disable(logging.WARNING)
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and not resource["Properties"]["CodeUri"].startswith("s3://"):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    # A copy: the translator edits the parameters.
    return Translator({}, Parser()).translate(template, dict(parameters))


def truth(conditions, parameters, condition):
    """Evaluates a condition of the template."""
    [(function, operands)] = condition.items()
    if function == "Condition":
        return truth(conditions, parameters, conditions[operands])
    if function == "Fn::Not":
        return not truth(conditions, parameters, operands[0])
    if function == "Fn::And":
        return all(truth(conditions, parameters, operand) for operand in operands)
    if function == "Fn::Or":
        return any(truth(conditions, parameters, operand) for operand in operands)
    first, second = (parameters[it["Ref"]] if isinstance(it, dict) else str(it) for it in operands)
    return first == second


def resolve(template, parameters):
    """Returns the translated template without what the conditions leave out, and with the parameters' values."""
    conditions = template.get("Conditions", {})
    is_true = lambda name: truth(conditions, parameters, conditions[name])
    nothing = {"Ref": "AWS::NoValue"}

    def walk(value):
        if isinstance(value, list):
            return [item for item in map(walk, value) if item != nothing]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::If"}:
            name, yes, no = value["Fn::If"]
            return walk(yes if is_true(name) else no)
        if set(value) == {"Ref"} and value["Ref"] in parameters:
            return parameters[value["Ref"]]
        walked = {key: walk(inner) for key, inner in value.items()}
        return {key: inner for key, inner in walked.items() if inner != nothing}

    exists = lambda it: "Condition" not in it or is_true(it["Condition"])
    resources = {name: it for name, it in template["Resources"].items() if exists(it)}
    outputs = {name: it for name, it in template.get("Outputs", {}).items() if exists(it)}
    strip = lambda group: {name: {key: walk(inner) for key, inner in it.items() if key != "Condition"} for name, it in group.items()}
    return {"Resources": strip(resources), "Outputs": strip(outputs)}


def resolved(**changed):
    """Returns the resolved template for the defaults and the changed parameters."""
    template = source()
    parameters = {**defaults(template), **changed}
    return resolve(translate(template, parameters), parameters)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, changed in [("defaults", {}), ("optional", OPTIONAL)]:
        (folder / f"{name}.json").write_text(json.dumps(resolved(**changed), indent=1))
