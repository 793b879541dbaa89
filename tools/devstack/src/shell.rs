//! `.local/env`: the running stack's addresses and keys, for a shell.

use std::fmt::Write as _;

use crate::about::{About, Account};
use crate::environment::TABLE;

/// Returns commands that set variables: those of `billingctl`, the API's URL, and the keys of each account.
pub(crate) fn exports(about: &About) -> String {
    let mut text = String::from("# Written by `make run`: source .local/env\n");
    let mut add = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "export {name}='{}'", value.replace('\'', "'\\''"));
    };
    add("API", &format!("{}/v1/billing", about.api_url));
    for Account { name, keys, .. } in &about.accounts {
        let name = name.to_uppercase();
        add(&format!("{name}_READ"), &keys.read);
        add(&format!("{name}_DEPLOY"), &keys.deploy);
        add(&format!("{name}_ADMIN"), &keys.admin);
    }
    for (name, value) in [
        ("API_URL", about.api_url.as_str()),
        ("ALLOWED_ORIGINS", &about.allowed_origins.join(",")),
        ("BILLING_TABLE", TABLE),
        ("STRIPE_API_BASE", &about.stripe_url),
        ("STRIPE_SECRET_KEY", &about.stripe_key),
        ("AWS_ENDPOINT_URL", &about.aws_url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ] {
        add(name, value);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::summary::tests::about;

    #[test]
    fn a_shell_reads_the_keys_as_they_are() {
        let mut about = about("http://127.0.0.1:12111");
        about.accounts[0].keys.admin = "sk_'$HOME\"".to_owned();
        let script = format!("{}printf %s \"$METERED_ADMIN $API\"", exports(&about));
        let output = Command::new("sh").arg("-c").arg(script).output().expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text, "sk_'$HOME\" http://127.0.0.1:9100/v1/billing");
    }
}
