//! `sam local`, and how it is led to a stack of ours.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deployer::Template;
use deployer::template::logical_name;
use serde_json::Value;
use tokio::time::sleep;

use super::Told;
use crate::about::About;
use crate::environment::Environment;
use crate::functions::FUNCTIONS;
use crate::process::Processes;
use crate::stack::root;
use crate::{Error, http, ports};

/// This machine as containers see it.
const HOST: &str = "host.docker.internal";

/// How long SAM may take to start its containers; the first time it pulls their image.
const LIMIT: Duration = Duration::from_mins(5);

/// SAM, and what it needs.
pub(super) struct Sam {
    program: PathBuf,
    /// As the template's parameter calls it.
    architecture: &'static str,
    has_image: bool,
}

impl Sam {
    /// Looks for everything that is needed, and says what is missing.
    pub(super) fn find() -> Result<Self, Error> {
        let program = root().join(".venv-deploy/bin/sam");
        if !program.exists() {
            return Err(Error::Sam(
                "there is no SAM CLI; `make setup-deploy` installs it".to_owned(),
            ));
        }
        if !succeeds(&["info"]) {
            return Err(Error::Sam("Docker does not answer; start it, then try again".to_owned()));
        }
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let image = format!("public.ecr.aws/lambda/provided:al2023-{architecture}");
        let has_image = succeeds(&["image", "inspect", &image]);
        Ok(Self { program, architecture, has_image })
    }

    /// Writes the built template with this stack's addresses in it.
    pub(super) fn prepare(about: &About) -> Result<PathBuf, Error> {
        let built = root().join(".aws-sam/build/template.yaml");
        let template = Template::read(&built).map_err(|error| {
            Error::Sam(format!("{error}; `make sam-local` runs `sam build` first"))
        })?;
        let own = |url: &str| url.replace("127.0.0.1", HOST);
        let environment = Environment::new(&own(&about.stripe_url), &own(&about.aws_url));
        let mut template = template;
        for function in FUNCTIONS {
            let logical = logical_name(function.name);
            let mut variables = environment.variables();
            variables.push(("STRIPE_SECRET_ID", function.secret.id().to_owned()));
            template = template.with_environment(&logical, &variables);
        }
        let path = Self::template();
        std::fs::write(&path, template.json().to_string()).map_err(Error::file(&path))?;
        Ok(path)
    }

    /// Where the packages are, whose places the template names from its own.
    fn template() -> PathBuf {
        root().join(".aws-sam/build/local.json")
    }

    fn local(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("local").args(arguments).current_dir(root());
        command.arg("--template").arg(Self::template());
        command.args(["--parameter-overrides", &format!("Architecture={}", self.architecture)]);
        command.args(["--add-host", &format!("{HOST}:host-gateway")]);
        if self.has_image {
            command.arg("--skip-pull-image");
        }
        let credentials = [("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")];
        command.envs(credentials).env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
        command.env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "us-east-1");
        command
    }

    /// The function's answer to its event.
    pub(super) fn invoke(&self, function: &str) -> Result<Told, Error> {
        let event = format!("events/{function}.json");
        let mut command = self.local(&["invoke", &logical_name(function), "--event", &event]);
        let output = command.stdin(Stdio::null()).output().map_err(|source| Error::NotStarted {
            program: "sam".to_owned(),
            source,
            advice: "`make setup-deploy` installs it.",
        })?;
        // It succeeds whatever became of the function: what counts is what the function answered.
        let text = String::from_utf8_lossy(&output.stdout);
        let mut answers = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let answer = answers.rfind(|answer| answer["statusCode"].is_u64());
        let answer = answer.ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            Error::Sam(format!("{function} gave no answer:\n{text}{said}"))
        })?;
        let body = answer["body"].as_str().unwrap_or_default();
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        Ok(Told { status: answer["statusCode"].as_u64().unwrap_or_default(), body })
    }

    /// Starts API Gateway's stand-in, and says where it is.
    pub(super) async fn start_api(&self, processes: &mut Processes) -> Result<String, Error> {
        let port = ports::claim(0, "SAM_PORT")?;
        let port_text = port.to_string();
        let command =
            self.local(&["start-api", "--port", &port_text, "--warm-containers", "EAGER"]);
        processes.spawn("start-api", command, "`make setup-deploy` installs it.")?;
        let url = format!("http://127.0.0.1:{port}");
        let end = Instant::now() + LIMIT;
        loop {
            processes.check()?;
            let probe = format!("{url}{}", FUNCTIONS[0].path);
            // Without a key: 401, from the function in its container.
            match http::send("GET", &probe, &[], "", Duration::from_secs(20)).await {
                Ok(answer) if answer.status == 401 => return Ok(url),
                answer if Instant::now() > end => {
                    return Err(Error::Sam(format!("start-api does not come up: {answer:?}")));
                }
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

fn succeeds(docker: &[&str]) -> bool {
    let mut command = Command::new("docker");
    command.args(docker).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
