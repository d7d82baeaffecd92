use std::sync::Mutex;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;
use crate::{ServerConfig, TlsFiles};

/// Whose time is set as one likes.
#[derive(Default)]
struct SetClock(Mutex<i64>);

impl SetClock {
    fn set(&self, secs: i64) {
        *self.0.lock().unwrap() = secs * 1_000_000;
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(*self.0.lock().unwrap())
    }
}

/// 2026-07-01, `date -u -d 2026-07-01 +%s`.
const NOW_SECS: i64 = 1_782_864_000;

const DAY_SECS: i64 = 86_400;

struct Place {
    folder: TempDir,
    clock: Arc<SetClock>,
}

impl Place {
    fn new() -> Self {
        let clock = Arc::new(SetClock::default());
        clock.set(NOW_SECS);
        let folder = tempfile::tempdir().unwrap();
        create_private_folder(&folder.path().join("acme")).unwrap();
        Self { folder, clock }
    }

    fn config(&self) -> AcmeConfig {
        // Nobody listens there.
        let directory = "https://127.0.0.1:1/directory".parse().unwrap();
        let domains = vec!["a.lan".to_owned()];
        AcmeConfig::new(directory, domains, self.folder.path().join("acme"))
    }

    fn keeper(&self) -> Keeper {
        let files = TlsFiles::own(self.folder.path());
        let mut server = ServerConfig::new(self.folder.path().join("assets"), [0; 32]);
        server.acme = Some(self.config());
        let tls = Arc::new(Tls::open(files, &server).unwrap());
        Keeper::open(self.config(), tls, Arc::clone(&self.clock) as _).unwrap()
    }

    /// What an earlier run has left.
    fn left_behind(&self, change: impl FnOnce(&mut AcmeStanding)) {
        let mut standing = AcmeStanding {
            directory: self.config().directory.to_string(),
            domains: self.config().domains,
            ..AcmeStanding::default()
        };
        change(&mut standing);
        standing.keep(&self.config().folder).unwrap();
    }

    fn left_secs(&self, keeper: &Keeper) -> u64 {
        keeper.left(self.clock.now()).as_secs()
    }
}

#[test]
fn whoever_is_started_again_and_again_asks_no_more_often_than_whoever_goes_on() {
    let place = Place::new();
    assert_eq!(place.left_secs(&place.keeper()), 0, "the first start");
    let micros = |secs: i64| (NOW_SECS + secs) * 1_000_000;
    for (tried_secs, left) in [(0, 60), (-20, 40), (-60, 0), (-3_000, 0)] {
        place.left_behind(|standing| {
            standing.tried_at_micros = micros(tried_secs);
            standing.next_try_at_micros = micros(1_800);
            standing.n_failures = 6;
        });
        assert_eq!(place.left_secs(&place.keeper()), left, "{tried_secs}");
    }
    // Of a clock that was ahead nothing is known.
    place.left_behind(|standing| standing.tried_at_micros = micros(DAY_SECS));
    assert_eq!(place.left_secs(&place.keeper()), 0);
    // Another order is made at once.
    place.left_behind(|standing| {
        standing.tried_at_micros = micros(0);
        standing.domains.push("b.lan".to_owned());
    });
    assert_eq!(place.left_secs(&place.keeper()), 0);
}

#[test]
fn a_pause_ends_when_the_clock_is_set_back() {
    let place = Place::new();
    place.left_behind(|standing| {
        standing.next_try_at_micros = (NOW_SECS + DAY_SECS) * 1_000_000;
        standing.n_failures = 1;
        standing.is_told_to_wait = true;
    });
    let keeper = place.keeper();
    assert_eq!(place.left_secs(&keeper), 86_400);
    place.clock.set(NOW_SECS - 400 * DAY_SECS);
    assert_eq!(place.left_secs(&keeper), 0);
    place.clock.set(NOW_SECS + DAY_SECS);
    assert_eq!(place.left_secs(&keeper), 0);
}

#[test]
fn a_certificate_is_renewed_by_the_clock_on_the_wall() {
    let place = Place::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.lan".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 7, 1);
    params.not_after = rcgen::date_time_ymd(2026, 9, 29);
    let made = params.self_signed(&key).unwrap();
    let issued = Issued::new(&key.serialize_pem(), &made.pem());
    issued.keep(&place.config().folder).unwrap();
    // A machine that does not know the time yet.
    place.clock.set(0);
    let keeper = place.keeper();
    assert!(place.left_secs(&keeper) > 0);
    place.clock.set(NOW_SECS + 59 * DAY_SECS);
    assert_eq!(place.left_secs(&keeper), 86_400);
    place.clock.set(NOW_SECS + 60 * DAY_SECS);
    assert_eq!(place.left_secs(&keeper), 0);
}

#[test]
fn a_file_that_is_no_text_stops_no_start() {
    let place = Place::new();
    for file in ["certificate.pem", "standing.json"] {
        std::fs::write(place.config().folder.join(file), [0xff, 0xfe]).unwrap();
    }
    let keeper = place.keeper();
    assert_eq!(keeper.standing().valid_until_micros, None);
    assert_eq!(place.left_secs(&keeper), 0);
}

#[tokio::test]
async fn a_try_is_written_down_before_anybody_is_asked() {
    let place = Place::new();
    let keeper = place.keeper();
    keeper.try_once().await;
    let kept = AcmeStanding::read(&place.config().folder).unwrap().unwrap();
    assert_eq!(kept.tried_at_micros, NOW_SECS * 1_000_000);
    let said = kept.last_error.unwrap();
    assert!(said.contains("cannot be asked"), "{said}");
    // Whoever cannot write is issued nothing: it could not be kept.
    std::fs::remove_dir_all(place.config().folder).unwrap();
    keeper.try_once().await;
    let standing = keeper.standing();
    let said = standing.last_error.unwrap();
    assert!(said.contains("cannot be kept"), "{said}");
    assert_eq!(standing.n_failures, 2);
}
