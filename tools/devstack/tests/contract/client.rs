//! A client that we did not write walks through the README.

use std::process::Command;

use crate::running::Running;
use crate::tools;

#[test]
fn a_generated_client_walks_through_a_subscriptions_life() {
    let Some(folder) = tools::node("the client that openapi-typescript makes of openapi.yaml")
    else {
        return;
    };
    let program = |name: &str| {
        let mut command = Command::new(folder.join("node_modules/.bin").join(name));
        command.current_dir(&folder);
        command
    };
    // The types are made anew, so a document that does not fit the walk fails to compile.
    tools::run(program("openapi-typescript").args(["../../../openapi.yaml", "-o", "schema.d.ts"]));
    tools::run(program("tsc").args(["--noEmit"]));
    let out = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("client");
    tools::run(program("tsc").arg("--outDir").arg(&out));
    // Beside the program Node looks for packages, and for what kind of module it is.
    std::fs::copy(folder.join("package.json"), out.join("package.json")).expect("a copy");
    let packages = out.join("node_modules");
    let _ = std::fs::remove_file(&packages);
    std::os::unix::fs::symlink(folder.join("node_modules"), &packages).expect("a link");
    let running = Running::start("client");
    let fresh = running.account("fresh");
    let mut walk = Command::new("node");
    walk.current_dir(&out).arg("walk.js");
    walk.env("API", &running.about().api_url).env("KEY", &fresh.keys.admin);
    walk.env("STRIPE", &running.about().stripe_url);
    let said = tools::run(&mut walk);
    assert!(said.contains("values are as the README says"), "{said}");
    println!("{}", said.trim());
    running.clean_up();
}
