//! The most recent invoice previews. Stored because their lines can be listed afterwards.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::model::invoice::Invoice;

#[derive(Default, Serialize, Deserialize)]
pub struct Previews(VecDeque<Invoice>);

const CAPACITY: usize = 200;

impl Previews {
    pub fn store(&mut self, preview: Invoice) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(preview);
    }

    pub fn get(&self, id: &str) -> Option<&Invoice> {
        self.0.iter().find(|preview| preview.id == id)
    }
}
