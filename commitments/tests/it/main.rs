//! The room through its door: a site from its document to a ledger that verifies.

mod foreign;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use regard_commitments::{
    Answer, CameraSetup, Commitments, DataKind, EntryBody, Heartbeat, Kept, Leaf, Ledger,
    LedgerEntry, LedgerFault, MerkleTree, NoteSigner, NoteVerifier, Profile, RefusalCode, Retained,
    RetentionGate, SENSING_TICK, Scopes, SensingGate, SignedCommitments, SiteKeys, ledger_origin,
    verify_ledger,
};
use regard_domain::{CameraId, ScreenId, Timestamp};

/// 2026-06-01T12:00:00Z.
const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

struct Decision;

impl Retained for Decision {
    const KIND: DataKind = DataKind::Decision;
}

/// A site in memory, as the engine would keep it on disk.
struct Site {
    gate: SensingGate,
    retention: RetentionGate,
    ledger: Ledger,
    stored: Vec<Kept<Leaf>>,
    now: Timestamp,
}

impl Site {
    fn demo() -> Self {
        let keys = SiteKeys::random(&mut StdRng::seed_from_u64(42));
        let signing = keys.commitments_key();
        let signed = Commitments::demo().sign(&signing);
        let stored = serde_json::to_string(&signed).expect("the demo is valid");
        let read: SignedCommitments = serde_json::from_str(&stored).expect("the demo is valid");
        let verified = read
            .verify(&signing.verifying_key())
            .expect("the demo is valid");
        let profile = Profile::named(&verified.document().profile).expect("the demo is valid");
        let origin = ledger_origin(&verified.document().site.id);
        let signer = NoteSigner::new(origin, keys.ledger_key()).expect("the demo is valid");
        let retention = RetentionGate::new(&verified, &profile).expect("the demo is valid");
        let gate = SensingGate::new(verified, profile).expect("the demo is valid");
        let mut site = Self {
            gate,
            retention,
            ledger: Ledger::new(MerkleTree::new(), signer),
            stored: Vec::new(),
            now: NOON,
        };
        let published = site.gate.published(NOON);
        site.write(vec![published]);
        site.gate.register(CameraSetup {
            camera: camera(),
            screens: BTreeSet::from([screen()]),
            masks_staff_zones: false,
        });
        site
    }

    fn write(&mut self, entries: Vec<LedgerEntry>) {
        for entry in entries {
            let leaf = self.ledger.append(&entry);
            let kept = self.retention.keep(leaf, self.now).into_result();
            self.stored
                .push(kept.expect("leaves of the ledger are always kept"));
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    fn beat(&mut self) {
        let hash = self.gate.notice().hash();
        assert_eq!(
            self.gate.heartbeat(&screen(), hash, self.now),
            Heartbeat::Counted
        );
    }

    fn bytes(&self) -> Vec<&[u8]> {
        self.stored
            .iter()
            .map(|leaf| leaf.row().bytes.as_slice())
            .collect()
    }
}

fn camera() -> CameraId {
    CameraId::new("webcam").expect("the demo is valid")
}

fn screen() -> ScreenId {
    ScreenId::new("demo").expect("the demo is valid")
}

#[test]
fn a_day_at_the_demo_verifies() {
    let mut site = Site::demo();
    let shut = site.gate.ask(&camera(), Scopes::AUDIENCE, site.now);
    assert!(matches!(&shut.outcome, Answer::Refused(r) if r.code == RefusalCode::NoticeMissing));
    site.write(shut.entries);

    site.beat();
    let opened = site.gate.ask(&camera(), Scopes::AUDIENCE, site.now);
    site.write(opened.entries);
    let grant = opened.outcome.granted().unwrap();
    assert_eq!(grant.scopes(), Scopes::AUDIENCE);

    // The screen dies; the engine ticks; the camera closes within a second.
    let failed_at = site.now;
    while grant.is_live() {
        site.pass(SENSING_TICK);
        let ticked = site.gate.tick(site.now);
        site.write(ticked.entries);
    }
    assert!(site.now.saturating_since(failed_at) <= Duration::from_secs(1));

    let checkpoint = site.ledger.checkpoint().note;
    let key: NoteVerifier = site.ledger.verifier().to_string().parse().unwrap();
    let report = verify_ledger(site.bytes(), [&checkpoint], &key).unwrap();
    assert_eq!((report.n_entries, report.n_covered), (4, 4));
    let kinds: Vec<EntryBody> = site
        .bytes()
        .into_iter()
        .map(|bytes| LedgerEntry::from_leaf_bytes(bytes).unwrap().body)
        .collect();
    assert!(
        matches!(
            kinds[..],
            [
                EntryBody::CommitmentsPublished { version: 1, .. },
                EntryBody::Refused {
                    code: RefusalCode::NoticeMissing,
                    ..
                },
                EntryBody::Granted { .. },
                EntryBody::Revoked {
                    code: RefusalCode::NoticeMissing,
                    ..
                },
            ]
        ),
        "{kinds:?}"
    );

    let shortened = verify_ledger(&site.bytes()[..3], [&checkpoint], &key);
    assert!(matches!(
        shortened,
        Err(LedgerFault::Truncated {
            signed: 4,
            found: 3
        })
    ));
}

#[test]
fn a_sweep_leaves_nothing_past_its_end() {
    let site = Site::demo();
    let rows: Vec<Kept<Decision>> = (0..48_u64)
        .map(|hour| NOON.plus(Duration::from_hours(hour)))
        .map(|written| site.retention.keep(Decision, written).granted().unwrap())
        .collect();
    let at = NOON.plus(Duration::from_hours(48));
    let left = rows.iter().filter(|row| row.keep_until() > at).count();
    // Promised: 24 hours; those written in the last 23 are younger, the one of 24 hours ago is due.
    assert_eq!(left, 23);
}

#[test]
fn the_same_story_gives_the_same_ledger() {
    let run = || {
        let mut site = Site::demo();
        site.beat();
        let opened = site.gate.ask(&camera(), Scopes::AUDIENCE, site.now);
        site.write(opened.entries);
        site.ledger.checkpoint().note
    };
    assert_eq!(run(), run());
}
