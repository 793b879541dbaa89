//! Test suite of one SDK: its folder, its sandbox, and the programs that run in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Running, Sandbox};

pub struct Suite {
    folder: PathBuf,
    responses: PathBuf,
    sandbox: Running,
}

impl Suite {
    pub fn start(name: &str) -> Suite {
        let responses = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(name);
        // Responses of an earlier run would be checked again.
        let _ = std::fs::remove_dir_all(&responses);
        std::fs::create_dir_all(&responses).unwrap();
        Suite {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name),
            responses,
            sandbox: Sandbox::start(Config::default()).unwrap(),
        }
    }

    /// Runs a program in the suite's folder. Fails with its output if it fails.
    #[track_caller]
    pub fn run(&self, what: &str, program: &Path, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .env("STRIPE_SANDBOX_URL", &self.sandbox.url)
            .env("STRIPE_SANDBOX_KEY", DEFAULT_SECRET_KEY)
            .env("STRIPE_SANDBOX_RESPONSES", &self.responses)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{what}: {}\n{}", output.status, said.join("\n"));
        println!("{}", said.concat());
    }
}
