//! Recording of requests: a JSON object per line.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One recorded request.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Service and operation, for example `DynamoDB_20120810.GetItem`.
    pub target: String,
    pub user_agent: String,
    pub body: String,
}

pub(crate) struct Recording(Mutex<File>);

impl Recording {
    /// Creates the file, or empties it.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(Mutex::new).map(Self)
    }

    pub(crate) fn add(&self, request: &Recorded) -> io::Result<()> {
        let line = serde_json::to_string(request)? + "\n";
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}
