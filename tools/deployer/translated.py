"""Checks the CloudFormation that SAM generates from the template, where SAM's rules are not obvious.

`make lint-template` runs it.
"""

import logging
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.disable(logging.WARNING)
template = yaml_parse(open("template.yaml").read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
parameters = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
parameters["AllowedOrigins"] = "https://a.example,https://b.example"
resources = Translator({}, Parser()).translate(template, parameters)["Resources"]


def of_type(kind):
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


wrong = []
body = resources["Api"]["Properties"]["Body"]
cors = body["x-amazon-apigateway-cors"]["Fn::If"]
if cors[0] != "HasOrigins" or cors[1].get("allowOrigins") != {"Fn::Split": [",", parameters["AllowedOrigins"]]}:
    wrong.append(f"CORS does not allow AllowedOrigins: {cors}")
# The eight functions with a route, and follow.
if len(body["paths"]) != 8 or len(of_type("AWS::Lambda::Alias")) != 9:
    wrong.append("not every route invokes an alias of a function")
groups = of_type("AWS::CodeDeploy::DeploymentGroup").values()
alarms = sorted(len(group["Properties"]["AlarmConfiguration"]["Alarms"]) for group in groups)
if alarms != [1] + 8 * [2]:
    wrong.append("not every deployment group has its function's alarms")
rules = [rule["Properties"] for rule in of_type("AWS::Events::Rule").values()]
if [rule["Targets"][0]["Arn"] for rule in rules] != [{"Ref": "FollowFunctionAliaslive"}]:
    wrong.append(f"the schedule does not invoke the alias of follow: {rules}")
follow = resources["FollowFunction"]["Properties"]
if follow["Timeout"] != 70 or follow["ReservedConcurrentExecutions"] != {"Ref": "AWS::NoValue"}:
    wrong.append("follow has the timeout or the reserved concurrency of the other functions")
own = {name for name in template["Resources"] if name.endswith("Role")}
if set(of_type("AWS::IAM::Role")) != own | {"CodeDeployServiceRole"}:
    wrong.append("SAM creates a role that is not in the template")
sys.exit("\n".join(wrong) or None)
