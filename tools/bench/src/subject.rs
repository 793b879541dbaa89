//! What is measured: the eight functions, the floor, the peer, and one of them twice.

use std::path::{Path, PathBuf};
use std::process::Command;

use devstack::functions::{FUNCTIONS, Function};
use serde::Serialize;

/// Functions that the peer has, too.
pub const PEERS: [&str; 3] = ["summary", "invoices", "plan-change-preview"];

/// The one that is measured under two names.
pub const TWIN: &str = "summary";

/// What kind of program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A function of ours, as it is deployed.
    Ours,
    /// The same program once more, to see what of a difference is noise.
    Twin,
    /// A function that does nothing.
    Floor,
    /// The same endpoint in Node.js.
    Peer,
}

/// A program, and the endpoint that it is.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    pub kind: Kind,
    pub function: &'static Function,
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_default()
}

/// Where what the bench leaves goes.
pub fn folder() -> PathBuf {
    root().join("target/bench")
}

/// The function with this name.
pub fn function(name: &str) -> &'static Function {
    FUNCTIONS.iter().find(|function| function.name == name).unwrap_or(&FUNCTIONS[0])
}

/// The functions of ours.
pub fn ours() -> Vec<Subject> {
    FUNCTIONS.iter().map(|function| Subject { kind: Kind::Ours, function }).collect()
}

/// All that there is.
pub fn all() -> Vec<Subject> {
    let mut subjects = ours();
    let twin = function(TWIN);
    subjects.push(Subject { kind: Kind::Twin, function: twin });
    subjects.push(Subject { kind: Kind::Floor, function: twin });
    subjects.extend(PEERS.map(|name| Subject { kind: Kind::Peer, function: function(name) }));
    subjects
}

impl Subject {
    /// What it is called in the results.
    pub fn label(&self) -> String {
        let name = self.function.name;
        match self.kind {
            Kind::Ours => name.to_owned(),
            Kind::Twin => format!("{name} again"),
            Kind::Floor => "floor".to_owned(),
            Kind::Peer => format!("{name} (Node.js)"),
        }
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        let name = self.function.name;
        match self.kind {
            Kind::Ours | Kind::Twin => root().join(format!("target/lambda/{name}/bootstrap")),
            Kind::Floor => root().join("target/lambda/floor/bootstrap"),
            Kind::Peer => root().join(format!("tools/bench/peer/dist/{name}.mjs")),
        }
    }

    /// What is uploaded: the program, zipped.
    pub fn package(&self) -> PathBuf {
        match self.kind {
            Kind::Ours | Kind::Twin => {
                root().join(format!("target/lambda/{}.zip", self.function.name))
            }
            Kind::Floor => root().join("target/lambda/floor.zip"),
            Kind::Peer => root().join(format!("target/bench/peer/{}.zip", self.function.name)),
        }
    }

    /// What starts it.
    pub fn command(&self) -> Command {
        if self.kind != Kind::Peer {
            return Command::new(self.program());
        }
        let peer = root().join("tools/bench/peer");
        let mut command = Command::new("node");
        command.arg(peer.join("node_modules/aws-lambda-ric/bin/index.mjs"));
        command.arg(format!("{}.handler", self.function.name));
        // As AWS's managed runtime has them: where the code is, and that it is ready to be used.
        command.current_dir(peer.join("dist")).env("LAMBDA_TASK_ROOT", peer.join("dist"));
        command.env("NODE_ENV", "production");
        command
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_subjects_have_the_same_name_and_every_function_is_one() {
        let labels: BTreeSet<_> = all().iter().map(Subject::label).collect();
        assert_eq!(labels.len(), all().len());
        assert!(FUNCTIONS.iter().all(|function| labels.contains(function.name)));
    }

    #[test]
    fn the_twin_is_the_same_program() {
        let twin = all().into_iter().find(|subject| subject.kind == Kind::Twin).expect("a twin");
        assert_eq!(twin.program(), Subject { kind: Kind::Ours, ..twin }.program());
    }
}
