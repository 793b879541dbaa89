//! Snapshot: the state of a sandbox in a file, without faults and the request log.
//!
//! A file is replaced atomically. A file that is not a readable snapshot is never replaced.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::auth::Keys;
use super::idempotency::IdempotencyStore;
use crate::world::World;

/// Marks a file as a snapshot.
const FORMAT: &str = "stripe-sandbox snapshot";
/// Incremented when older files can no longer be read.
const VERSION: u32 = 2;

#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
pub struct Snapshot {
    pub world: World,
    pub keys: Keys,
    pub idempotency: IdempotencyStore,
}

#[derive(Serialize)]
pub struct View<'a> {
    format: &'static str,
    version: u32,
    world: &'a World,
    keys: &'a Keys,
    idempotency: &'a IdempotencyStore,
}

impl<'a> View<'a> {
    pub fn new(world: &'a World, keys: &'a Keys, idempotency: &'a IdempotencyStore) -> View<'a> {
        View { format: FORMAT, version: VERSION, world, keys, idempotency }
    }

    /// Writes a temporary file first, so that a full disk does not destroy the previous snapshot.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let beside = Path::new(&name);
        let written = self.write_to(beside).and_then(|()| fs::rename(beside, path));
        if written.is_err() {
            // The first error is returned below.
            let _ = fs::remove_file(beside);
        }
        written.map_err(|error| explain(path, "cannot be written", &error))
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.get_ref().sync_all()
    }
}

/// Reads the snapshot, or returns None if the file does not exist.
pub fn read(path: &Path) -> io::Result<Option<Snapshot>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(explain(path, "cannot be read", &error)),
    };
    parse(&text).map(Some).map_err(|why| explain(path, "cannot be used and was not changed", &why))
}

fn parse(text: &[u8]) -> Result<Snapshot, String> {
    let head: Head = serde_json::from_slice(text)
        .map_err(|error| format!("it is not a snapshot of stripe-sandbox ({error})"))?;
    if head.format != FORMAT {
        return Err(format!("it is not a snapshot of stripe-sandbox but says {:?}", head.format));
    }
    if head.version != VERSION {
        return Err(format!(
            "it is of version {}, and this stripe-sandbox reads version {VERSION}",
            head.version
        ));
    }
    serde_json::from_slice(text).map_err(|error| format!("it is damaged ({error})"))
}

fn explain(path: &Path, what: &str, why: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("the snapshot {} {what}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text.as_bytes()).err().expect("a refusal")
    }

    #[test]
    fn incomplete_snapshots_and_other_versions_are_refused() {
        for (text, said) in [
            ("", "not a snapshot"),
            ("{\"prices\": []}", "not a snapshot"),
            ("{\"format\": \"other\", \"version\": 2}", "says \"other\""),
            ("{\"format\": \"stripe-sandbox snapshot\", \"version\": 1}", "of version 1"),
            ("{\"format\": \"stripe-sandbox snapshot\", \"version\": 2, \"world\": {}}", "damaged"),
        ] {
            assert!(refusal(text).contains(said), "{text}: {}", refusal(text));
        }
    }
}
