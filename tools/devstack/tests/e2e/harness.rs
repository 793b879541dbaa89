//! The stack as the cases use it: requests to the API, to Stripe, and the seeded accounts.

use std::cell::{Ref, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::functions::FUNCTIONS;
use devstack::http::{self, Answer};
use devstack::{
    About, Account, Error, Functions, Local, Options, Ports, Reach, Stack, StandIns, StripeChoice,
};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::document::Kept;
use crate::headers;

/// Longest wait for an answer: a function that has ended never gives one.
const LIMIT: Duration = Duration::from_secs(30);

/// A running stack. Dropping it ends it.
pub(crate) struct Harness {
    // Before the runtime, on which a part of it runs.
    stack: Stack,
    runtime: Runtime,
    folder: PathBuf,
    answered: RefCell<Vec<Answered>>,
    secrets: RefCell<BTreeSet<String>>,
    /// What an answer may hold, and a log may not.
    private: RefCell<BTreeSet<String>>,
    document: Kept,
    whole: bool,
}

/// What a function has answered, and has to have left a line about in its log.
pub(crate) struct Answered {
    /// The log's name.
    pub(crate) log: String,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    /// Whether it was given before.
    pub(crate) replayed: bool,
}

/// One of many requests that are sent at the same time.
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// Requests in flight at the same time.
const AT_ONCE: usize = 8;

impl Harness {
    /// Starts a stack on free ports from the binaries that are there. `whole` is whether all cases will run.
    pub(crate) fn start(whole: bool) -> Result<Self, Error> {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("e2e-{}", std::process::id()));
        let options = Options {
            local: Local::create(&folder)?,
            ports: Ports::default(),
            stripe: StripeChoice::Sandbox,
            functions: Functions::Prebuilt,
            reach: Reach::Machine,
            stand_ins: StandIns::default(),
            progress: |_| (),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let what = "no threads";
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
            answered: RefCell::default(),
            secrets,
            private: RefCell::default(),
            document: Kept::new(),
            whole,
        };
        harness.keep_secret(&harness.about().stripe_key);
        for name in ["stripe-read", "stripe-write", "pepper"] {
            harness.learn_from_secret(&harness.secret(&format!("cantila-billing/{name}")));
        }
        Ok(harness)
    }

    /// Where everything is.
    pub(crate) fn about(&self) -> &About {
        self.stack.about()
    }

    /// The folder with a log for each process.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Every request that AWS's stand-in got so far, one a line.
    pub(crate) fn aws_calls(&self) -> PathBuf {
        self.folder.join("aws-calls.jsonl")
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
        let answer = self.exchange(method, &format!("{}{path}", self.about().api_url), &all, body);
        self.note(method, path, &answer);
        answer
    }

    /// GETs of the API with one key, several at the same time.
    #[track_caller]
    pub(crate) fn get_all(&self, paths: &[&str], key: &str) -> Vec<Answer> {
        let request = |path: &&str| Request {
            method: "GET",
            url: format!("{}{path}", self.about().api_url),
            headers: vec![("authorization", format!("Bearer {key}"))],
            body: String::new(),
        };
        self.send_all(paths.iter().map(request).collect())
    }

    /// Any requests to the API, several at the same time.
    #[track_caller]
    pub(crate) fn send_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        let places = requests.iter().map(|request| {
            let path = request.url.trim_start_matches(&*self.about().api_url).to_owned();
            (request.method, path)
        });
        let places: Vec<_> = places.collect();
        let answers = self.together(requests);
        for ((method, path), answer) in places.iter().zip(&answers) {
            self.note(method, path, answer);
        }
        answers
    }

    /// What holds for every answer of a function is checked at every answer.
    #[track_caller]
    fn note(&self, method: &str, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap_or_default();
        let function = FUNCTIONS.iter().find(|one| one.method == method && one.path == path);
        self.document.check(method, path, answer);
        if let Some(function) = function {
            self.noted(function.name, answer);
        }
    }

    /// The same for a function whose log has this name.
    #[track_caller]
    pub(crate) fn noted(&self, log: &str, answer: &Answer) {
        headers::check(answer);
        let is_told = |secret: &&String| answer.body.contains(secret.as_str());
        assert!(self.secrets().iter().find(is_told).is_none(), "a secret in {}", answer.body);
        self.learn_from_answer(answer);
        self.answered.borrow_mut().push(Answered {
            log: log.to_owned(),
            request_id: answer.header("x-request-id").to_owned(),
            status: answer.status,
            replayed: !answer.header("idempotent-replayed").is_empty(),
        });
    }

    /// `openapi.yaml`, which every answer is compared with.
    pub(crate) fn document(&self) -> &Kept {
        &self.document
    }

    /// Whether all cases run.
    pub(crate) fn is_whole_run(&self) -> bool {
        self.whole
    }

    /// All that functions have answered so far.
    pub(crate) fn answered(&self) -> Ref<'_, Vec<Answered>> {
        self.answered.borrow()
    }

    /// Notes a key that no answer and no log may hold.
    pub(crate) fn keep_secret(&self, key: &str) {
        self.secrets.borrow_mut().insert(key.to_owned());
    }

    /// Notes what was told to its owner and belongs in no log.
    pub(crate) fn keep_from_logs(&self, text: &str) {
        self.private.borrow_mut().insert(text.to_owned());
    }

    /// All of that so far.
    pub(crate) fn private(&self) -> Ref<'_, BTreeSet<String>> {
        self.private.borrow()
    }

    /// Every key that was in play so far.
    pub(crate) fn secrets(&self) -> Ref<'_, BTreeSet<String>> {
        self.secrets.borrow()
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

    /// For what is not a request of the stack's.
    pub(crate) fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// Several requests at the same time; the answers in the requests' order.
    #[track_caller]
    pub(crate) fn together(&self, requests: Vec<Request>) -> Vec<Answer> {
        let mut lanes: Vec<Vec<(usize, Request)>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
        for (index, request) in requests.into_iter().enumerate() {
            lanes[index % AT_ONCE].push((index, request));
        }
        let lane = |lane: Vec<(usize, Request)>| async move {
            let mut answers = Vec::new();
            for (index, Request { method, url, headers, body }) in lane {
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                answers.push((index, http::send(method, &url, &headers, &body, LIMIT).await));
            }
            answers
        };
        let lanes: Vec<_> =
            lanes.into_iter().map(|requests| self.runtime.spawn(lane(requests))).collect();
        let mut answers = Vec::new();
        for lane in lanes {
            answers.append(&mut self.runtime.block_on(lane).expect("no request panics"));
        }
        answers.sort_by_key(|(index, _)| *index);
        let answer = |(_, answer): (usize, Result<Answer, String>)| {
            answer.unwrap_or_else(|error| panic!("{error}; logs: {}", self.logs().display()))
        };
        answers.into_iter().map(answer).collect()
    }

    /// One request to anything in the stack.
    #[track_caller]
    pub(crate) fn exchange(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.learn_card(body);
        match self.runtime.block_on(http::send(method, url, headers, body, LIMIT)) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}; logs: {}", self.logs().display()),
        }
    }
}
