//! The functions behind HTTP: cargo-lambda replaces Lambda's Runtime API, [`crate::api_gateway`] API Gateway.
//!
//! In `make run`, `cargo lambda watch` builds and starts the functions, and restarts them when code changes. The tests
//! start the existing programs themselves: nothing is compiled, and a program that ends fails the stack.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::Error;
use crate::api_gateway::{self, Invoker};
use crate::compiler::{self, Failures};
use crate::environment::{Environment, Variables, apply};
use crate::functions::{FOLLOW, FUNCTIONS, Function, StripeSecret};
use crate::http::{self, Response};
use crate::local::Local;
use crate::process::Processes;
use crate::stack::root;

/// Time that cargo-lambda has to listen.
const LIMIT: Duration = Duration::from_mins(1);

/// Timeout of a function's first response under `watch`, which builds the function first.
const BUILD_LIMIT: Duration = Duration::from_mins(10);

/// Interval of the notices about a function that is still being built.
const NOTICE_INTERVAL: Duration = Duration::from_secs(10);

/// Timeout of one response. A call of Stripe's test mode takes a second or two.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// Pause between two invocations of the function that follows Stripe's events.
const SCHEDULE_PAUSE: Duration = Duration::from_secs(1);

/// How the functions are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Functions {
    /// By `cargo lambda watch`, which rebuilds them when code changes.
    Watched,
    /// By the stack, from the programs in this program's folder.
    Prebuilt,
    /// Not at all: the caller starts functions itself, as the bench does.
    Absent,
}

/// Settings of the gateway and of the functions behind it.
pub(crate) struct Gateway {
    pub(crate) root: PathBuf,
    pub(crate) binaries: PathBuf,
    /// Port of cargo-lambda.
    pub(crate) port: u16,
    /// URL that the API is served at.
    pub(crate) api_url: String,
    pub(crate) functions: Functions,
    /// Number of processes of each function.
    pub(crate) processes: u8,
    /// Whether Stripe's events are followed.
    pub(crate) follow: bool,
    pub(crate) environment: Environment,
    pub(crate) local: Local,
    pub(crate) progress: fn(&str),
}

impl Gateway {
    /// Starts cargo-lambda.
    pub(crate) fn start(&self, processes: &mut Processes) -> Result<(), Error> {
        let venv = self.root.join(".venv/bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut watch = Command::new(venv.join("cargo-lambda"));
        watch.current_dir(&self.root).env("PATH", format!("{}:{path}", venv.display()));
        watch.args([
            "lambda",
            "watch",
            "-A",
            "127.0.0.1",
            "-P",
            &self.port.to_string(),
            "--color",
            "never",
            // API Gateway allows browsers only the configured origins.
            "--disable-cors",
        ]);
        match self.functions {
            // Not with `--concurrency`, with which cargo-lambda would start functions all the same.
            Functions::Prebuilt | Functions::Absent => {
                watch.args(["--only-lambda-apis", "--ignore-changes"]);
            }
            Functions::Watched => {
                watch.args(["--concurrency", &self.processes.to_string()]);
                let runner = self.root.join("tools/devstack/run-function.sh");
                watch.env(runner_variable(), runner).env("DEVSTACK_LOGS", self.local.logs());
            }
        }
        apply(self.environment.common(), &mut watch);
        // The root Cargo.toml overrides this for functions with the write key.
        watch.env("STRIPE_SECRET_ID", StripeSecret::Read.id());
        processes.spawn("gateway", watch, "`make setup` installs it.")
    }

    /// Starts the existing programs. The Runtime API must be up: a function whose first poll fails ends. The processes of
    /// a function poll the same queue, so that each takes one request at a time.
    pub(crate) fn start_prebuilt(&self, processes: &mut Processes) -> Result<(), Error> {
        let advice = "`cargo build --workspace` builds it.";
        for function in FUNCTIONS {
            for number in 1..=self.processes {
                let name = process_name(function, number);
                processes.spawn(&name, self.prebuilt(function), advice)?;
            }
        }
        if self.follow {
            processes.spawn(FOLLOW, self.program(FOLLOW, &self.environment.follow()), advice)?;
        }
        Ok(())
    }

    fn prebuilt(&self, function: &Function) -> Command {
        self.program(function.name, &self.environment.process(function))
    }

    fn program(&self, name: &str, variables: &Variables) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(&self.root);
        command.env("AWS_LAMBDA_RUNTIME_API", format!("{}/.rt/{name}", self.url()));
        apply(variables, &mut command);
        command
    }

    /// Invokes the function that follows Stripe's events again and again, in place of the template's schedule.
    pub(crate) fn follow(&self) -> JoinHandle<()> {
        let url = format!("{}/2015-03-31/functions/{FOLLOW}/invocations", self.url());
        tokio::spawn(async move {
            loop {
                // The function returns after a minute. It writes what failed into its log.
                let _ = http::send("POST", &url, &[], "{}", BUILD_LIMIT).await;
                sleep(SCHEDULE_PAUSE).await;
            }
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until cargo-lambda listens.
    pub(crate) async fn await_runtime_api(&self) -> Result<(), Error> {
        let end = Instant::now() + LIMIT;
        loop {
            // Connects only: a request to a route would start a function and wait for it.
            match tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > end => {
                    return Err(self.local.silent("gateway", LIMIT, error.to_string()));
                }
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits until every function responds. Sends no API key, so that the functions do nothing.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        for function in FUNCTIONS {
            let mut request = pin!(self.call(function, &[]));
            loop {
                tokio::select! {
                    response = &mut request => break response.map(drop)?,
                    () = sleep(NOTICE_INTERVAL) => (self.progress)(&format!("waiting for {} to be built (.local/log/gateway.log)", function.name)),
                }
            }
        }
        Ok(())
    }

    /// Calls each GET endpoint with this key and returns a line for each response with a 5xx.
    pub(crate) async fn failing(&self, key: &str) -> Result<Vec<String>, Error> {
        let bearer = format!("Bearer {key}");
        let mut failing = Vec::new();
        for function in FUNCTIONS.iter().filter(|one| one.method == "GET") {
            let Response { status, body, .. } =
                self.call(function, &[("authorization", &bearer)]).await?;
            if status >= 500 {
                failing.push(format!("{} responds with {status}: {body}", function.name));
            }
        }
        Ok(failing)
    }

    /// Starts to serve the API, and to look for compile errors. Returns both tasks.
    pub(crate) async fn serve(&self, address: SocketAddr) -> Result<[JoinHandle<()>; 2], Error> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| Error::System { what: "API_PORT", source })?;
        let (sender, failures) = watch::channel(Failures::default());
        let (log, progress) = (self.local.log("gateway"), self.progress);
        let compiler = tokio::spawn(compiler::follow(log, sender, progress));
        let origins = self.environment.allowed_origins();
        let invoker = Invoker { url: self.url(), limit: self.limit(), origins, failures };
        Ok([tokio::spawn(api_gateway::serve(listener, invoker)), compiler])
    }

    /// Returns the timeout of a response.
    fn limit(&self) -> Duration {
        match self.functions {
            Functions::Prebuilt | Functions::Absent => RESPONSE_LIMIT,
            Functions::Watched => BUILD_LIMIT,
        }
    }

    async fn call(&self, function: &Function, headers: &[(&str, &str)]) -> Result<Response, Error> {
        let log = match self.functions {
            Functions::Prebuilt | Functions::Absent => function.name,
            Functions::Watched => "gateway",
        };
        let url = format!("{}{}", self.api_url, function.example_path());
        let limit = self.limit() + Duration::from_secs(1);
        let response = http::send(function.method, &url, headers, "", limit).await;
        response.map_err(|reason| self.local.silent(log, limit, reason))
    }
}

/// Returns the name of the variable with the program by which Cargo runs the programs that it has built.
fn runner_variable() -> String {
    let system = if cfg!(target_os = "macos") { "APPLE_DARWIN" } else { "UNKNOWN_LINUX_GNU" };
    format!("CARGO_TARGET_{}_{system}_RUNNER", std::env::consts::ARCH.to_uppercase())
}

/// Returns the name of a function's process and of its log. `number` starts at 1.
pub(crate) fn process_name(function: &Function, number: u8) -> String {
    let name = function.name;
    if number == 1 { name.to_owned() } else { format!("{name}-{number}") }
}

/// Returns the names of the programs that are older than their sources.
///
/// A test does not build the programs that it starts.
#[must_use]
pub fn outdated() -> Vec<String> {
    let functions = FUNCTIONS.iter().map(|function| (function.name, "functions", true));
    let tools = [("billingctl", "tools", true), ("stripe-sandbox", "tools", false)];
    let shared = newest(&root().join("shared/src"));
    let is_outdated = |(name, folder, uses_shared): &(&str, &str, bool)| {
        let built = modified(&binaries().ok()?.join(name))?;
        let own = newest(&root().join(folder).join(name).join("src"))?;
        Some(built < if *uses_shared { own.max(shared?) } else { own })
    };
    let all = functions.chain(tools);
    all.filter(|program| is_outdated(program) == Some(true))
        .map(|(name, ..)| name.to_owned())
        .collect()
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// Returns when any file in a folder was last modified.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    entries.filter_map(|path| if path.is_dir() { newest(&path) } else { modified(&path) }).max()
}

/// Returns the folder with our programs: this program's folder, or its parent for a test.
pub(crate) fn binaries() -> Result<PathBuf, Error> {
    let what = "this program's own path";
    let own = std::env::current_exe().map_err(|source| Error::System { what, source })?;
    let folder = own.parent().unwrap_or(Path::new("."));
    let is_test = folder.file_name().is_some_and(|name| name == "deps");
    Ok(if is_test { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}
