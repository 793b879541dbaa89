//! What an operator does: accounts and keys by `billingctl`, and AWS itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::Harness;
use crate::stripe::text;

/// An account of a case's own, with a key.
pub(crate) struct Own {
    pub(crate) id: String,
    pub(crate) handle: String,
    pub(crate) key: String,
}

/// A key, and the id by which it is revoked.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) key: String,
}

/// The folder with our programs, above this one's.
pub(crate) fn binaries() -> PathBuf {
    let own = std::env::current_exe().expect("this program's path");
    own.ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

impl Harness {
    /// What leads a program of ours to this stack, and nowhere else.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let text = str::to_owned;
        let origin = self.about().allowed_origins.first().map_or("", String::as_str);
        vec![
            ("BILLING_TABLE", self.about().table.clone()),
            ("STRIPE_SECRET_ID", text("cantila-billing/stripe-read")),
            ("PEPPER_SECRET_ID", text("cantila-billing/pepper")),
            ("STRIPE_API_BASE", self.about().stripe_url.clone()),
            ("ALLOWED_ORIGINS", self.about().allowed_origins.join(",")),
            ("CHECKOUT_SUCCESS_URL", format!("{origin}/billing/welcome")),
            ("CHECKOUT_CANCEL_URL", format!("{origin}/billing/plans")),
            ("RETURN_URL", format!("{origin}/billing")),
            ("AWS_ENDPOINT_URL", self.about().aws_url.clone()),
            ("AWS_REGION", text("us-east-1")),
            ("AWS_ACCESS_KEY_ID", text("local")),
            ("AWS_SECRET_ACCESS_KEY", text("local")),
            ("AWS_CONFIG_FILE", text("/dev/null")),
            ("AWS_SHARED_CREDENTIALS_FILE", text("/dev/null")),
            ("NO_PROXY", text("127.0.0.1,localhost")),
        ]
    }

    /// Runs `billingctl`, and gives what it prints.
    #[track_caller]
    pub(crate) fn billingctl(&self, args: &[&str]) -> Value {
        let mut command = Command::new(binaries().join("billingctl"));
        command.args(args).arg("--json").env_remove("AWS_PROFILE").envs(self.environment());
        let output = command.output().expect("`cargo build --workspace` makes billingctl");
        let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "billingctl {args:?}: {err}");
        let printed = serde_json::from_slice(out).expect("JSON");
        self.learn_keys(&printed);
        printed
    }

    /// Begins to run `billingctl` with these variables set otherwise.
    #[track_caller]
    pub(crate) fn billingctl_begun(&self, args: &[&str], env: &[(&str, &str)]) -> Child {
        let mut command = Command::new(binaries().join("billingctl"));
        command.args(args).arg("--json").env_remove("AWS_PROFILE").envs(self.environment());
        command.envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("`cargo build --workspace` makes billingctl")
    }

    /// An account, linked to this Stripe customer if one is named, with a key that may read.
    #[track_caller]
    pub(crate) fn account_of(&self, handle: &str, customer: Option<&str>) -> Own {
        let mut args = vec!["accounts", "create", "--handle", handle];
        args.extend(customer.into_iter().flat_map(|customer| ["--customer", customer]));
        let id = text(&self.billingctl(&args), "id");
        let key = self.new_key(handle, &["--scope", "read"]).key;
        Own { id, handle: handle.to_owned(), key }
    }

    /// A new key of the account.
    #[track_caller]
    pub(crate) fn new_key(&self, account: &str, args: &[&str]) -> Key {
        let made = self.billingctl(&[&["keys", "create", "--account", account], args].concat());
        Key { id: text(&made, "id"), key: text(&made, "key") }
    }

    /// A call of AWS, such as `DynamoDB_20120810.GetItem` or `secretsmanager.GetSecretValue`.
    #[track_caller]
    pub(crate) fn aws(&self, target: &str, body: &Value) -> Value {
        let (service, version) = match target.split_once('.') {
            Some(("secretsmanager", _)) => ("secretsmanager", "1.1"),
            _ => ("dynamodb", "1.0"),
        };
        // moto reads the service out of it, and checks nothing.
        let credential = format!("local/20260101/us-east-1/{service}/aws4_request");
        let headers = [
            ("x-amz-target", target),
            ("content-type", &format!("application/x-amz-json-{version}")),
            (
                "authorization",
                &format!(
                    "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
                ),
            ),
        ];
        let url = format!("{}/", self.about().aws_url);
        let answer = self.exchange("POST", &url, &headers, &body.to_string());
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        answer.json()
    }

    /// What a secret holds.
    #[track_caller]
    pub(crate) fn secret(&self, id: &str) -> Value {
        let found = self.aws("secretsmanager.GetSecretValue", &json!({ "SecretId": id }));
        serde_json::from_str(&text(&found, "SecretString")).expect("JSON")
    }
}
