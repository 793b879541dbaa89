//! Generated clients and a Hurl file walk through the README's "The life of a subscription". The examples run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::running::Running;
use crate::tools;

/// Creates an empty folder for the files of a generated client.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Runs a walk against a stack of its own, as the account `fresh`, and an example as `metered`.
fn walk(name: &str, command: &mut Command, example: &mut Command) {
    let running = Running::start(name);
    let url = &running.about().api_url;
    command.env("API", url).env("KEY", &running.account("fresh").keys.admin);
    let output = tools::run(command.env("STRIPE", &running.about().stripe_url));
    assert!(output.contains("checks passed"), "{output}");
    println!("{}", output.trim());
    example.env("API", url).env("KEY", &running.account("metered").keys.admin);
    let output = tools::run(example.arg("agency"));
    assert!(output.contains(" USD due now\napplied: pro to agency, "), "{output}");
    let again = example.output().expect("it starts");
    let error = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && error.contains("This plan at this price"), "{error}");
    running.clean_up();
}

#[test]
fn typescript_client_walks_through_a_subscription() {
    let Some(packages) = tools::node("the client that openapi-typescript generates") else {
        return;
    };
    let program = |name: &str| {
        let mut command = Command::new(packages.join("node_modules/.bin").join(name));
        command.current_dir(&packages);
        command
    };
    tools::run(program("openapi-typescript").args(["../../../openapi.yaml", "-o", "schema.d.ts"]));
    // TypeScript looks for packages and for the types beside the program.
    let example = tools::root().join("examples/typescript/change-plan.ts");
    std::fs::copy(example, packages.join("change-plan.ts")).expect("a copy");
    let out = folder("typescript-client");
    tools::run(program("tsc").arg("--outDir").arg(&out));
    // Node looks for packages and for the module type beside the program.
    std::fs::copy(packages.join("package.json"), out.join("package.json")).expect("a copy");
    let link = out.join("node_modules");
    std::os::unix::fs::symlink(packages.join("node_modules"), link).expect("a link");
    let node = |program: &str| {
        let mut command = Command::new("node");
        command.current_dir(&out).arg(program);
        command
    };
    walk("typescript", &mut node("walk.js"), &mut node("change-plan.js"));
}

#[test]
fn python_client_walks_through_a_subscription() {
    let out = folder("python-client");
    let client = out.join("cantila_billing_api_client");
    let script = tools::root().join("tools/contract/python/walk.py");
    let example = tools::root().join("examples/python/change_plan.py");
    // The generator formats its output with ruff, which it looks up in PATH.
    let generated = tools::run(
        tools::python("openapi-python-client")
            .args(["generate", "--meta", "none", "--fail-on-warning", "--path"])
            .arg(tools::root().join("openapi.yaml"))
            .arg("--output-path")
            .arg(&client),
    );
    println!("{}", generated.trim());
    tools::run(tools::python("python").args(["-m", "compileall", "-q"]).arg(&client));
    // The generator's own client.py is not clean under --strict; errors in the walk alone count.
    tools::run(
        tools::python("mypy")
            .args(["--strict", "--follow-imports=silent", "--cache-dir"])
            .arg(out.join("mypy"))
            .args([&script, &example])
            .env("MYPYPATH", &out),
    );
    let python = |script: &Path| {
        let mut command = tools::python("python");
        command.arg(script).env("PYTHONPATH", &out);
        command
    };
    walk("python", &mut python(&script), &mut python(&example));
}

#[test]
fn hurl_file_walks_through_a_subscription() {
    let Some(mut hurl) = tools::hurl("examples/hurl") else { return };
    let running = Running::start("hurl");
    let variables = [
        ("api", format!("{}/v1/billing", running.about().api_url)),
        ("key", running.account("fresh").keys.admin.clone()),
        ("stripe", running.about().stripe_url.clone()),
    ];
    for (name, value) in variables {
        hurl.arg("--variable").arg(format!("{name}={value}"));
    }
    let file = tools::root().join("examples/hurl/subscription.hurl");
    println!("{}", tools::run(hurl.arg("--test").arg(file)).trim());
    running.clean_up();
}
