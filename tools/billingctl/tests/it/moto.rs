//! moto's server, the stand-in for DynamoDB and Secrets Manager: one for each test.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A machine that builds at the same time is slow to start Python.
const LONGEST_START: Duration = Duration::from_secs(90);

/// It ends with the test.
pub struct Moto {
    process: Child,
    pub url: String,
}

impl Moto {
    pub fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/moto_server");
        assert!(program.exists(), "{} is missing: run `make setup`", program.display());
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto's server starts");
        let mut moto = Self { process, url: format!("http://{address}") };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = moto.process.try_wait().expect("its state");
            assert!(ended.is_none(), "moto's server ended: {ended:?}");
            assert!(begun.elapsed() < LONGEST_START, "moto's server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
