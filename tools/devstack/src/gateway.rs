//! The functions behind HTTP: cargo-lambda's Runtime API and routes in API Gateway's place.
//!
//! `make run` lets `cargo lambda watch` build and start them, and start them anew when code
//! changes. The end-to-end tests start the binaries that are there: nothing is compiled, and one
//! that ends is noticed at once.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::sleep;

use crate::Error;
use crate::docs;
use crate::environment::Environment;
use crate::functions::{FUNCTIONS, Function, StripeSecret};
use crate::http::{self, Answer};
use crate::local::Local;
use crate::process::Processes;
use crate::stack::root;

/// How long cargo-lambda may take to listen.
const LIMIT: Duration = Duration::from_mins(1);

/// Longest wait for a function that is built first, maybe behind another build.
const BUILD: Duration = Duration::from_mins(10);

/// After so long the developer is told what is being waited for.
const NOTICE: Duration = Duration::from_secs(10);

/// Longest wait for one answer. Stripe's real test mode takes a second or two a call.
const ONE: Duration = Duration::from_secs(30);

/// The queue of requests that no route of ours takes, where functions are not started by watch.
const UNROUTED: &str = "_";

/// Who starts the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Functions {
    /// `cargo lambda watch`, which builds them anew when code changes.
    Watched,
    /// We do, from the binaries beside this program.
    Prebuilt,
    /// Nobody: whoever wants one runs it itself, as the bench does.
    Absent,
}

/// What every function is given.
pub(crate) struct Gateway {
    pub(crate) root: PathBuf,
    pub(crate) binaries: PathBuf,
    pub(crate) port: u16,
    pub(crate) functions: Functions,
    pub(crate) environment: Environment,
    pub(crate) local: Local,
    pub(crate) progress: fn(&str),
}

impl Gateway {
    /// Starts cargo-lambda, and the functions where it does not do that itself.
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
            // Where it runs, API Gateway gives browsers no leave either.
            "--disable-cors",
        ]);
        if self.functions == Functions::Prebuilt {
            watch.args(["--only-lambda-apis", "--ignore-changes"]);
        }
        self.environment.apply(&mut watch);
        // Those that hold the other key say so in the root Cargo.toml, which beats this.
        watch.env("STRIPE_SECRET_ID", StripeSecret::Read.id());
        processes.spawn("gateway", watch, "`make setup` installs it.")
    }

    /// Starts the binaries that are there. The Runtime API has to answer already: a function whose
    /// first call to it fails ends.
    pub(crate) fn start_prebuilt(&self, processes: &mut Processes) -> Result<(), Error> {
        let advice = "`cargo build --workspace` makes it.";
        for function in FUNCTIONS {
            processes.spawn(function.name, self.prebuilt(function), advice)?;
        }
        processes.spawn(docs::NAME, self.program(docs::NAME), advice)
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(&self.root);
        command.env("AWS_LAMBDA_RUNTIME_API", format!("{}/.rt/{name}", self.url()));
        command
    }

    fn prebuilt(&self, function: &Function) -> Command {
        let mut command = self.program(function.name);
        self.environment.apply(&mut command);
        command.env("STRIPE_SECRET_ID", function.secret.id());
        command.env("AWS_LAMBDA_FUNCTION_NAME", function.name);
        command.env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        // By this name its calls are known in a recording.
        command.env("AWS_SDK_UA_APP_ID", function.name);
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
        command
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until cargo-lambda listens.
    pub(crate) async fn await_runtime_api(&self) -> Result<(), Error> {
        let end = Instant::now() + LIMIT;
        loop {
            // Only a connection: a request to a route would start a function, and wait for it.
            match tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > end => {
                    return Err(self.local.silent("gateway", LIMIT, error.to_string()));
                }
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits until every function answers. No key is sent, so that none does anything.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        for function in FUNCTIONS {
            let mut request = pin!(self.ask(function, &[]));
            loop {
                tokio::select! {
                    answer = &mut request => break answer.map(drop)?,
                    () = sleep(NOTICE) => (self.progress)(&format!("still waiting for {}: it is being built, or that waits for another build (.local/log/gateway.log)", function.name)),
                }
            }
        }
        Ok(())
    }

    /// What every endpoint that only reads says to this key, and gives back those that answer with
    /// a 5xx.
    pub(crate) async fn failing(&self, key: &str) -> Result<Vec<String>, Error> {
        let bearer = format!("Bearer {key}");
        let mut failing = Vec::new();
        for function in FUNCTIONS.iter().filter(|function| function.method == "GET") {
            let Answer { status, body, .. } =
                self.ask(function, &[("authorization", &bearer)]).await?;
            if status >= 500 {
                failing.push(format!("{} answers {status}: {body}", function.name));
            }
        }
        Ok(failing)
    }

    async fn ask(&self, function: &Function, headers: &[(&str, &str)]) -> Result<Answer, Error> {
        let (log, limit) = match self.functions {
            Functions::Prebuilt | Functions::Absent => (function.name, ONE),
            Functions::Watched => ("gateway", BUILD),
        };
        let url = format!("{}{}", self.url(), function.path);
        let answer = http::send(function.method, &url, headers, "", limit).await;
        answer.map_err(|reason| self.local.silent(log, limit, reason))
    }
}

/// Answers what no route takes as API Gateway does, for as long as it is polled. Under `watch`
/// cargo-lambda answers that itself; with the functions started by us it would wait for a
/// function called `_`, which is this one.
pub(crate) async fn answer_unrouted(api: String) {
    let queue = format!("{api}/.rt/{UNROUTED}/2018-06-01/runtime/invocation");
    let body = r#"{"statusCode":404,"headers":{"content-type":"application/json"},"multiValueHeaders":{},"cookies":[],"isBase64Encoded":false,"body":"{\"message\":\"Not Found\"}"}"#;
    let long = Duration::from_hours(24);
    while let Ok(next) = http::send("GET", &format!("{queue}/next"), &[], "", long).await {
        let url = format!("{queue}/{}/response", next.header("lambda-runtime-aws-request-id"));
        if http::send("POST", &url, &[], body, ONE).await.is_err() {
            return;
        }
    }
}

/// The programs that are older than the sources that they are made from.
///
/// Nothing builds the programs that a test starts, and an old one would be a riddle.
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

/// When anything in a folder was last changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    entries.filter_map(|path| if path.is_dir() { newest(&path) } else { modified(&path) }).max()
}

/// The folder with our programs: that of this one, or the one above for a test.
pub(crate) fn binaries() -> Result<PathBuf, Error> {
    let what = "this program's own path";
    let own = std::env::current_exe().map_err(|source| Error::System { what, source })?;
    let folder = own.parent().unwrap_or(Path::new("."));
    let is_test = folder.file_name().is_some_and(|name| name == "deps");
    Ok(if is_test { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}
