//! A connection to an MQTT broker that comes back when it breaks.
//!
//! The packets are those of `rumqttc`; the way they travel is our own. Its encryption would bring in an older verifier of
//! certificates, which has known faults, and its errors do not tell whose certificate was refused.

mod address;
mod connection;
mod fault;
mod tls;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use rumqttc::Packet;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time;

pub use address::{BadBrokerAddress, BrokerAddress};
pub use fault::LineError;
pub use tls::{BadBrokerTls, BrokerTls, ShownCertificate};

use connection::Connection;

/// Pause before a connection that broke is made again.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Longest time until a connection stands: name, socket, encryption and the answer of the broker.
const PATIENCE: Duration = Duration::from_secs(10);

/// Words that wait for the connection. When full, whoever says more waits, or does without.
const MAX_WAITING: usize = 256;

/// Longest topic and payload together; what is said has some hundred bytes.
const MAX_WORD_BYTES: usize = 32 << 10;

/// Words that the broker was told and has not said it has. When full, the others wait.
const MAX_UNHEARD: usize = 100;

/// Something that is said under a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The topic.
    pub topic: String,
    /// What is said.
    pub payload: String,
    /// Whether the broker says it to whoever comes later.
    pub retain: bool,
}

/// Which broker, and who speaks.
#[derive(Clone)]
pub struct BrokerConfig {
    /// Where it is.
    pub address: BrokerAddress,
    /// Who vouches for it, where the connection is encrypted; nothing: whoever the system trusts.
    pub tls: Option<BrokerTls>,
    /// Under which name; two of the same name throw each other out.
    pub client_id: String,
    /// User name and password, where it asks.
    pub user: Option<(String, String)>,
    /// What the broker says when the connection breaks.
    pub last_will: Word,
}

impl fmt::Debug for BrokerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerConfig")
            .field("address", &self.address)
            .field("tls", &self.tls)
            .field("client_id", &self.client_id)
            .field("last_will", &self.last_will)
            .finish_non_exhaustive()
    }
}

/// Why nothing was said.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The connection is away, and too much waits for it.
    #[error("too much waits for the broker")]
    Full,
    /// It is longer than anything that is said here.
    #[error("the word is too long")]
    TooLong,
}

/// The speaking end. Cheap to clone.
#[derive(Clone)]
pub struct Broker(mpsc::Sender<Word>);

/// The connection itself: nothing is said before somebody looks after it.
pub struct BrokerLine {
    speech: Speech,
    connection: Option<Connection>,
}

/// What is to be said, on this connection or the next.
struct Speech {
    config: BrokerConfig,
    waiting: mpsc::Receiver<Word>,
    /// What the broker was told and has not said it has, oldest first, each under its number.
    unheard: VecDeque<(u16, Word)>,
    last_number: u16,
}

impl Broker {
    /// A connection to be; nothing is connected before [`BrokerLine::next_connection`].
    pub fn new(config: BrokerConfig) -> (Self, BrokerLine) {
        let (sender, waiting) = mpsc::channel(MAX_WAITING);
        let speech = Speech {
            config,
            waiting,
            unheard: VecDeque::new(),
            last_number: 0,
        };
        let line = BrokerLine {
            speech,
            connection: None,
        };
        (Self(sender), line)
    }

    /// Says something, without waiting; it is said again until the broker has it.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn say(&self, word: Word) -> Result<(), BrokerError> {
        if word.topic.len() + word.payload.len() > MAX_WORD_BYTES {
            return Err(BrokerError::TooLong);
        }
        self.0.try_send(word).map_err(|_| BrokerError::Full)
    }
}

/// What came next on a connection.
enum Happening {
    Came(io::Result<usize>),
    Said(Word),
    Beat,
}

impl BrokerLine {
    /// Carries what is said, and connects where that is needed; returns when a connection was just made, so that what
    /// everyone should know can be said again. Never ends otherwise.
    ///
    /// A call that is dropped loses nothing: the next one goes on.
    ///
    /// # Errors
    /// When a connection broke or could not be made; it is made again at the next call, after a pause.
    pub async fn next_connection(&mut self) -> Result<(), LineError> {
        // Whoever was interrupted in the middle of a packet cannot go on behind it.
        let _ = self.connection.take_if(|connection| connection.is_torn);
        while let Some(connection) = &mut self.connection {
            if let Err(error) = self.speech.carry(connection).await {
                self.connection = None;
                return Err(error);
            }
        }
        self.connection = Some(self.speech.begin().await?);
        Ok(())
    }

    /// How long to wait after an error.
    pub const RETRY_PAUSE: Duration = RETRY_PAUSE;
}

impl Speech {
    /// Connects, and says once more what was not heard.
    async fn begin(&mut self) -> Result<Connection, LineError> {
        let connected = time::timeout(PATIENCE, Connection::open(&mut self.config)).await;
        let mut connection = connected.unwrap_or_else(|_| Err(self.silent()))?;
        for (number, word) in &self.unheard {
            let written = connection.publish(*number, word).await;
            written.map_err(|error| LineError::of_wire(&self.config, error))?;
        }
        Ok(connection)
    }

    /// Carries one word, or hears one.
    async fn carry(&mut self, connection: &mut Connection) -> Result<(), LineError> {
        let has_room = self.unheard.len() < MAX_UNHEARD;
        let happening = tokio::select! {
            came = connection.wire.read(&mut connection.inbox) => Happening::Came(came),
            Some(word) = self.waiting.recv(), if has_room => Happening::Said(word),
            _ = connection.beat.tick() => Happening::Beat,
        };
        match happening {
            Happening::Came(Ok(0)) => {
                let end = io::ErrorKind::UnexpectedEof.into();
                Err(LineError::of_wire(&self.config, end))
            }
            Happening::Came(Ok(_)) => self.hear(connection),
            Happening::Came(Err(error)) => Err(LineError::of_wire(&self.config, error)),
            Happening::Said(word) => self.tell(connection, word).await,
            Happening::Beat if connection.is_answer_due => Err(self.silent()),
            Happening::Beat => {
                connection.is_answer_due = true;
                let written = connection.write(&Packet::PingReq).await;
                written.map_err(|error| LineError::of_wire(&self.config, error))
            }
        }
    }

    /// Everything that came whole.
    fn hear(&mut self, connection: &mut Connection) -> Result<(), LineError> {
        loop {
            match connection.inbox.packet() {
                Ok(Some(Packet::PubAck(heard))) => {
                    self.unheard.retain(|(number, _)| *number != heard.pkid);
                }
                Ok(Some(Packet::PingResp)) => connection.is_answer_due = false,
                // Nothing else was asked for.
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(source) => return Err(LineError::of_packet(&self.config, source)),
            }
        }
    }

    async fn tell(&mut self, connection: &mut Connection, word: Word) -> Result<(), LineError> {
        let number = self.free_number();
        // Before it is written: what is lost on the way is said again on the next connection.
        self.unheard.push_back((number, word.clone()));
        let written = connection.publish(number, &word).await;
        written.map_err(|error| LineError::of_wire(&self.config, error))
    }

    /// A number of which no word waits for an answer. There is one: far fewer wait than there are.
    fn free_number(&mut self) -> u16 {
        loop {
            // Zero is the number of nothing.
            self.last_number = self.last_number.wrapping_add(1).max(1);
            let number = self.last_number;
            if self.unheard.iter().all(|(taken, _)| *taken != number) {
                return number;
            }
        }
    }

    fn silent(&self) -> LineError {
        LineError::Silent {
            address: self.config.address.clone(),
        }
    }
}
