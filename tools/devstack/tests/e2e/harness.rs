//! The stack as the cases use it: requests to the API and to Stripe, and the seeded accounts.

use std::cell::{Ref, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::functions::FUNCTIONS;
use devstack::http::{self, Response};
use devstack::{
    About, Account, Error, Functions, Local, Options, Ports, Reach, Stack, StripeChoice, Variables,
};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::document::Coverage;
use crate::headers;

/// Timeout of a response: a function that has ended never responds.
const LIMIT: Duration = Duration::from_secs(30);

/// Running stack. Dropping this stops it.
pub(crate) struct Harness {
    // Dropped before the runtime, which it uses.
    stack: Stack,
    runtime: Runtime,
    folder: PathBuf,
    recorded: RefCell<Vec<Recorded>>,
    secrets: RefCell<BTreeSet<String>>,
    /// Texts that a response may contain and a log must not.
    private: RefCell<BTreeSet<String>>,
    document: Coverage,
    whole: bool,
}

/// Response of a function, for which its log must have a line.
pub(crate) struct Recorded {
    /// Name of the log.
    pub(crate) log: String,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) replayed: bool,
}

/// One of several concurrent requests.
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// Number of concurrent requests.
const AT_ONCE: usize = 8;

impl Harness {
    /// Starts a stack on free ports from the existing programs. `whole` says whether all cases will run.
    pub(crate) fn start(whole: bool) -> Result<Self, Error> {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("e2e-{}", std::process::id()));
        let options = Options {
            local: Local::create(&folder)?,
            ports: Ports::default(),
            stripe: StripeChoice::Sandbox,
            functions: Functions::Prebuilt,
            reach: Reach::Machine,
            sandbox: None,
            keep: false,
            progress: |_| (),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let what = "the runtime";
        let runtime = runtime.map_err(|source| Error::System { what, source })?;
        let stack = runtime.block_on(Stack::start(options))?;
        let secrets = stack.about().accounts.iter().flat_map(|account| {
            [&account.keys.read, &account.keys.deploy, &account.keys.admin].map(Clone::clone)
        });
        let secrets = RefCell::new(secrets.collect());
        let harness = Self {
            stack,
            runtime,
            folder,
            recorded: RefCell::default(),
            secrets,
            private: RefCell::default(),
            document: Coverage::new(),
            whole,
        };
        harness.keep_secret(&harness.about().stripe_key);
        for name in ["stripe-read", "stripe-write", "quote-keys"] {
            harness.learn_from_secret(&harness.secret(&format!("cantila-billing/{name}")));
        }
        Ok(harness)
    }

    /// Returns the stack's addresses, accounts and keys.
    pub(crate) fn about(&self) -> &About {
        self.stack.about()
    }

    /// Returns the variables that connect `billingctl` to the stack.
    pub(crate) fn operator_environment(&self) -> &Variables {
        self.stack.operator_environment()
    }

    /// Returns the folder with the processes' logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Returns the recording of all requests to the AWS emulator, one per line.
    pub(crate) fn aws_calls(&self) -> PathBuf {
        self.folder.join("aws-calls.jsonl")
    }

    /// Stops the stack and deletes its logs.
    pub(crate) fn clean_up(self) {
        drop(self.stack);
        let _ = std::fs::remove_dir_all(self.folder);
    }

    /// Returns a seeded account.
    #[track_caller]
    pub(crate) fn account(&self, name: &str) -> &Account {
        self.about().account(name).unwrap_or_else(|| panic!("there is no account {name}"))
    }

    /// Sends a GET to the API. `path` may have a query; an empty `key` sends no `Authorization`.
    #[track_caller]
    pub(crate) fn get(&self, path: &str, key: &str, headers: &[(&str, &str)]) -> Response {
        self.send("GET", path, key, headers, "")
    }

    /// Sends a request to the API.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let bearer = format!("Bearer {key}");
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        if !key.is_empty() {
            all.push(("authorization", &bearer));
        }
        let response =
            self.exchange(method, &format!("{}{path}", self.about().api_url), &all, body);
        self.note(method, path, &response);
        response
    }

    /// Sends concurrent GETs to the API with one key.
    #[track_caller]
    pub(crate) fn get_all(&self, paths: &[&str], key: &str) -> Vec<Response> {
        let request = |path: &&str| Request {
            method: "GET",
            url: format!("{}{path}", self.about().api_url),
            headers: vec![("authorization", format!("Bearer {key}"))],
            body: String::new(),
        };
        self.send_all(paths.iter().map(request).collect())
    }

    /// Sends concurrent requests to the API.
    #[track_caller]
    pub(crate) fn send_all(&self, requests: Vec<Request>) -> Vec<Response> {
        let places = requests.iter().map(|request| {
            let path = request.url.trim_start_matches(&*self.about().api_url).to_owned();
            (request.method, path)
        });
        let places: Vec<_> = places.collect();
        let responses = self.together(requests);
        for ((method, path), response) in places.iter().zip(&responses) {
            self.note(method, path, response);
        }
        responses
    }

    /// Checks what must hold for every response, and records it.
    #[track_caller]
    fn note(&self, method: &str, path: &str, response: &Response) {
        let path = path.split('?').next().unwrap_or_default();
        let function = FUNCTIONS.iter().find(|one| one.method == method && one.path == path);
        self.document.check(method, path, response);
        if let Some(function) = function {
            self.noted(function.name, response);
        }
    }

    /// Checks and records a response of a function whose log has this name.
    #[track_caller]
    pub(crate) fn noted(&self, log: &str, response: &Response) {
        headers::check(response);
        let is_leaked = |secret: &&String| response.body.contains(secret.as_str());
        assert!(self.secrets().iter().find(is_leaked).is_none(), "a secret in {}", response.body);
        self.learn_from_answer(response);
        self.recorded.borrow_mut().push(Recorded {
            log: log.to_owned(),
            request_id: response.header("x-request-id").to_owned(),
            status: response.status,
            replayed: !response.header("idempotent-replayed").is_empty(),
        });
    }

    /// Returns `openapi.yaml`, with which every response is compared.
    pub(crate) fn document(&self) -> &Coverage {
        &self.document
    }

    /// Returns whether all cases run.
    pub(crate) fn is_whole_run(&self) -> bool {
        self.whole
    }

    /// Returns the functions' responses so far.
    pub(crate) fn recorded(&self) -> Ref<'_, Vec<Recorded>> {
        self.recorded.borrow()
    }

    /// Records a key that no response and no log may contain.
    pub(crate) fn keep_secret(&self, key: &str) {
        self.secrets.borrow_mut().insert(key.to_owned());
    }

    /// Records a text that no log may contain.
    pub(crate) fn keep_from_logs(&self, text: &str) {
        self.private.borrow_mut().insert(text.to_owned());
    }

    /// Returns the texts that no log may contain.
    pub(crate) fn private(&self) -> Ref<'_, BTreeSet<String>> {
        self.private.borrow()
    }

    /// Returns the keys that no response and no log may contain.
    pub(crate) fn secrets(&self) -> Ref<'_, BTreeSet<String>> {
        self.secrets.borrow()
    }

    /// Sends a GET to Stripe.
    #[track_caller]
    pub(crate) fn stripe(&self, path: &str) -> Value {
        let bearer = format!("Bearer {}", self.about().stripe_key);
        let response = self.exchange(
            "GET",
            &format!("{}/v1{path}", self.about().stripe_url),
            &[("authorization", &bearer)],
            "",
        );
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.json()
    }

    /// Runs a future on the harness's runtime.
    pub(crate) fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// Sends concurrent requests and returns the responses in the requests' order.
    #[track_caller]
    pub(crate) fn together(&self, requests: Vec<Request>) -> Vec<Response> {
        let mut lanes: Vec<Vec<(usize, Request)>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
        for (index, request) in requests.into_iter().enumerate() {
            lanes[index % AT_ONCE].push((index, request));
        }
        let lane = |lane: Vec<(usize, Request)>| async move {
            let mut responses = Vec::new();
            for (index, Request { method, url, headers, body }) in lane {
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                responses.push((index, http::send(method, &url, &headers, &body, LIMIT).await));
            }
            responses
        };
        let lanes: Vec<_> =
            lanes.into_iter().map(|requests| self.runtime.spawn(lane(requests))).collect();
        let mut responses = Vec::new();
        for lane in lanes {
            responses.append(&mut self.runtime.block_on(lane).expect("no request panics"));
        }
        responses.sort_by_key(|(index, _)| *index);
        let response = |(_, response): (usize, Result<Response, String>)| {
            response.unwrap_or_else(|error| panic!("{error}; logs: {}", self.logs().display()))
        };
        responses.into_iter().map(response).collect()
    }

    /// Sends a request to any server of the stack.
    #[track_caller]
    pub(crate) fn exchange(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        self.learn_card(body);
        match self.runtime.block_on(http::send(method, url, headers, body, LIMIT)) {
            Ok(response) => response,
            Err(error) => panic!("{error}; logs: {}", self.logs().display()),
        }
    }
}
