//! An operator's actions: `billingctl` and calls of AWS.

use std::path::{Path, PathBuf};
use std::process::Command;

use devstack::functions::StripeSecret;
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::stripe::text;

/// Account that a case has created, with a key.
pub(crate) struct OwnAccount {
    pub(crate) id: String,
    pub(crate) handle: String,
    pub(crate) key: String,
}

/// API key, and the ID by which it is revoked.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) key: String,
}

/// Returns the folder with our programs, the parent of this program's folder.
pub(crate) fn binaries() -> PathBuf {
    let own = std::env::current_exe().expect("this program's path");
    own.ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

impl Harness {
    /// Returns a command for `billingctl` with the environment of this stack.
    pub(crate) fn billingctl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binaries().join("billingctl"));
        command.args(args).arg("--json").env_remove("AWS_PROFILE").env_remove("BILLINGCTL_PROFILE");
        command.envs(self.operator_environment());
        // Tells `billingctl` the mode of new keys.
        command.env("STRIPE_SECRET_ID", StripeSecret::Read.id());
        command
    }

    /// Runs `billingctl` and returns its output.
    #[track_caller]
    pub(crate) fn billingctl(&self, args: &[&str]) -> Value {
        let mut command = self.billingctl_command(args);
        let output = command.output().expect("`cargo build --workspace` builds billingctl");
        let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "billingctl {args:?}: {err}");
        let printed = serde_json::from_slice(out).expect("JSON");
        self.learn_keys(&printed);
        printed
    }

    /// Creates an account, linked to a Stripe customer if one is given, with a key of scope `read`.
    #[track_caller]
    pub(crate) fn account_of(&self, handle: &str, customer: Option<&str>) -> OwnAccount {
        let mut args = vec!["accounts", "create", "--handle", handle];
        args.extend(customer.into_iter().flat_map(|customer| ["--customer", customer]));
        let id = text(&self.billingctl(&args), "id");
        let key = self.new_key(handle, &["--scope", "read"]).key;
        OwnAccount { id, handle: handle.to_owned(), key }
    }

    /// Creates a key of the account.
    #[track_caller]
    pub(crate) fn new_key(&self, account: &str, args: &[&str]) -> Key {
        let made = self.billingctl(&[&["keys", "create", "--account", account], args].concat());
        Key { id: text(&made, "id"), key: text(&made, "key") }
    }

    /// Gives an account's item in the table an attribute of the wrong type.
    pub(crate) fn damage_account(&self, id: &str) {
        let key = json!({ "pk": { "S": format!("ACCOUNT#{id}") }, "sk": { "S": "ACCOUNT" } });
        let damage = json!({
            "TableName": self.about().table, "Key": key,
            "UpdateExpression": "SET createdAt = :never",
            "ExpressionAttributeValues": { ":never": { "S": "never" } },
        });
        self.aws("DynamoDB_20120810.UpdateItem", &damage);
    }

    /// Calls AWS, for example `DynamoDB_20120810.GetItem` or `secretsmanager.GetSecretValue`.
    #[track_caller]
    pub(crate) fn aws(&self, target: &str, body: &Value) -> Value {
        let (service, version) = match target.split_once('.') {
            Some(("secretsmanager", _)) => ("secretsmanager", "1.1"),
            _ => ("dynamodb", "1.0"),
        };
        // moto takes the service from the credential; neither it nor the emulator checks anything else.
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
        let response = self.exchange("POST", &url, &headers, &body.to_string());
        assert_eq!(response.status, 200, "{target}: {}", response.body);
        response.json()
    }

    /// Returns the content of a secret.
    #[track_caller]
    pub(crate) fn secret(&self, id: &str) -> Value {
        let found = self.aws("secretsmanager.GetSecretValue", &json!({ "SecretId": id }));
        serde_json::from_str(&text(&found, "SecretString")).expect("JSON")
    }
}
