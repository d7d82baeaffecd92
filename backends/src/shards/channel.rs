//! A connection whose messages are sealed.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hmac::{Hmac, Mac};
use rand::CryptoRng;
use rand_chacha::ChaCha20Rng;
use regard_commitments::Zeroizing;
use sha2::Sha256;

/// Longest message. Origin: 4,096 hits of 36 bytes for each of 256 probes are 38 MB.
const MAX_MESSAGE: usize = 40_000_000;

/// What shows that a side has the secret, and its length when it is sealed.
const HERE: &[u8; 4] = b"here";
const SEALED_HERE_LEN: usize = HERE.len() + 16;

/// What both sides say first: which protocol, and in which version.
const GREETING: &[u8; 16] = b"regard shard v1\0";

/// One side of a connection.
pub(super) struct Channel {
    stream: TcpStream,
    sending: Direction,
    receiving: Direction,
}

/// What seals one way, and how many messages went.
struct Direction {
    cipher: ChaCha20Poly1305,
    n_messages: u64,
}

impl Direction {
    fn new(secret: &[u8; 32], numbers: &[u8; 64], who: &[u8]) -> io::Result<Self> {
        let mut hash = <Hmac<Sha256> as Mac>::new_from_slice(secret)
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        for part in [GREETING.as_slice(), who, numbers] {
            hash.update(part);
        }
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(hash.finalize().into_bytes().into());
        Ok(Self {
            cipher: ChaCha20Poly1305::new(&Key::from(*key)),
            n_messages: 0,
        })
    }

    /// Never twice the same under one key.
    fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.n_messages.to_be_bytes());
        self.n_messages += 1;
        Nonce::from(nonce)
    }
}

impl Channel {
    /// Greets, and makes the keys of this connection of the secret and of what both sides drew.
    pub(super) fn begin(
        mut stream: TcpStream,
        secret: &[u8; 32],
        rng: &mut ChaCha20Rng,
        is_asking: bool,
    ) -> io::Result<Self> {
        let (mut own, mut other) = ([0; 32], [0; 32]);
        fill(rng, &mut own);
        stream.set_nodelay(true)?;
        stream.write_all(GREETING)?;
        stream.write_all(&own)?;
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting)?;
        stream.read_exact(&mut other)?;
        if greeting != *GREETING || other == own {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (first, second) = if is_asking {
            (own, other)
        } else {
            (other, own)
        };
        let mut numbers = [0; 64];
        numbers[..32].copy_from_slice(&first);
        numbers[32..].copy_from_slice(&second);
        let asking = Direction::new(secret, &numbers, b"asks")?;
        let answering = Direction::new(secret, &numbers, b"answers")?;
        let (sending, receiving) = if is_asking {
            (asking, answering)
        } else {
            (answering, asking)
        };
        let mut this = Self {
            stream,
            sending,
            receiving,
        };
        // Each side shows that it has the secret before anything is asked.
        this.send(HERE)?;
        // Whoever has not shown it yet has no claim to our memory.
        if *this.receive_at_most(SEALED_HERE_LEN)? != *HERE {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(this)
    }

    /// From now on waits for messages without end, as whoever asks may have nothing to ask.
    pub(super) fn wait_for_ever(&self) -> io::Result<()> {
        self.stream.set_read_timeout(None)
    }

    /// Sends one message.
    pub(super) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let nonce = self.sending.nonce();
        let sealed = self.sending.cipher.encrypt(&nonce, message);
        let sealed = sealed.map_err(|_| io::ErrorKind::InvalidInput)?;
        let length = u32::try_from(sealed.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.stream.write_all(&length.to_be_bytes())?;
        self.stream.write_all(&sealed)
    }

    /// The next message.
    pub(super) fn receive(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        self.receive_at_most(MAX_MESSAGE)
    }

    fn receive_at_most(&mut self, max_len: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length as usize > max_len {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // Room grows with what comes, not with what is announced.
        let mut sealed = Vec::new();
        (&mut self.stream)
            .take(length.into())
            .read_to_end(&mut sealed)?;
        let nonce = self.receiving.nonce();
        let message = self.receiving.cipher.decrypt(&nonce, sealed.as_slice());
        message
            .map(Zeroizing::new)
            .map_err(|_| io::ErrorKind::PermissionDenied.into())
    }
}

fn fill(rng: &mut impl CryptoRng, bytes: &mut [u8; 32]) {
    rng.fill_bytes(bytes);
}
