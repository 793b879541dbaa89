//! Settings of a run, from environment variables.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::dice::Dice;

/// Default duration in seconds.
const SECONDS: u64 = 45;

/// Settings of a run.
pub struct Settings {
    /// `FUZZ_SECONDS`: no round starts later.
    pub time: Duration,
    /// `FUZZ_SEED`: repeats a run.
    pub seed: u64,
    /// `FUZZ_ROUND`: the only round to run.
    pub round: Option<u64>,
    /// `FUZZ_PROCESSES`: processes of each function, by default two to four, as the seed says.
    pub processes: u8,
    /// `FUZZ_CLIENTS`: clients at once, by default two to four in each round.
    pub clients: Option<u64>,
    /// `FUZZ_KILLS=1`: kill processes in some rounds, which take half a minute longer.
    pub kills: bool,
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

impl Settings {
    pub fn from_env() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = setting("FUZZ_SEED").unwrap_or(now.as_secs());
        let any = 2 + Dice(seed).below(3);
        let processes = setting("FUZZ_PROCESSES").unwrap_or(any);
        Self {
            time: Duration::from_secs(setting("FUZZ_SECONDS").unwrap_or(SECONDS)),
            seed,
            round: setting("FUZZ_ROUND"),
            processes: processes.try_into().expect("a few processes"),
            clients: setting("FUZZ_CLIENTS"),
            kills: setting("FUZZ_KILLS") == Some(1),
        }
    }

    /// Returns the seed of a round.
    pub fn seed_of(&self, round: u64) -> u64 {
        // Not the sum: neighboring seeds would repeat each other's rounds.
        self.seed.wrapping_mul(1_000_003).wrapping_add(round)
    }

    /// Returns the variables that repeat a round.
    pub fn repeat(&self, round: u64) -> String {
        let Self { seed, processes, kills, .. } = self;
        let clients =
            self.clients.map(|clients| format!(" FUZZ_CLIENTS={clients}")).unwrap_or_default();
        let kills = if *kills { " FUZZ_KILLS=1" } else { "" };
        format!("FUZZ_SEED={seed} FUZZ_ROUND={round} FUZZ_PROCESSES={processes}{clients}{kills}")
    }
}
