//! Who is served by a part, in the order in which they last asked.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};

/// Connections at once. Origin: a site needs one for each gallery, and one more while it fills it.
const MAX_CONNECTIONS: usize = 64;

/// Connections of those who have the secret. A machine that lost its power says nothing, and its connection would be held for ever: where
/// there is no room for a further one, the one that asked nothing for the longest time is closed.
#[derive(Debug, Default)]
pub(super) struct Served {
    n_turns: u64,
    /// By the turn in which each last asked.
    connections: BTreeMap<u64, TcpStream>,
}

impl Served {
    /// Takes one in; its turn.
    pub(super) fn admit(&mut self, stream: TcpStream) -> u64 {
        if self.connections.len() >= MAX_CONNECTIONS
            && let Some((_, idle)) = self.connections.pop_first()
        {
            // Whoever waits on it sees that it ended; one that has ended already needs nothing.
            let _ = idle.shutdown(Shutdown::Both);
        }
        self.put(stream)
    }

    /// Notes that one asks; its turn from now on.
    pub(super) fn asks(&mut self, turn: u64) -> u64 {
        match self.connections.remove(&turn) {
            Some(stream) => self.put(stream),
            // It was closed a moment ago.
            None => turn,
        }
    }

    /// Lets one go.
    pub(super) fn leaves(&mut self, turn: u64) {
        self.connections.remove(&turn);
    }

    fn put(&mut self, stream: TcpStream) -> u64 {
        self.n_turns += 1;
        self.connections.insert(self.n_turns, stream);
        self.n_turns
    }
}
