//! The last requests, for `GET /_sandbox/requests` and the page at `/`. Keys are kept masked only.

use std::collections::VecDeque;

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Real time, in seconds.
    pub at: i64,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub request_id: String,
    /// The key's first characters.
    pub key: Option<String>,
    pub idempotency_key: Option<String>,
    pub replayed: bool,
    pub fault: Option<super::faults::Kind>,
    /// What an error answer said.
    pub message: Option<String>,
}

#[derive(Default)]
pub struct Log(VecDeque<Entry>);

const KEPT: usize = 2000;

impl Log {
    pub fn add(&mut self, entry: Entry) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    /// Newest first.
    pub fn recent(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().rev()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
