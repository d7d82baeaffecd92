//! One connection to a broker, from its first word to its last.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes;
use rumqttc::{Connect, ConnectReturnCode, LastWill, Login, Packet, Publish, QoS};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{self, Interval, MissedTickBehavior};

use super::fault::LineError;
use super::tls::BrokerTls;
use super::{BrokerConfig, Word};

/// How often the connection is looked after: a broker says the last will after one and a half of these.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Longest time in which bytes that are written are taken.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// Largest packet in either direction. What is said has some hundred bytes, what is answered four.
const MAX_PACKET_BYTES: usize = 64 << 10;

/// Something that carries bytes both ways.
trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// The bytes that go and come, encrypted or not.
pub(super) struct Wire(Box<dyn Carrier>);

impl Wire {
    /// Takes what came into the inbox, and says how many bytes that were; none when the other end is gone. What a dropped
    /// call has taken is in the inbox.
    pub(super) async fn read(&mut self, inbox: &mut Inbox) -> io::Result<usize> {
        self.0.read_buf(&mut inbox.0).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }
}

/// What came and was not looked at.
#[derive(Default)]
pub(super) struct Inbox(BytesMut);

impl Inbox {
    /// The next packet that came whole, if there is one.
    pub(super) fn packet(&mut self) -> Result<Option<Packet>, mqttbytes::Error> {
        match Packet::read(&mut self.0, MAX_PACKET_BYTES) {
            Ok(packet) => Ok(Some(packet)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A broker that listens.
pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) inbox: Inbox,
    /// When it is asked whether it is still there.
    pub(super) beat: Interval,
    /// Whether it was asked and has not answered.
    pub(super) is_answer_due: bool,
    /// Whether a packet was begun and not ended.
    pub(super) is_torn: bool,
}

impl Connection {
    /// Connects, says who speaks, and hears that the broker agrees. Whoever the system trusts is put into `config` where
    /// nobody else is named: that takes many files, which are read once.
    ///
    /// # Errors
    /// [`LineError`].
    pub(super) async fn open(config: &mut BrokerConfig) -> Result<Self, LineError> {
        let address = &config.address;
        let unreachable = |source| LineError::Unreachable {
            address: address.clone(),
            source,
        };
        let socket = TcpStream::connect((address.host.as_str(), address.port));
        let socket = socket.await.map_err(unreachable)?;
        // Words are short; if they cannot go at once they go a little later.
        let _ = socket.set_nodelay(true);
        let carrier: Box<dyn Carrier> = if address.is_encrypted {
            let tls = match config.tls.take() {
                Some(tls) => tls,
                None => BrokerTls::new(None, None)?,
            };
            let tls = config.tls.insert(tls);
            let encrypted = tls.encrypt(&address.host, socket).await;
            Box::new(encrypted.map_err(|error| LineError::of_opening(config, error))?)
        } else {
            Box::new(socket)
        };
        let mut beat = time::interval(KEEP_ALIVE);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first would be at once.
        beat.reset();
        let mut connection = Self {
            wire: Wire(carrier),
            inbox: Inbox::default(),
            beat,
            is_answer_due: false,
            is_torn: false,
        };
        let written = connection.write(&introduction(config)).await;
        written.map_err(|error| LineError::of_opening(config, error))?;
        match connection.first_packet(config).await? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => Ok(connection),
            Packet::ConnAck(answer) => Err(LineError::of_refusal(config, answer.code)),
            _ => {
                let error = mqttbytes::Error::IncorrectPacketFormat;
                Err(LineError::of_packet(config, error))
            }
        }
    }

    async fn first_packet(&mut self, config: &BrokerConfig) -> Result<Packet, LineError> {
        loop {
            let packet = self.inbox.packet();
            let packet = packet.map_err(|error| LineError::of_packet(config, error))?;
            if let Some(packet) = packet {
                return Ok(packet);
            }
            let came = self.wire.read(&mut self.inbox).await;
            if came.map_err(|error| LineError::of_opening(config, error))? == 0 {
                return Err(LineError::Closed {
                    address: config.address.clone(),
                });
            }
        }
    }

    /// Says a word under a number, with which the broker says that it has it.
    pub(super) async fn publish(&mut self, number: u16, word: &Word) -> io::Result<()> {
        let mut publish = Publish::new(
            word.topic.as_str(),
            QoS::AtLeastOnce,
            word.payload.as_bytes(),
        );
        publish.retain = word.retain;
        publish.pkid = number;
        self.write(&Packet::Publish(publish)).await
    }

    pub(super) async fn write(&mut self, packet: &Packet) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        packet
            .write(&mut bytes, MAX_PACKET_BYTES)
            .map_err(io::Error::other)?;
        self.is_torn = true;
        let failure = match time::timeout(WRITE_PATIENCE, self.wire.write(&bytes)).await {
            Ok(Ok(())) => {
                self.is_torn = false;
                return Ok(());
            }
            Ok(Err(failure)) => failure,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        // Whoever ends an encrypted connection says why before; what is written after that fails, and would hide it.
        let said = time::timeout(WRITE_PATIENCE, self.wire.read(&mut self.inbox)).await;
        match said {
            Ok(Err(said)) if LineError::is_of_tls(&said) => Err(said),
            _ => Err(failure),
        }
    }
}

/// Who speaks, and what is to be said when the connection breaks.
fn introduction(config: &BrokerConfig) -> Packet {
    let mut connect = Connect::new(config.client_id.as_str());
    connect.keep_alive = u16::try_from(KEEP_ALIVE.as_secs()).unwrap_or(u16::MAX);
    let user = config.user.as_ref();
    connect.login = user.map(|(name, password)| Login::new(name.as_str(), password.as_str()));
    let Word {
        topic,
        payload,
        retain,
    } = &config.last_will;
    connect.last_will = Some(LastWill::new(
        topic.as_str(),
        payload.as_bytes(),
        QoS::AtLeastOnce,
        *retain,
    ));
    Packet::Connect(connect)
}
