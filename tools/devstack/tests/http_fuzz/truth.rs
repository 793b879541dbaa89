//! A customer's billing at Stripe, which Stripe's own SDK reads.

use std::fmt::{Display, Formatter};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use devstack::About;
use serde_json::{Value, json};

/// Process of `truth.py`. Dropping this ends it.
pub struct Reader {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Reader {
    pub fn start(about: &About) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = folder.join("../../.venv/bin/python");
        assert!(python.exists(), "{} is missing: run `make setup`", python.display());
        let mut command = Command::new(python);
        command.arg(folder.join("tests/http_fuzz/truth.py"));
        command.env("STRIPE_URL", &about.stripe_url).env("STRIPE_KEY", &about.stripe_key);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, input, output }
    }

    /// Reads the customer's billing, with the events of subscriptions since then.
    pub fn read(&mut self, customer: &str, since: i64) -> Truth {
        let request = json!({ "customer": customer, "since": since });
        writeln!(self.input, "{request}").expect("truth.py runs");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("truth.py runs");
        Truth(serde_json::from_str(&line).expect("truth.py has read everything"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The objects that `truth.py` has read.
pub struct Truth(Value);

impl Truth {
    pub fn list(&self, name: &str) -> &[Value] {
        self.0[name].as_array().expect("a list")
    }

    pub fn invoices(&self) -> impl Iterator<Item = &Value> {
        self.list("invoices").iter()
    }

    pub fn invoice(&self, id: &str) -> Option<&Value> {
        self.invoices().find(|invoice| invoice["id"] == id)
    }

    /// Returns the invoices that were or will be paid.
    pub fn billed(&self) -> impl Iterator<Item = &Value> {
        self.invoices().filter(|invoice| invoice["status"] != "void")
    }

    /// Returns the subscriptions that have not ended.
    pub fn live(&self) -> Vec<&Value> {
        let has_ended =
            |one: &&Value| one["status"] == "canceled" || one["status"] == "incomplete_expired";
        self.list("subscriptions").iter().filter(|one| !has_ended(one)).collect()
    }

    /// Returns the plan of the live subscription.
    pub fn plan(&self) -> Option<Plan> {
        self.live().first().and_then(|subscription| Plan::of(subscription))
    }
}

/// Plan of a subscription: tier and interval.
#[derive(Clone, PartialEq, Eq)]
pub struct Plan {
    pub tier: String,
    pub interval: String,
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} by the {}", self.tier, self.interval)
    }
}

impl Plan {
    /// Returns the plan of a subscription's base price.
    pub fn of(subscription: &Value) -> Option<Self> {
        let items = subscription["items"]["data"].as_array()?;
        let base =
            items.iter().find(|item| item["price"]["recurring"]["usage_type"] == "licensed")?;
        let key = base["price"]["lookup_key"].as_str()?.strip_prefix("cantila_")?;
        let (tier, interval) = key.split_once('_')?;
        Some(Self { tier: tier.to_owned(), interval: interval.to_owned() })
    }
}

/// Returns a number that must be there.
pub fn number(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_else(|| panic!("no {field} in {object}"))
}

/// Returns a string, or an empty one for null.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
