//! The stack as the cases use it: requests to the API and to Stripe, and the seeded accounts.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use devstack::functions::FUNCTIONS;
use devstack::http::{self, Response};
use devstack::{About, Account, Error, Local, Options, Stack, Variables};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::document::Coverage;
use crate::following::Following;
use crate::headers;

/// Part of the sandbox's URLs that set faults.
const FAULTS: &str = "/_sandbox/fault";

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
    following: Mutex<Following>,
    stripe_has_changed: Cell<bool>,
}

/// Response of a function, for which its log must have a line.
pub(crate) struct Recorded {
    /// Name of the log.
    pub(crate) log: String,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) replayed: bool,
    /// `x-stripe-request-ids`.
    pub(crate) stripe_request_ids: String,
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
        let options = Options::prebuilt(Local::create(&folder)?);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let what = "the runtime";
        let runtime = runtime.map_err(|source| Error::System { what, source })?;
        let stack = runtime.block_on(Stack::start(options))?;
        let secrets = stack.about().accounts.iter().flat_map(|account| {
            [&account.keys.read, &account.keys.deploy, &account.keys.admin].map(Clone::clone)
        });
        let secrets = RefCell::new(secrets.collect());
        let following = Mutex::new(runtime.block_on(Following::start(stack.about())));
        let harness = Self {
            stack,
            runtime,
            folder,
            recorded: RefCell::default(),
            secrets,
            private: RefCell::default(),
            document: Coverage::new(),
            whole,
            following,
            stripe_has_changed: Cell::default(),
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
        self.follow_changes();
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
        let function = FUNCTIONS.iter().find(|one| one.method == method && one.has_path(path));
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
            stripe_request_ids: response.header("x-stripe-request-ids").to_owned(),
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
        let is_of_stripe = url.starts_with(&self.about().stripe_url);
        if !is_of_stripe || url.contains(FAULTS) {
            self.follow_changes();
        }
        let response = match self.runtime.block_on(http::send(method, url, headers, body, LIMIT)) {
            Ok(response) => response,
            Err(error) => panic!("{error}; logs: {}", self.logs().display()),
        };
        if is_of_stripe && method != "GET" && !url.contains(FAULTS) {
            self.has_changed_stripe();
        }
        response
    }

    /// Notes that something has changed at Stripe.
    pub(crate) fn has_changed_stripe(&self) {
        self.stripe_has_changed.set(true);
    }

    /// Follows Stripe before a request of the API, and before a fault, if a case has changed anything there.
    pub(crate) fn follow_changes(&self) {
        if self.stripe_has_changed.take() {
            self.follow();
        }
    }

    /// Replaces texts in the stored reads of a customer and of the catalog. They still hold.
    pub(crate) fn poison(&self, customer: &str, texts: &[(&str, &str)]) {
        let dynamodb = self.stack.dynamodb();
        let table = &self.about().table;
        let all = dynamodb.call("Scan", &json!({ "TableName": table })).body;
        let all: Value = serde_json::from_str(&all).expect("JSON");
        let items = all["Items"].as_array().cloned().unwrap_or_default();
        let mut poisoned = 0;
        for mut item in items {
            let key = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
            let is_own = key("pk") == format!("READ#{customer}") || key("pk") == "CATALOG";
            if !is_own || !key("sk").starts_with("read#") {
                continue;
            }
            let body = BASE64_STANDARD.decode(item["body"]["B"].as_str().expect("a body"));
            let body = body.expect("base64");
            let text = lz4_flex::decompress_size_prepended(&body[1..]).expect("a stored read");
            let mut text = String::from_utf8(text).expect("JSON");
            for (from, to) in texts {
                text = text.replace(from, to);
            }
            let mut poison = vec![body[0]];
            poison.extend(lz4_flex::compress_prepend_size(text.as_bytes()));
            item["body"] = json!({ "B": BASE64_STANDARD.encode(poison) });
            let put = dynamodb.call("PutItem", &json!({ "TableName": table, "Item": item }));
            assert_eq!(put.status, 200);
            poisoned += 1;
        }
        assert!(poisoned > 0, "nothing was stored for {customer}");
    }

    /// Ends the validity of all stored reads.
    pub(crate) fn forget_stored_reads(&self) {
        let following = self.following.lock().expect("no panic while following");
        self.runtime.block_on(following.forget());
    }

    /// Follows what has changed at Stripe, so that the next GET shows it.
    pub(crate) fn follow(&self) {
        let mut following = self.following.lock().expect("no panic while following");
        self.runtime.block_on(following.poll());
    }
}
