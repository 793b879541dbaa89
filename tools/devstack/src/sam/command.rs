//! Runs `sam local` against a stack.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deployer::Template;
use deployer::template::logical_name;
use serde_json::Value;
use tokio::time::sleep;

use super::Outcome;
use crate::about::About;
use crate::environment::Environment;
use crate::functions::FUNCTIONS;
use crate::process::Processes;
use crate::stack::{NO_RATE, root};
use crate::{Error, http, ports};

/// Name of this machine inside containers.
const HOST: &str = "host.docker.internal";

/// Time that SAM has to start its containers, whose image it may have to pull.
const LIMIT: Duration = Duration::from_mins(5);

/// Installed SAM CLI.
pub(super) struct Sam {
    program: PathBuf,
    /// Value of the template's parameter `Architecture`.
    architecture: &'static str,
    has_image: bool,
}

impl Sam {
    /// Finds the SAM CLI, Docker and the image, or returns an error that says what is missing.
    pub(super) fn find() -> Result<Self, Error> {
        let program = root().join(".venv-deploy/bin/sam");
        if !program.exists() {
            return Err(Error::Sam(
                "the SAM CLI is missing; install it with `make setup-deploy`".to_owned(),
            ));
        }
        if !succeeds(&["info"]) {
            return Err(Error::Sam("Docker does not respond; start it and try again".to_owned()));
        }
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let image = format!("public.ecr.aws/lambda/provided:al2023-{architecture}");
        let has_image = succeeds(&["image", "inspect", &image]);
        Ok(Self { program, architecture, has_image })
    }

    /// Writes the template with this stack's URLs in the functions' variables, and returns its path.
    pub(super) fn prepare(about: &About) -> Result<PathBuf, Error> {
        let template = Template::read(&root().join("template.yaml"))
            .map_err(|error| Error::Sam(error.to_string()))?;
        let from_container = |url: &str| url.replace("127.0.0.1", HOST);
        let (stripe_url, aws_url) =
            (from_container(&about.stripe_url), from_container(&about.aws_url));
        let environment = Environment::new(&stripe_url, &aws_url, NO_RATE, &about.allowed_origins);
        let template = FUNCTIONS.iter().fold(template, |template, function| {
            let settings = environment.settings(function);
            template.with_environment(&logical_name(function.name), &settings)
        });
        let path = Self::template();
        std::fs::write(&path, template.json().to_string()).map_err(Error::file(&path))?;
        Ok(path)
    }

    /// Path of that template. The paths of the packages are relative to its folder.
    fn template() -> PathBuf {
        root().join(".sam-local.json")
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

    /// Runs `sam local invoke` with the function's event file.
    pub(super) fn invoke(&self, function: &str) -> Result<Outcome, Error> {
        let event = format!("events/{function}.json");
        let mut command = self.local(&["invoke", &logical_name(function), "--event", &event]);
        let output = command.stdin(Stdio::null()).output().map_err(|source| Error::NotStarted {
            program: "sam".to_owned(),
            source,
            advice: "`make setup-deploy` installs it.",
        })?;
        // SAM exits with 0 even if the function fails, so only its output counts.
        let text = String::from_utf8_lossy(&output.stdout);
        let mut results = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let result = results.rfind(|result| result["statusCode"].is_u64());
        let result = result.ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            Error::Sam(format!("{function} did not respond:\n{text}{errors}"))
        })?;
        let body = result["body"].as_str().unwrap_or_default();
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        Ok(Outcome { status: result["statusCode"].as_u64().unwrap_or_default(), body })
    }

    /// Starts `sam local start-api` and returns its URL when the functions respond.
    pub(super) async fn start_api(&self, processes: &mut Processes) -> Result<String, Error> {
        let port = ports::choose(0, "SAM_PORT")?;
        let port_text = port.to_string();
        let command =
            self.local(&["start-api", "--port", &port_text, "--warm-containers", "EAGER"]);
        processes.spawn("start-api", command, "`make setup-deploy` installs it.")?;
        let url = format!("http://127.0.0.1:{port}");
        let end = Instant::now() + LIMIT;
        loop {
            processes.check()?;
            let probe = format!("{url}{}", FUNCTIONS[0].path);
            // Without a key the function in its container responds with 401.
            match http::send("GET", &probe, &[], "", Duration::from_secs(20)).await {
                Ok(response) if response.status == 401 => return Ok(url),
                outcome if Instant::now() > end => {
                    return Err(Error::Sam(format!("start-api does not respond: {outcome:?}")));
                }
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

/// Returns whether a Docker command succeeds.
fn succeeds(arguments: &[&str]) -> bool {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
