//! Films of messages, looked through for flashes once each.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use regard_decision::FlashFacts;
use regard_engine::{FilmFlashes, VideoError, look_for_flashes};

use crate::problem::chain;

/// Films whose flashes are remembered. When full all are forgotten, and looked through again when somebody asks.
const MAX_FILMS: usize = 1_000;

/// What was found in films, by the name of the asset, which is the hash of its bytes.
#[derive(Debug, Default)]
pub(super) struct Films {
    looked: Mutex<BTreeMap<String, Option<FlashFacts>>>,
}

fn facts_of(found: FilmFlashes) -> FlashFacts {
    let millis = |secs: f64| (secs * 1_000.0).round().clamp(0.0, f64::from(u32::MAX)) as u32;
    FlashFacts {
        shortest_millis: found.shortest_secs.map(millis),
        most_in_a_second: found.most_in_a_second,
        is_whole: found.is_whole,
    }
}

impl Films {
    /// What was found, where the film was looked through and could be.
    pub(super) fn known(&self, name: &str) -> Option<FlashFacts> {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.get(name).copied().flatten()
    }

    fn is_known(&self, name: &str) -> bool {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.contains_key(name)
    }

    /// Looks through a film, where nobody did yet. Takes a core for as long as decoding all of it: whoever asks sees to it that
    /// films are looked through one at a time.
    pub(super) fn look(&self, name: &str, path: &Path) {
        if self.is_known(name) {
            return;
        }
        let found = match look_for_flashes(path) {
            Ok(found) => Some(facts_of(found)),
            // It may be installed meanwhile.
            Err(VideoError::FfmpegMissing) => return,
            Err(error) => {
                tracing::warn!(film = name, error = %chain(&error), "a film was not looked through for flashes");
                None
            }
        };
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.len() >= MAX_FILMS {
            looked.clear();
        }
        looked.insert(name.to_owned(), found);
    }
}
