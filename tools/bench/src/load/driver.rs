//! wrk (<https://github.com/wg/wrk>) as the driver: it reads random accounts at a steady rate.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use devstack::http;

use super::probes::Reader;
use super::series::Series;
use crate::error::{Error, Result};
use crate::subject::{folder, root};

/// Endpoints that are read, and how many of ten reads each gets: consoles read the summary, deploy gates read dunning.
const READS: [(&str, usize); 2] = [("/v1/billing/summary", 8), ("/v1/billing/dunning", 2)];

const CONNECTIONS: u32 = 32;

const LIMIT: Duration = Duration::from_secs(30);

/// The driver of a run.
pub struct Driver {
    api: String,
    keys: Vec<String>,
}

/// Driver that runs. Dropping this stops it.
pub struct RunningDriver {
    child: Child,
    began_at: u64,
}

impl Drop for RunningDriver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn results() -> PathBuf {
    folder().join("load/responses")
}

impl Driver {
    pub fn new(api: &str, readers: &[Reader]) -> Self {
        let keys = readers.iter().map(|reader| reader.keys.read.clone()).collect();
        Self { api: api.to_owned(), keys }
    }

    /// Reads each endpoint for each account, one after the other, as fast as Stripe's rate limit permits.
    pub async fn read_each_once(&self) -> Result<()> {
        for key in &self.keys {
            let bearer = format!("Bearer {key}");
            for (path, _) in READS {
                let url = format!("{}{path}", self.api);
                loop {
                    let headers = [("authorization", bearer.as_str())];
                    let sent = http::send("GET", &url, &headers, "", LIMIT);
                    match sent.await.map_err(Error::Wrong)?.status {
                        200 => break,
                        429 => tokio::time::sleep(Duration::from_millis(500)).await,
                        status => return Error::wrong(format!("{path} responds with {status}")),
                    }
                }
            }
        }
        Ok(())
    }

    /// Starts to send about `rate` requests a second for so many seconds.
    pub fn start(&self, rate: u32, seconds: u64) -> Result<RunningDriver> {
        let (targets, results) = (folder().join("load/targets"), results());
        let mut lines = String::new();
        for (path, share) in READS {
            for key in &self.keys {
                lines.push_str(&format!("{path} {key}\n").repeat(share));
            }
        }
        // The keys are those of this run's own accounts.
        fs::write(&targets, lines).map_err(Error::system("the driver's targets"))?;
        let _ = fs::remove_dir_all(&results);
        fs::create_dir_all(&results).map_err(Error::system("the driver's results"))?;
        let pause = 1_000 * CONNECTIONS / rate.max(1);
        let child = Command::new("wrk")
            .args(["--threads", "2", "--connections", &CONNECTIONS.to_string(), "--timeout", "30s"])
            .args(["--duration", &format!("{seconds}s"), "--script"])
            .arg(root().join("tools/bench/load.lua"))
            .args([&self.api, "--"])
            .args([&targets, &results])
            .arg(pause.to_string())
            .stdout(Stdio::null())
            .spawn()
            .map_err(Error::system("wrk, which `apt-get install wrk` installs"))?;
        Ok(RunningDriver { child, began_at: now() })
    }
}

impl RunningDriver {
    /// Waits for the driver's end and adds its responses.
    pub fn finish(mut self, series: &mut Series) -> Result<()> {
        self.child.wait().map_err(Error::system("wrk"))?;
        let files = fs::read_dir(results()).map_err(Error::system("the driver's results"))?;
        for file in files.flatten() {
            let text =
                fs::read_to_string(file.path()).map_err(Error::system("the driver's results"))?;
            series.add_responses(&text, self.began_at);
        }
        Ok(())
    }
}

/// Returns the Unix time in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
