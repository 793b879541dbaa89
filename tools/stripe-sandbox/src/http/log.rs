//! The last requests, for `GET /_sandbox/requests` and the page at `/`. Keys are kept masked only.

use std::collections::VecDeque;

use serde::Serialize;

use super::auth::masked;
use super::exchange::{Answer, Incoming};
use super::faults::Kind;

#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Real time, in seconds.
    pub at: i64,
    pub method: String,
    pub path: String,
    /// 0 if there was no answer.
    pub status: u16,
    pub request_id: String,
    /// The key's first characters.
    pub key: Option<String>,
    pub idempotency_key: Option<String>,
    pub replayed: bool,
    pub fault: Option<Kind>,
    /// What an error answer said.
    pub message: Option<String>,
    /// Parameters as they came, encoded.
    #[serde(skip)]
    pub params: String,
    #[serde(skip)]
    pub answer: String,
}

/// More of a request or an answer than this is not kept.
const LONGEST: usize = 16 * 1024;

impl Entry {
    pub fn new(at: i64, incoming: &Incoming, answer: &Answer, fault: Option<Kind>) -> Entry {
        let params = match (incoming.query.as_str(), incoming.body.as_str()) {
            (query, "") => query.to_owned(),
            ("", body) => beginning(body),
            (query, body) => format!("{query}&{}", beginning(body)),
        };
        Entry {
            at,
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            status: answer.status,
            request_id: answer.request_id.clone(),
            key: answer.key.as_deref().map(masked),
            idempotency_key: incoming.idempotency_key.clone(),
            replayed: answer.replay_of.is_some(),
            fault,
            message: answer.message.clone(),
            params,
            answer: beginning(&answer.body),
        }
    }
}

fn beginning(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!(
        "{}\n… and {} bytes more",
        &text[..text.floor_char_boundary(LONGEST)],
        text.len() - LONGEST
    )
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
