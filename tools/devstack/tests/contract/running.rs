//! A stack on free ports, for one test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::http::{self, Response};
use devstack::{About, Account, Local, Options, Stack};
use tokio::runtime::{Builder, Runtime};

const LIMIT: Duration = Duration::from_secs(30);

/// A running stack. Dropping it stops the stack.
pub struct Running {
    // Dropped before the runtime, which drives a part of it.
    stack: Stack,
    runtime: Runtime,
    folder: PathBuf,
}

impl Running {
    /// Starts a stack whose folder is named after the test.
    pub fn start(name: &str) -> Self {
        Self::start_with(name, None)
    }

    /// Starts a stack with the example console, and writes the description that the console reads.
    pub fn with_console(name: &str) -> Self {
        let running = Self::start_with(name, Some(0));
        let about = serde_json::to_string(running.about()).expect("JSON");
        std::fs::write(running.folder.join("stack.json"), about).expect("a file");
        running
    }

    fn start_with(name: &str, console: Option<u16>) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("contract-{name}-{}", std::process::id()));
        let local = Local::create(&folder).expect("a folder");
        // The clients' customers pay on Stripe's pages, which the API shows once it has followed the payment.
        let options = Options { follow: true, console, ..Options::prebuilt(local) };
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

    /// Sends a request to the API.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let url = format!("{}{path}", self.about().api_url);
        let response = self.runtime.block_on(http::send(method, &url, headers, body, LIMIT));
        response.unwrap_or_else(|error| panic!("{error}; logs: {}", self.folder.display()))
    }

    /// Stops the stack and deletes its logs.
    pub fn clean_up(self) {
        drop(self.stack);
        let _ = std::fs::remove_dir_all(self.folder);
    }
}
