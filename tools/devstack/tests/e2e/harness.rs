//! The stack as the cases use it: requests to the API, to Stripe, and the seeded accounts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::http::{self, Answer};
use devstack::{About, Account, Error, Functions, Local, Options, Ports, Stack, StripeChoice};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Longest wait for an answer: a function that has ended never gives one.
const LIMIT: Duration = Duration::from_secs(30);

/// A running stack. Dropping it ends it.
pub(crate) struct Harness {
    // Before the runtime, on which a part of it runs.
    stack: Stack,
    runtime: Runtime,
    folder: PathBuf,
}

impl Harness {
    /// Starts a stack on free ports from the binaries that are there.
    pub(crate) fn start() -> Result<Self, Error> {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("e2e-{}", std::process::id()));
        let options = Options {
            local: Local::create(&folder)?,
            ports: Ports::default(),
            stripe: StripeChoice::Sandbox,
            functions: Functions::Prebuilt,
            progress: |_| (),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let what = "no threads";
        let runtime = runtime.map_err(|source| Error::System { what, source })?;
        let stack = runtime.block_on(Stack::start(options))?;
        Ok(Self { stack, runtime, folder })
    }

    /// Where everything is.
    pub(crate) fn about(&self) -> &About {
        self.stack.about()
    }

    /// The folder with a log for each process.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Ends the stack and deletes its logs, which nobody will need.
    pub(crate) fn clean_up(self) {
        drop(self.stack);
        let _ = std::fs::remove_dir_all(self.folder);
    }

    /// A seeded account.
    #[track_caller]
    pub(crate) fn account(&self, name: &str) -> &Account {
        self.about().account(name).unwrap_or_else(|| panic!("no account is called {name}"))
    }

    /// A GET of the API. `path` has the query; an empty `key` sends no `Authorization`.
    #[track_caller]
    pub(crate) fn get(&self, path: &str, key: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, key, headers, "")
    }

    /// Any request to the API.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {key}");
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        if !key.is_empty() {
            all.push(("authorization", &bearer));
        }
        self.exchange(method, &format!("{}{path}", self.about().api_url), &all, body)
    }

    /// A GET of Stripe itself, for what an account's state should be shown as.
    #[track_caller]
    pub(crate) fn stripe(&self, path: &str) -> Value {
        let bearer = format!("Bearer {}", self.about().stripe_key);
        let answer = self.exchange(
            "GET",
            &format!("{}/v1{path}", self.about().stripe_url),
            &[("authorization", &bearer)],
            "",
        );
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    #[track_caller]
    fn exchange(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        match self.runtime.block_on(http::send(method, url, headers, body, LIMIT)) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}; logs: {}", self.logs().display()),
        }
    }
}
