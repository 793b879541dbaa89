//! A stack on free ports, for one test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::http::{self, Response};
use devstack::{
    About, Account, Functions, Local, Options, Ports, Reach, ServicePrograms, Stack, StripeChoice,
};
use tokio::runtime::{Builder, Runtime};

const LIMIT: Duration = Duration::from_secs(30);

/// Dropping it ends it.
pub struct Running {
    // Before the runtime, on which a part of it runs.
    stack: Stack,
    runtime: Runtime,
    folder: PathBuf,
}

impl Running {
    /// Starts it; `name` is the test's.
    pub fn start(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("contract-{name}-{}", std::process::id()));
        let options = Options {
            local: Local::create(&folder).expect("a folder"),
            ports: Ports::default(),
            stripe: StripeChoice::Sandbox,
            functions: Functions::Prebuilt,
            reach: Reach::Machine,
            programs: ServicePrograms::default(),
            progress: |_| (),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads");
        let stack = runtime.block_on(Stack::start(options));
        let stack = stack.unwrap_or_else(|error| panic!("the stack did not start: {error}"));
        Self { stack, runtime, folder }
    }

    pub fn about(&self) -> &About {
        self.stack.about()
    }

    pub fn account(&self, name: &str) -> &Account {
        self.about().account(name).expect("a seeded account")
    }

    /// One request to the API.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let url = format!("{}{path}", self.about().api_url);
        let answer = self.runtime.block_on(http::send(method, &url, headers, body, LIMIT));
        answer.unwrap_or_else(|error| panic!("{error}; logs: {}", self.folder.display()))
    }

    /// Ends the stack and deletes its logs, which nobody will need.
    pub fn clean_up(self) {
        drop(self.stack);
        let _ = std::fs::remove_dir_all(self.folder);
    }
}
