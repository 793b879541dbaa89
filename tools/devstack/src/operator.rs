//! Runs `billingctl` as an operator does.

use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::Scope;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Error;
use crate::environment::{Environment, apply};

/// `billingctl` with the environment of this stack.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) program: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) environment: Environment,
}

#[derive(Deserialize)]
pub(crate) struct NewAccount {
    pub(crate) id: String,
    pub(crate) handle: String,
}

#[derive(Deserialize)]
struct NewKey {
    key: String,
}

impl Operator {
    /// Creates the table and the secrets. `env` has Stripe's keys.
    pub(crate) async fn setup(&self, env: &[(&str, &str)]) -> Result<(), Error> {
        self.run(&["setup"], env).await.map(drop)
    }

    /// Creates the plans in Stripe.
    pub(crate) async fn apply_catalog(&self, env: &[(&str, &str)]) -> Result<(), Error> {
        self.run(&["catalog", "apply", "--file", "catalog.toml", "--yes"], env).await.map(drop)
    }

    pub(crate) async fn create_account(
        &self,
        handle: &str,
        customer: Option<&str>,
        parent: Option<&str>,
    ) -> Result<NewAccount, Error> {
        let mut args = vec!["accounts", "create", "--handle", handle, "--json"];
        args.extend(customer.map(|customer| ["--customer", customer]).into_iter().flatten());
        args.extend(parent.map(|parent| ["--parent", parent]).into_iter().flatten());
        self.json(&args).await
    }

    pub(crate) async fn create_key(&self, account: &str, scope: Scope) -> Result<String, Error> {
        let scope = scope.as_str();
        let args = [
            "keys",
            "create",
            "--account",
            account,
            "--scope",
            scope,
            "--name",
            "devstack",
            "--mode",
            "test",
            "--json",
        ];
        self.json(&args).await.map(|NewKey { key }| key)
    }

    /// Imports API keys from lines that `billingctl keys import` reads.
    pub(crate) async fn import_keys(&self, lines: String) -> Result<(), Error> {
        self.run_with_input(&["keys", "import", "-"], &[], lines).await.map(drop)
    }

    async fn json<T: DeserializeOwned>(&self, args: &[&str]) -> Result<T, Error> {
        let output = self.run(args, &[]).await?;
        // The error does not quote the output, which can contain a key.
        serde_json::from_str(&output).map_err(|error| Error::Unexpected {
            command: command_line(args),
            reason: error.to_string(),
        })
    }

    async fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Result<String, Error> {
        self.run_with_input(args, env, String::new()).await
    }

    /// Runs `billingctl` with `input` on stdin.
    async fn run_with_input(
        &self,
        args: &[&str],
        env: &[(&str, &str)],
        input: String,
    ) -> Result<String, Error> {
        let mut command = std::process::Command::new(&self.program);
        command.args(args).current_dir(&self.root);
        apply(self.environment.common(), &mut command);
        command.envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        let failed = |source| Error::NotStarted {
            program: self.program.display().to_string(),
            source,
            advice: "`make compile` builds it.",
        };
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that ends without reading reports its error itself.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await.map_err(failed)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !output.status.success() {
            let output_text = format!("{}{}", text(&output.stdout), text(&output.stderr));
            return Err(Error::Command {
                command: command_line(args),
                status: output.status,
                output: output_text,
            });
        }
        Ok(text(&output.stdout))
    }
}

fn command_line(args: &[&str]) -> String {
    format!("billingctl {}", args.join(" "))
}
