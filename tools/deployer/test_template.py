"""Tests of what AWS gets: the template as SAM's own translator translates it, and the code inside of it.

`make lint-template` runs them.
"""

import io
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
from unittest import mock

from botocore import xform_name
from botocore.session import get_session

import translated


# Functions of the template by logical name, and the routes of those that have one: method and path.
FUNCTIONS = {name: it["Properties"] for name, it in translated.source()["Resources"].items() if it["Type"] == "AWS::Serverless::Function"}
ROUTES = {name: it["Events"]["Route"]["Properties"] for name, it in FUNCTIONS.items() if "Route" in it["Events"]}
COUNT = len(FUNCTIONS)


def of_type(template, kind):
    return {name: it["Properties"] for name, it in template["Resources"].items() if it["Type"] == kind}


def with_digest(digest, **changed):
    """Returns the translated template as a deployment sends it."""
    template = translated.source()
    template["Globals"]["Function"]["Environment"]["Variables"]["SETTINGS_DIGEST"] = digest
    for name, value in changed.items():
        template["Resources"]["SummaryFunction"]["Properties"][name] = value
    return translated.translate(template, translated.defaults(template))


def names_of(kind, template):
    return {name for name, it in template["Resources"].items() if it["Type"] == kind}


class Translated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = translated.translate(translated.source(), translated.defaults(translated.source()))
        cls.defaults = translated.resolved()
        cls.optional = translated.resolved(**translated.OPTIONAL)

    def test_routes_and_schedule_invoke_aliases(self):
        aliases = of_type(self.template, "AWS::Lambda::Alias")
        self.assertEqual(len(aliases), COUNT)
        body = json.dumps(self.template["Resources"]["Api"]["Properties"]["Body"])
        for name in aliases:
            if name != "FollowFunctionAliaslive":
                self.assertIn(f"${{{name}}}" if f"${{{name}}}" in body else f'"{name}"', body)
        rules = of_type(self.template, "AWS::Events::Rule")
        targets = [rule["Targets"][0]["Arn"] for name, rule in rules.items() if name.startswith("Follow")]
        self.assertEqual(targets, [{"Ref": "FollowFunctionAliaslive"}])

    def test_cors_allows_the_operators_origins(self):
        body = self.optional["Resources"]["Api"]["Properties"]["Body"]
        origins = {"Fn::Split": [",", translated.OPTIONAL["AllowedOrigins"]]}
        self.assertEqual(body["x-amazon-apigateway-cors"]["allowOrigins"], origins)
        self.assertNotIn("x-amazon-apigateway-cors", self.defaults["Resources"]["Api"]["Properties"]["Body"])

    def test_changed_settings_publish_a_version_of_each_function(self):
        versions = lambda template: names_of("AWS::Lambda::Version", template)
        before, after = versions(with_digest("a")), versions(with_digest("b"))
        self.assertEqual((len(before), len(after), before & after), (COUNT, COUNT, set()))
        self.assertEqual(versions(with_digest("a")), before, "unchanged settings publish nothing")

    def test_any_changed_property_publishes_a_version_of_its_function_only(self):
        versions = lambda template: names_of("AWS::Lambda::Version", template)
        before = versions(with_digest("a"))
        for name, value in [("CodeUri", "s3://bucket/other"), ("MemorySize", 512), ("Timeout", 7)]:
            changed = before - versions(with_digest("a", **{name: value}))
            self.assertEqual(len(changed), 1, name)
            self.assertTrue(changed.pop().startswith("SummaryFunctionVersion"), name)

    def test_deployment_at_once_asks_neither_hook_nor_alarm(self):
        template = translated.source()
        for it in template["Resources"].values():
            if it["Type"] == "AWS::Serverless::Function":
                it["Properties"]["DeploymentPreference"]["Enabled"] = False
        at_once = translated.translate(template, translated.defaults(template))
        self.assertEqual(of_type(at_once, "AWS::CodeDeploy::DeploymentGroup"), {})
        aliases = [it for it in at_once["Resources"].values() if it["Type"] == "AWS::Lambda::Alias"]
        self.assertEqual([it.get("UpdatePolicy") for it in aliases], [None] * COUNT)

    def test_each_deployment_is_guarded_by_the_hook_and_the_canary_alarm_alone(self):
        groups = of_type(self.template, "AWS::CodeDeploy::DeploymentGroup")
        self.assertEqual(len(groups), COUNT)
        for name, group in groups.items():
            stem = name.removesuffix("FunctionDeploymentGroup")
            alarms = group["AlarmConfiguration"]["Alarms"]
            self.assertEqual(alarms, [{"Name": {"Ref": f"{stem}Canary"}}], name)
            self.assertEqual(group["ServiceRoleArn"], {"Fn::GetAtt": ["DeploymentRole", "Arn"]})
            alias = self.template["Resources"][f"{stem}FunctionAliaslive"]
            hook = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["BeforeAllowTrafficHook"]
            self.assertEqual(hook, {"Ref": "GuardFunction"}, name)

    def test_canary_alarm_counts_the_new_versions_own_faults_only(self):
        for name, alarm in of_type(self.template, "AWS::CloudWatch::Alarm").items():
            if not name.endswith("Canary"):
                continue
            metrics = [metric["MetricStat"]["Metric"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
            metrics = metrics or [alarm]
            stem = name.removesuffix("Canary")
            version = next(it for it in names_of("AWS::Lambda::Version", self.template) if it.startswith(f"{stem}FunctionVersion"))
            for metric in metrics:
                self.assertIn((metric["Namespace"], metric["MetricName"]), [("CantilaBilling", "OwnFaults"), ("AWS/Lambda", "Errors")])
                dimensions = {it["Name"]: it["Value"] for it in metric["Dimensions"]}
                self.assertEqual(dimensions["ExecutedVersion"], {"Fn::GetAtt": [version, "Version"]}, name)

    def test_no_percentile_alarm_ignores_few_requests(self):
        for name, alarm in of_type(self.defaults, "AWS::CloudWatch::Alarm").items():
            self.assertNotIn("ExtendedStatistic", alarm, f"{name}: below 1,000 samples CloudWatch may ignore it")
        slow = self.defaults["Resources"]["Slow"]["Properties"]
        self.assertEqual({it["MetricStat"]["Stat"] for it in slow["Metrics"] if "MetricStat" in it}, {"p90", "Sum"})
        self.assertTrue(slow["Metrics"][0]["Expression"].startswith("IF(requests >= "))

    def test_gateways_4xx_and_5xx_have_alarms(self):
        text = json.dumps(of_type(self.defaults, "AWS::CloudWatch::Alarm"))
        for metric in ["4xx", "5xx"]:
            self.assertIn(f'"MetricName": "{metric}"', text)

    def test_throttles_name_no_route(self):
        stages = of_type(self.defaults, "AWS::ApiGatewayV2::Stage")
        [stage] = stages.values()
        self.assertNotIn("RouteSettings", stage)
        self.assertEqual(stage["DefaultRouteSettings"], {"ThrottlingRateLimit": "50", "ThrottlingBurstLimit": "100"})

    def test_sub_accounts_and_handles_cannot_be_rewritten(self):
        for function in ["CheckoutSession", "PortalSession"]:
            role = self.defaults["Resources"][f"{function}Role"]["Properties"]
            statements = [it for policy in role["Policies"] for it in policy["PolicyDocument"]["Statement"]]
            keys = lambda it: it.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
            [update] = [it for it in statements if it["Action"] == "dynamodb:UpdateItem" and "ACCOUNT#*" in keys(it)]
            attributes = update["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
            self.assertEqual(attributes, ["pk", "sk", "customer", "customerRequestId", "customerKeyId"])
            returned = update["Condition"]["StringEqualsIfExists"]["dynamodb:ReturnValues"]
            self.assertNotIn("ALL_OLD", returned + [None])
            self.assertNotIn("ALL_NEW", returned)

    def test_failed_first_deployment_leaves_nothing_and_a_deleted_stack_keeps_its_data(self):
        retained = {}
        for name, it in translated.source()["Resources"].items():
            if "DeletionPolicy" in it:
                retained[name] = (it["DeletionPolicy"], it["UpdateReplacePolicy"])
        self.assertEqual(set(retained.values()), {("RetainExceptOnCreate", "Retain")})
        # Every function that is not a GET writes audit lines.
        logs = {name.replace("Function", "Logs") for name, route in ROUTES.items() if route["Method"] != "GET"}
        secrets = {"QuoteKeysSecret", "StripeReadSecret", "StripeWriteSecret", "CanaryKeySecret"}
        self.assertEqual(set(retained), {"Table"} | logs | secrets)

    def test_custom_domain_leaves_the_default_address(self):
        key = "x-amazon-apigateway-endpoint-configuration"
        servers = lambda template: template["Resources"]["Api"]["Properties"]["Body"]["servers"]
        disabled = lambda template: servers(template)[0][key]["disableExecuteApiEndpoint"]
        self.assertIs(disabled(self.optional), False)
        self.assertIs(disabled(translated.resolved(**translated.OPTIONAL, DisableDefaultAddress="true")), True)

    def test_every_role_is_in_the_template_and_has_the_boundary(self):
        roles = of_type(self.optional, "AWS::IAM::Role")
        own = {name for name, it in translated.source()["Resources"].items() if it["Type"] == "AWS::IAM::Role"}
        self.assertEqual(set(roles), own, "SAM creates a role that is not in the template")
        for name, role in roles.items():
            self.assertEqual(role["PermissionsBoundary"], translated.OPTIONAL["PermissionsBoundaryArn"], name)

    def test_restored_table_replaces_the_stacks_own_everywhere(self):
        parts = {"Outputs": self.optional["Outputs"], "Resources": {**self.optional["Resources"]}}
        del parts["Resources"]["Table"]
        text = json.dumps(parts)
        for own in ['{"Ref": "Table"}', '["Table", "Arn"]', "${Table}"]:
            self.assertNotIn(own, text)

    def test_standby_does_not_follow(self):
        rule = lambda template: template["Resources"]["FollowFunctionEachMinute"]["Properties"]["State"]
        standby = translated.resolved(Standby="true")
        self.assertEqual((rule(self.defaults), rule(standby)), ("ENABLED", "DISABLED"))
        self.assertIs(standby["Resources"]["WatermarkOld"]["Properties"]["ActionsEnabled"], False)

    def test_follow_has_its_own_timeout_and_no_reservation(self):
        follow = self.optional["Resources"]["FollowFunction"]["Properties"]
        self.assertEqual(follow["Timeout"], 70)
        self.assertNotIn("ReservedConcurrentExecutions", follow)


class Composed(unittest.TestCase):
    """The output of `deployer compose`, which a deployment sends."""

    def versions(self, **changed):
        with tempfile.TemporaryDirectory() as folder:
            options = [f"--set={name}={value}" for name, value in changed.items()]
            functions = [path.name for path in pathlib.Path("functions").iterdir()]
            packages = [f"--package={name}=s3://bucket/{name}" for name in functions]
            command = [os.environ.get("DEPLOYER", "target/debug/deployer"), "compose", "--template", "template.yaml"]
            subprocess.run([*command, *options, *packages, "--output", folder], check=True)
            template = json.loads(pathlib.Path(folder, "template.json").read_text())
            parameters = json.loads(pathlib.Path(folder, "parameters.json").read_text())
        values = {it["ParameterKey"]: it["ParameterValue"] for it in parameters}
        return names_of("AWS::Lambda::Version", translated.translate(template, values))

    def test_changed_parameter_reaches_callers_with_the_deployment_that_changes_it(self):
        before = self.versions()
        self.assertEqual((len(before), self.versions(AlarmEmail="a@example.com")), (COUNT, before))
        for name, value in [("RestoredTable", "restored"), ("AllowedOrigins", "https://a.example"), ("MemorySize", "512")]:
            self.assertFalse(before & self.versions(**{name: value}), f"{name} changes, and live stays as it is")


class Bootstrap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = pathlib.Path("bootstrap.yaml").read_text()
        cls.template = translated.yaml_parse(cls.text)
        cls.resources = cls.template["Resources"]

    def statements(self, name):
        properties = self.resources[name]["Properties"]
        documents = [properties.get("PolicyDocument")] + [it["PolicyDocument"] for it in properties.get("Policies", [])]
        return [it for document in documents if document for it in document["Statement"]]

    def test_cloudformation_reads_it_as_it_is(self):
        for path in ["bootstrap.yaml", "examples/edge.yaml"]:
            text = pathlib.Path(path).read_text()
            self.assertNotRegex(text, r"(?m)[:\-\[,] [&*][a-z]", f"CloudFormation refuses YAML aliases: {path}")
            self.assertLess(len(text.encode()), 51_200)

    def test_only_jobs_of_the_environment_and_repository_on_main_may_deploy(self):
        [statement] = self.resources["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        issuer = "token.actions.githubusercontent.com:"
        equals = statement["Condition"]["StringEquals"]
        self.assertEqual(
            equals,
            {
                f"{issuer}aud": "sts.amazonaws.com",
                f"{issuer}repository_id": {"Ref": "RepositoryId"},
                f"{issuer}environment": {"Ref": "Environment"},
                f"{issuer}ref": "refs/heads/main",
            },
        )

    def test_deployments_cannot_make_a_role_without_the_boundary(self):
        creating = [it for it in self.statements("ExecutionRole") if "iam:CreateRole" in it["Action"]]
        condition = {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "PermissionsBoundary"}}}
        self.assertEqual([it["Condition"] for it in creating], [condition])
        actions = [action for it in self.statements("ExecutionRole") if it["Effect"] == "Allow" for action in it["Action"]]
        for forbidden in ["iam:*", "iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion", "iam:CreateUser"]:
            self.assertNotIn(forbidden, actions)

    def test_no_deployment_can_read_a_secret(self):
        for name in ["ExecutionRole", "DeployPolicy"]:
            for statement in self.statements(name):
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                for action in actions:
                    self.assertNotIn(action, ["*", "secretsmanager:*", "secretsmanager:GetSecretValue"], name)

    def test_operator_may_make_every_call_of_billingctl(self):
        sources = "".join(path.read_text() for path in pathlib.Path("tools/billingctl/src").rglob("*.rs"))
        called = set(re.findall(r"\.([a-z_]+)\(\)", sources))
        allowed = {action for it in self.statements("OperatorPolicy") for action in ([it["Action"]] if isinstance(it["Action"], str) else it["Action"])}
        session = get_session()
        found = 0
        # The stack creates table and secrets; a transaction needs the permissions of its parts.
        elsewhere = {"CreateTable", "CreateSecret", "TransactWriteItems"}
        for service in ["dynamodb", "secretsmanager", "sts", "lambda", "logs"]:
            for operation in session.get_service_model(service).operation_names:
                if xform_name(operation) in called and operation not in elsewhere and operation != "Invoke":
                    self.assertIn(f"{service}:{operation}", allowed)
                    found += 1
        self.assertGreater(found, 12)

    def test_boundary_allows_all_that_the_roles_of_the_stack_may(self):
        allowed = {action for it in self.statements("PermissionsBoundary") for action in it["Action"]}
        stack = translated.resolved(**translated.OPTIONAL)
        for name, role in of_type(stack, "AWS::IAM::Role").items():
            for policy in role.get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                    self.assertLessEqual(set(actions), allowed, name)

    def test_execution_role_knows_every_service_of_the_stack(self):
        services = {action.split(":")[0] for it in self.statements("ExecutionRole") for action in ([it["Action"]] if isinstance(it["Action"], str) else it["Action"])}
        other = {"apigatewayv2": "apigateway", "certificatemanager": "acm"}
        for parameters in [{}, translated.OPTIONAL]:
            for it in translated.resolved(**parameters)["Resources"].values():
                service = it["Type"].split("::")[1].lower()
                self.assertIn(other.get(service, service), services, it["Type"])


class Inline(unittest.TestCase):
    """The Python code in the template."""

    def load(self, logical, clients, environment):
        code = translated.source()["Resources"][logical]["Properties"]["Code"]["ZipFile"]
        self.assertLess(len(code), 4_096, "CloudFormation's documented limit")
        module = {}
        with mock.patch("boto3.client", side_effect=lambda name, **_: clients[name]), mock.patch.dict(os.environ, environment):
            exec(compile(code, logical, "exec"), module)
        return module

    def secrets(self, key):
        secrets = mock.Mock()
        secrets.exceptions.ResourceNotFoundException = KeyError
        secrets.get_secret_value.side_effect = None if key else KeyError("no value")
        secrets.get_secret_value.return_value = {"SecretString": key}
        return secrets

    def guard(self, responses, key="sk_test_1", name="stack-summary"):
        """Runs the guard on a deployment of version 7. Returns its verdict and the invocations."""
        functions, codedeploy = mock.Mock(), mock.Mock()
        spec = {"version": 0.0, "Resources": [{"f": {"Type": "AWS::Lambda::Function", "Properties": {"Name": name, "Alias": "live", "CurrentVersion": "6", "TargetVersion": "7"}}}]}
        revision = {"revisionType": "String", "string": {"sha256": "abc"}}
        codedeploy.get_deployment.return_value = {"deploymentInfo": {"applicationName": "stack-app", "revision": revision}}
        whole = {"revisionType": "String", "string": {"sha256": "abc", "content": json.dumps(spec)}}
        codedeploy.get_application_revision.return_value = {"revision": whole}
        invocations = []

        def invoke(FunctionName, Qualifier, Payload):
            invocations.append((FunctionName, Qualifier, json.loads(Payload)))
            response = responses[Qualifier]
            if response == "crash":
                return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "x"}')}
            return {"Payload": io.BytesIO(json.dumps(response and {"statusCode": response}).encode())}

        functions.invoke.side_effect = invoke
        clients = {"lambda": functions, "codedeploy": codedeploy, "secretsmanager": self.secrets(key)}
        environment = {"KEY_SECRET": "the-secret", "FOLLOW": "stack-follow"}
        with mock.patch.dict(os.environ, environment), mock.patch("builtins.print"):
            handler = self.load("GuardFunction", clients, environment)["handler"]
            try:
                handler({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}, None)
            except Exception:
                pass  # The verdict counts.
        codedeploy.get_application_revision.assert_called_with(applicationName="stack-app", revision=revision)
        [call] = codedeploy.put_lifecycle_event_hook_execution_status.call_args_list
        self.assertEqual((call.kwargs["deploymentId"], call.kwargs["lifecycleEventHookExecutionId"]), ("d-1", "e-1"))
        return call.kwargs["status"], invocations

    def test_guard_reads_with_the_new_version(self):
        verdict, invocations = self.guard({"7": 200})
        self.assertEqual(verdict, "Succeeded")
        self.assertTrue(all((name, version) == ("stack-summary", "7") for name, version, _ in invocations))
        self.assertEqual(invocations[0][2]["headers"], {"authorization": "Bearer sk_test_1"})

    def test_guard_accepts_what_a_read_key_may_not(self):
        for status in [401, 403]:
            self.assertEqual(self.guard({"7": status})[0], "Succeeded")

    def test_guard_works_before_a_key_is_stored(self):
        verdict, invocations = self.guard({"7": 401}, key=None)
        self.assertEqual((verdict, invocations[0][2]["headers"]), ("Succeeded", {}))

    def test_guard_refuses_a_version_that_fails(self):
        for status in [500, 502, 503, "crash"]:
            self.assertEqual(self.guard({"7": status, "live": 200})[0], "Failed", status)

    def test_guard_does_not_blame_the_new_version_for_an_outage(self):
        self.assertEqual(self.guard({"7": 503, "live": 503})[0], "Succeeded")
        self.assertEqual(self.guard({"7": "crash", "live": "crash"})[0], "Failed")

    def test_guard_runs_follow_once(self):
        verdict, invocations = self.guard({"7": None}, name="stack-follow")
        self.assertEqual((verdict, len(invocations)), ("Succeeded", 1))
        self.assertEqual(self.guard({"7": "crash"}, name="stack-follow")[0], "Failed")

    def test_guard_that_cannot_look_refuses(self):
        self.assertEqual(self.guard({})[0], "Failed")

    def canary(self, statuses, key="sk_test_1"):
        from urllib.error import HTTPError

        requests = []

        def urlopen(request, timeout):
            requests.append(request)
            status = statuses.get(request.selector.rsplit("/", 1)[1], 200 if key else 401)
            if status >= 400:
                raise HTTPError(request.full_url, status, "", {}, None)
            return mock.Mock(status=status)

        environment = {"KEY_SECRET": "the-secret", "API": "https://api.example"}
        with mock.patch.dict(os.environ, environment), mock.patch("urllib.request.urlopen", urlopen):
            module = self.load("CanaryFunction", {"secretsmanager": self.secrets(key)}, environment)
            module["handler"]({}, None)
        return requests

    def test_canary_calls_each_get_route_as_a_caller(self):
        requests = self.canary({})
        routes = [request.full_url for request in requests]
        expected = [route["Path"] for route in ROUTES.values() if route["Method"] == "GET" and "{" not in route["Path"]]
        self.assertEqual(routes, [f"https://api.example{path}" for path in expected])
        self.assertEqual(requests[0].headers, {"Authorization": "Bearer sk_test_1"})
        self.assertEqual(len(self.canary({}, key=None)), len(expected), "without a key every route responds with 401")

    def test_canary_fails_if_a_route_does(self):
        for status in [401, 429, 500, 503]:
            with self.assertRaisesRegex(RuntimeError, f"invoices responds {status}"):
                self.canary({"invoices": status})


if __name__ == "__main__":
    unittest.main()
