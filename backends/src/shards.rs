//! Parts of a gallery on several machines: one that answers, and one that asks it.
//!
//! Both hold a secret of the site. A connection begins with random numbers of both sides; from then on each side seals what it
//! says under a key of its own, made of the secret and those numbers, with a counter: who lacks the secret can neither read,
//! nor ask, nor say again what was said. Whoever comes by the secret later can read what was recorded before: run it
//! within a network of the owner's (`docs/threats.md`).

mod channel;
mod served;
mod words;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use rand::{CryptoRng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use regard_commitments::{Grant, Recognition, Zeroizing};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{Enrolment, GalleryError, SearchAnswer, Shard, Template, TemplateKind};

use self::channel::Channel;
use self::served::Served;
use self::words::{Answer, Leave, Request};

/// Longest time that a part may take to take a connection, or to answer. Origin: a search among ten million takes a tenth of
/// a second; whatever takes twenty times that is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections at once of those who have not shown yet that they have the secret; a further one is closed.
const MAX_GREETINGS: usize = 64;

/// What all parts of a gallery and those who ask them share: 32 random bytes.
///
/// # Privacy
/// Who has it can search the parts and read who is found. Never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ShardSecret(Zeroizing<[u8; 32]>);

impl ShardSecret {
    /// From its bytes.
    pub const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for ShardSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShardSecret(withheld)")
    }
}

fn failed(source: io::Error) -> GalleryError {
    GalleryError::Index {
        source: source.into(),
    }
}

/// A part on another machine.
///
/// # Privacy
/// As [`Shard`]; what goes over the network is sealed.
pub struct RemoteShard {
    address: SocketAddr,
    secret: ShardSecret,
    state: Mutex<State>,
}

struct State {
    /// Made when it is needed, and anew after a failure.
    channel: Option<Channel>,
    rng: ChaCha20Rng,
}

impl RemoteShard {
    /// The part at an address; nothing is asked of it yet.
    pub fn new(
        address: SocketAddr,
        secret: ShardSecret,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let state = State {
            channel: None,
            rng: ChaCha20Rng::from_rng(rng),
        };
        Self {
            address,
            secret,
            state: Mutex::new(state),
        }
    }

    /// Asks, over the connection there is or a new one. A request that failed is not made again, as it may have been carried
    /// out.
    fn ask(&self, request: &Request<'_>) -> Result<Answer, GalleryError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let channel = match state.channel.take() {
            Some(channel) => Ok(channel),
            None => self.connect(&mut state.rng),
        };
        let mut channel = channel.map_err(failed)?;
        let answer = channel
            .send(&request.to_bytes())
            .and_then(|()| channel.receive())
            .map_err(failed)?;
        let answer =
            Answer::read(&answer).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
        state.channel = Some(channel);
        Ok(answer)
    }

    fn connect(&self, rng: &mut ChaCha20Rng) -> io::Result<Channel> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Channel::begin(stream, &self.secret.0, rng, true)
    }
}

/// What was answered that was not asked.
fn foreign() -> GalleryError {
    failed(io::ErrorKind::InvalidData.into())
}

impl Shard for RemoteShard {
    fn search(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        if !key.is_live() {
            return Err(GalleryError::GrantEnded);
        }
        let leave = Leave {
            number: key.number(),
            until: key.valid_until(),
        };
        match self.ask(&Request::Search { probes, k, leave })? {
            Answer::Found(answers) => Ok(answers),
            Answer::Failed(error) => Err(error),
            Answer::Number(_) => Err(foreign()),
        }
    }

    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        self.number(&Request::Insert(&enrolment)).map(drop)
    }

    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        let n = self.number(&Request::RemovePerson(person))?;
        usize::try_from(n).map_err(|_| foreign())
    }

    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError> {
        Ok(self.number(&Request::RemoveTemplate(template))? > 0)
    }

    fn n_templates(&self) -> Result<u64, GalleryError> {
        self.number(&Request::Count)
    }

    fn begin(&mut self, kind: TemplateKind) -> Result<(), GalleryError> {
        self.number(&Request::Begin(kind)).map(drop)
    }

    fn keep_only(&mut self, kind: TemplateKind) -> Result<(), GalleryError> {
        self.number(&Request::KeepOnly(kind)).map(drop)
    }
}

impl RemoteShard {
    fn number(&self, request: &Request<'_>) -> Result<u64, GalleryError> {
        match self.ask(request)? {
            Answer::Number(n) => Ok(n),
            Answer::Failed(error) => Err(error),
            Answer::Found(_) => Err(foreign()),
        }
    }
}

impl fmt::Debug for RemoteShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteShard(withheld)")
    }
}

/// Answers for a part of a gallery, to whoever has the secret.
///
/// # Privacy
/// Holds templates of people who agreed to be identified, by way of the part; each search is under the leave that the gate of the
/// site gave for it, which comes with it: this machine has no gate, and asks for nothing by itself.
#[derive(Debug)]
pub struct ShardServer {
    secret: ShardSecret,
    rng: Mutex<ChaCha20Rng>,
    n_greetings: AtomicUsize,
    served: Mutex<Served>,
}

impl ShardServer {
    /// For those who have this secret.
    pub fn new(secret: ShardSecret, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self {
            secret,
            rng: Mutex::new(ChaCha20Rng::from_rng(rng)),
            n_greetings: AtomicUsize::new(0),
            served: Mutex::default(),
        }
    }

    /// Serves until the listener fails, each connection on a thread of its own. A connection that fails, or does not have the
    /// secret, is closed; where too many have it, the one that asked nothing for the longest time.
    ///
    /// # Errors
    /// Why the listener failed.
    pub fn serve(&self, listener: &TcpListener, part: Box<dyn Shard>) -> io::Result<()> {
        let part = RwLock::new(part);
        thread::scope(|scope| {
            loop {
                let stream = match listener.accept() {
                    Ok((stream, _)) => stream,
                    // Whoever came has gone again.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                    Err(error) => return Err(error),
                };
                if self.n_greetings.fetch_add(1, Ordering::Relaxed) >= MAX_GREETINGS {
                    self.n_greetings.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let part = &part;
                let converse = move || {
                    // Whoever asks sees that it ended; there is nobody else to tell.
                    let _ = self.converse(stream, part);
                };
                let begun = thread::Builder::new().spawn_scoped(scope, converse);
                if begun.is_err() {
                    self.n_greetings.fetch_sub(1, Ordering::Relaxed);
                }
            }
        })
    }

    fn converse(&self, stream: TcpStream, part: &RwLock<Box<dyn Shard>>) -> io::Result<()> {
        let greeted = self.greet(stream);
        self.n_greetings.fetch_sub(1, Ordering::Relaxed);
        let (mut channel, stream) = greeted?;
        let mut turn = self.served().admit(stream);
        let ended = loop {
            let request = match channel.receive() {
                Ok(request) => request,
                Err(error) => break error,
            };
            turn = self.served().asks(turn);
            if let Err(error) = channel.send(&answer(&request, part).to_bytes()) {
                break error;
            }
        };
        self.served().leaves(turn);
        Err(ended)
    }

    /// The sealed connection to whoever has the secret, and the bare one below it.
    fn greet(&self, stream: TcpStream) -> io::Result<(Channel, TcpStream)> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut rng = {
            let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            ChaCha20Rng::from_rng(&mut *rng)
        };
        let bare = stream.try_clone()?;
        let channel = Channel::begin(stream, &self.secret.0, &mut rng, false)?;
        channel.wait_for_ever()?;
        Ok((channel, bare))
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out what was asked.
fn answer(request: &[u8], part: &RwLock<Box<dyn Shard>>) -> Answer {
    use words::Asked;
    let look = || part.read().unwrap_or_else(PoisonError::into_inner);
    let change = || part.write().unwrap_or_else(PoisonError::into_inner);
    let answered = match words::read(request) {
        None => Err(foreign()),
        Some(Asked::Search { probes, k, leave }) => {
            let probes: Vec<&Template> = probes.iter().collect();
            let key = Grant::<Recognition>::relayed_leave(leave.number, leave.until);
            look().search(&probes, k, &key).map(Answer::Found)
        }
        Some(Asked::Begin(kind)) => change().begin(kind).map(|()| Answer::Number(1)),
        Some(Asked::KeepOnly(kind)) => change().keep_only(kind).map(|()| Answer::Number(1)),
        Some(Asked::Insert(enrolment)) => change().insert(enrolment).map(|()| Answer::Number(1)),
        Some(Asked::RemovePerson(person)) => change()
            .remove_person(person)
            .map(|n| Answer::Number(n as u64)),
        Some(Asked::RemoveTemplate(template)) => change()
            .remove_template(template)
            .map(|was| Answer::Number(was.into())),
        Some(Asked::Count) => look().n_templates().map(Answer::Number),
    };
    answered.unwrap_or_else(Answer::Failed)
}
