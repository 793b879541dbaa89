//! The measured programs: the functions, one of them twice, the empty function (the floor), and the peers.

use std::path::{Path, PathBuf};
use std::process::Command;

use devstack::functions::{FUNCTIONS, Function};
use serde::Serialize;

/// Functions that have a peer in Node.js.
pub const PEERS: [&str; 3] = ["summary", "invoices", "plan-change-preview"];

/// Function that is measured twice, under two names.
pub const TWIN: &str = "summary";

/// Kind of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Function of this repository, as it is deployed.
    Ours,
    /// The same program again, which shows how large the noise is.
    Twin,
    /// Empty function.
    Floor,
    /// The same endpoint in Node.js.
    Peer,
}

/// Measured program, and its endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    pub kind: Kind,
    pub function: &'static Function,
}

/// Returns the workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_default()
}

/// Returns the folder for the bench's files.
pub fn folder() -> PathBuf {
    root().join("target/bench")
}

/// Returns the function with this name.
pub fn function(name: &str) -> &'static Function {
    FUNCTIONS.iter().find(|function| function.name == name).unwrap_or(&FUNCTIONS[0])
}

/// Returns the functions of this repository.
pub fn ours() -> Vec<Subject> {
    FUNCTIONS.iter().map(|function| Subject { kind: Kind::Ours, function }).collect()
}

/// Returns all programs.
pub fn all() -> Vec<Subject> {
    let mut subjects = ours();
    let twin = function(TWIN);
    subjects.push(Subject { kind: Kind::Twin, function: twin });
    subjects.push(Subject { kind: Kind::Floor, function: twin });
    subjects.extend(PEERS.map(|name| Subject { kind: Kind::Peer, function: function(name) }));
    subjects
}

impl Subject {
    /// Returns the program's name in the results.
    pub fn label(&self) -> String {
        let name = self.function.name;
        match self.kind {
            Kind::Ours => name.to_owned(),
            Kind::Twin => format!("{name} again"),
            Kind::Floor => "floor".to_owned(),
            Kind::Peer => format!("{name} (Node.js)"),
        }
    }

    /// Returns the program's path.
    pub fn program(&self) -> PathBuf {
        let name = self.function.name;
        match self.kind {
            Kind::Ours | Kind::Twin => root().join(format!("target/lambda/{name}/bootstrap")),
            Kind::Floor => root().join("target/lambda/floor/bootstrap"),
            Kind::Peer => root().join(format!("tools/bench/peer/dist/{name}.mjs")),
        }
    }

    /// Returns the path of the deployment package.
    pub fn package(&self) -> PathBuf {
        match self.kind {
            Kind::Ours | Kind::Twin => {
                root().join(format!("target/lambda/{}.zip", self.function.name))
            }
            Kind::Floor => root().join("target/lambda/floor.zip"),
            Kind::Peer => root().join(format!("target/bench/peer/{}.zip", self.function.name)),
        }
    }

    /// Returns the command that starts the program.
    pub fn command(&self) -> Command {
        if self.kind != Kind::Peer {
            return Command::new(self.program());
        }
        let peer = root().join("tools/bench/peer");
        let mut command = Command::new("node");
        command.arg(peer.join("node_modules/aws-lambda-ric/bin/index.mjs"));
        command.arg(format!("{}.handler", self.function.name));
        // As in AWS's managed runtime.
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
    fn subjects_have_unique_labels_and_include_every_function() {
        let labels: BTreeSet<_> = all().iter().map(Subject::label).collect();
        assert_eq!(labels.len(), all().len());
        assert!(FUNCTIONS.iter().all(|function| labels.contains(function.name)));
    }

    #[test]
    fn twin_is_the_same_program() {
        let twin = all().into_iter().find(|subject| subject.kind == Kind::Twin).expect("a twin");
        assert_eq!(twin.program(), Subject { kind: Kind::Ours, ..twin }.program());
    }
}
