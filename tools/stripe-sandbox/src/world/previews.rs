//! The last few invoice previews, because their lines can be paged through after the fact.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::model::invoice::Invoice;

#[derive(Default, Serialize, Deserialize)]
pub struct Previews(VecDeque<Invoice>);

const KEPT: usize = 200;

impl Previews {
    pub fn remember(&mut self, preview: Invoice) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(preview);
    }

    pub fn get(&self, id: &str) -> Option<&Invoice> {
        self.0.iter().find(|preview| preview.id == id)
    }
}
