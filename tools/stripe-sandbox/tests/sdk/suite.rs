//! A suite of one SDK: its folder, its sandbox, and the programs that run there.

use std::path::{Path, PathBuf};
use std::process::Command;

use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Running, Sandbox};

pub struct Suite {
    folder: PathBuf,
    answers: PathBuf,
    sandbox: Running,
}

impl Suite {
    pub fn start(name: &str) -> Suite {
        let answers = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(name);
        // What an earlier run left would be checked again.
        let _ = std::fs::remove_dir_all(&answers);
        std::fs::create_dir_all(&answers).unwrap();
        Suite {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name),
            answers,
            sandbox: Sandbox::start(Config::default()).unwrap(),
        }
    }

    /// Runs a program in the suite's folder, and fails with all that it said if it fails.
    #[track_caller]
    pub fn run(&self, what: &str, program: &Path, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .env("STRIPE_SANDBOX_URL", &self.sandbox.url)
            .env("STRIPE_SANDBOX_KEY", DEFAULT_SECRET_KEY)
            .env("STRIPE_SANDBOX_ANSWERS", &self.answers)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{what}: {}\n{}", output.status, said.join("\n"));
        println!("{}", said.concat());
    }
}
