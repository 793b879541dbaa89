"""Tests of who has credentials in the workflows. zizmor checks the rest.

`make lint-workflows` runs them.
"""

import pathlib
import re
import unittest

import yaml

FOLDER = pathlib.Path(".github/workflows")
WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yml")}
JOBS = {(file, name): job for file, workflow in WORKFLOWS.items() for name, job in workflow["jobs"].items()}


def text_of(job):
    return "\n".join(str(step.get("run", "")) + str(step.get("uses", "")) for step in job.get("steps", []))


class Workflows(unittest.TestCase):
    def test_jobs_with_credentials_check_nothing_out_and_build_nothing(self):
        found = [key for key, job in JOBS.items() if "id-token" in job["permissions"] and "steps" in job]
        self.assertEqual(sorted(found), [("deploy-to.yml", "deploy"), ("deploy.yml", "attest")])
        for key in found:
            for builds in ["actions/checkout", "make ", "cargo ", "pip ", "npm ", "rustup "]:
                self.assertNotIn(builds, text_of(JOBS[key]), key)

    def test_building_jobs_have_no_credentials(self):
        for key, job in JOBS.items():
            if "actions/checkout" in text_of(job):
                self.assertNotIn("write", job["permissions"].values(), key)
                self.assertNotIn("secrets.", str(job), key)
                self.assertNotIn("environment", job, key)

    def test_credentials_come_after_the_bundle_is_verified(self):
        text = text_of(JOBS["deploy-to.yml", "deploy"])
        order = [text.index(part) for part in ["download-artifact", "gh attestation verify", "configure-aws-credentials", "stack.sh deploy", "smoke.sh", "stack.sh good"]]
        self.assertEqual(order, sorted(order))

    def test_nothing_is_deployed_before_it_is_checked_and_attested(self):
        jobs = WORKFLOWS["deploy.yml"]["jobs"]
        self.assertEqual(set(jobs["dev"]["needs"]), {"check", "attest"})
        self.assertEqual((jobs["staging"]["needs"], jobs["attest"]["needs"]), ("dev", "build"))
        self.assertEqual(jobs["check"]["uses"], "./.github/workflows/ci.yml")
        self.assertIn(".ci/run", text_of(JOBS["ci.yml", "check"]))

    def test_prod_gets_the_bundle_that_staging_ran(self):
        self.assertIn("--workflow deploy.yml --branch main --status success", text_of(JOBS["promote.yml", "choose"]))
        self.assertEqual(JOBS["promote.yml", "prod"]["with"]["run-id"], "${{ needs.choose.outputs.run-id }}")

    def test_the_shipped_architecture_is_run(self):
        job = JOBS["ci.yml", "arm64"]
        self.assertEqual((job["runs-on"], "make sam-local" in text_of(job)), ("ubuntu-24.04-arm", True))

    def test_actions_are_pinned_and_name_their_version(self):
        for path in FOLDER.glob("*.yml"):
            for line in path.read_text().splitlines():
                if "uses:" in line and "./" not in line:
                    self.assertRegex(line, r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", path.name)

    def test_nightly_audit_fails_if_it_cannot_look(self):
        self.assertIn("AUDIT_MUST_LOOK=1", text_of(JOBS["nightly.yml", "audit"]))

    def test_python_packages_are_pinned_by_hash(self):
        self.assertIn("--require-hashes", pathlib.Path("Makefile").read_text())
        for name in ["requirements.txt", "requirements-deploy.txt"]:
            for package in re.split(r"(?m)^(?=[A-Za-z])", pathlib.Path(name).read_text())[1:]:
                self.assertIn("--hash=sha256:", package)


if __name__ == "__main__":
    unittest.main()
