//! Templates where their persons chose to have them, on real files. Faces are random vectors: what is compared is another
//! room's affair.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use regard_commitments::{
    ActKind, Answer, Commitments, ConsentPurpose, Custody, Dpia, Enrollment, EntryBody,
    FaceTokenFault, Grant, KeySlot, Liveness, Profile, Recognition, RecognitionGate,
    RecognitionKey, RefusalCode, Zeroizing,
};
use regard_domain::{Clock as _, PersonId};
use regard_identity::{EMBEDDING_DIMENSION, Embedding, GalleryTransform, Template};

use super::crashing::Faults;
use super::world::{FACE_MODEL, Run, VirtualClock, data, is_on_disk, signed, site_key};
use super::{CustodyError, DAY};
use crate::custody::{Enrolled, KeptFace, MAX_FACES, SiteKeyFile, own_gallery};

pub(super) const VERIFY: ConsentPurpose = ConsentPurpose::Verify;
pub(super) const IDENTIFY: ConsentPurpose = ConsentPurpose::Identify;
const LIBRARY: ConsentPurpose = ConsentPurpose::AnalyzeLibrary;

/// The demonstration, with faces.
pub(super) fn promise(custody: Custody) -> Commitments {
    let mut document = Commitments::demo();
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    document.custody = custody;
    document.custody_justification = Some("an access gate with a guard beside it".to_owned());
    document.alternative_path = Some("the guard looks at the card".to_owned());
    document.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: "2026-05-01".parse().unwrap(),
        configuration: None,
    });
    document
}

/// Somebody's face.
pub(super) fn face(number: u64) -> Embedding {
    let mut rng = StdRng::seed_from_u64(number);
    let mut uniform = || f32::from(rng.next_u32() as u16) / 32_768.0 - 1.0;
    let values = (0..EMBEDDING_DIMENSION).map(|_| uniform()).collect();
    Embedding::new(values, FACE_MODEL).unwrap()
}

pub(super) fn made(embedding: &Embedding, secret: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let transform = GalleryTransform::from_key(secret, EMBEDDING_DIMENSION).unwrap();
    transform.template(embedding).unwrap().to_bytes()
}

pub(super) async fn begin(folder: &Path, clock: &Arc<VirtualClock>, custody: Custody) -> Run {
    let faults = Faults::new(None);
    let begun = Run::begin_with(folder, clock, &promise(custody), &faults).await;
    begun.unwrap()
}

impl Run {
    /// The key that the gate gives to whoever agreed and acts.
    pub(super) async fn enrolling(&self, person: PersonId) -> Option<RecognitionKey<Enrollment>> {
        let document = self.custodian.commitments().document();
        let profile = Profile::named(&document.profile).unwrap();
        let mut gate = RecognitionGate::new(signed(document), profile, None);
        let mut rng = StdRng::seed_from_u64(1);
        let now = self.custodian.now();
        let consents = self.custodian.face_consents(person).await.unwrap();
        let act = gate.act_of_enrolling(person, ActKind::Terminal, now, &mut rng);
        let asked = gate.ask_enroll(&consents, Some(act.outcome.id), now, &mut rng);
        let presenting = asked.outcome.granted()?;
        gate.admit(&presenting, Liveness::Passed, now)
            .outcome
            .granted()
    }

    pub(super) async fn enroll_face(
        &self,
        one: &Enrolled,
        face: &Embedding,
    ) -> Result<KeptFace, CustodyError> {
        let who = self.who(one).await?;
        let key = self.enrolling(one.person).await.expect("agreed");
        let make = |secret: &[u8; 32]| Some(made(face, secret));
        self.custodian.keep_face(&who, &key, (&make, None)).await
    }

    /// Somebody new who agrees to purposes, with a face.
    pub(super) async fn come(
        &self,
        purposes: &[ConsentPurpose],
        face: &Embedding,
    ) -> (Enrolled, KeptFace) {
        let one = self.enroll().await;
        for purpose in purposes {
            self.agree(&one, *purpose, None).await.unwrap();
        }
        let kept = self.enroll_face(&one, face).await.unwrap();
        (one, kept)
    }

    /// Whom the gallery takes a face for, if it is as near as a template is to its own face.
    pub(super) fn found(&self, face: &Embedding) -> Option<PersonId> {
        let key = regard_commitments::EvaluationKey::for_evaluation().to_search();
        let now = self.custodian.now();
        let answer = self
            .custodian
            .galleries
            .search(&own_gallery(), face, 1, &key, now);
        let hit = answer.ok()?.answer.hits.first().copied()?;
        (hit.similarity.get() > 0.9).then_some(hit.person)
    }

    async fn by_token(
        &self,
        text: &str,
        purpose: ConsentPurpose,
        face: &Embedding,
    ) -> Result<f32, String> {
        let claimed = self.custodian.claimed_by_token(text, purpose).await;
        match claimed.map_err(|error| format!("{error:?}"))? {
            Answer::Granted(claimed) => {
                assert_eq!(claimed.consent.purpose(), purpose);
                Ok(nearest(&claimed.faces, face))
            }
            Answer::Refused(refusal) => Err(refusal.code.to_string()),
        }
    }
}

fn nearest(faces: &[crate::custody::OpenedFace], face: &Embedding) -> f32 {
    let key = Grant::<Recognition>::for_evaluation();
    let similarities = faces.iter().map(|one| {
        let template = Template::from_bytes(&one.template).unwrap();
        let transform = GalleryTransform::from_key(&one.diversifier, EMBEDDING_DIMENSION).unwrap();
        template.verify(face, &transform, &key).unwrap().get()
    });
    similarities.fold(-1.0, f32::max)
}

/// Whether any run of a template's numbers lies readable on the disk.
fn is_readable(folder: &Path, template: &[u8]) -> bool {
    template.chunks_exact(24).any(|run| is_on_disk(folder, run))
}

fn unknown() -> Result<f32, String> {
    Err(format!(
        "{:?}",
        CustodyError::FaceToken(FaceTokenFault::DoesNotOpen)
    ))
}

#[tokio::test]
async fn in_persons_hands_the_site_keeps_no_template() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::InPersonsHands).await;
    let own = face(1);
    let (one, kept) = run.come(&[VERIFY, LIBRARY], &own).await;
    let token = kept.token.expect("in the person's hands");
    assert_eq!(
        (kept.custody, &kept.purposes[..]),
        (Custody::InPersonsHands, &[VERIFY, LIBRARY][..])
    );
    let claimed = run
        .custodian
        .claimed_by_token(token.reveal(), VERIFY)
        .await
        .unwrap();
    let claimed = claimed.granted().unwrap();
    assert!(nearest(&claimed.faces, &own) > 0.99 && nearest(&claimed.faces, &face(2)) < 0.5);
    // Neither the template nor the token is anywhere on the disk, and nothing sealed is as long as a template.
    assert!(!is_readable(folder.path(), &claimed.faces[0].template));
    assert!(!is_on_disk(folder.path(), token.reveal().as_bytes()));
    let rows = run.store.sealed_of(one.person).await.unwrap();
    let of_faces: Vec<_> = rows.iter().filter(|row| row.kind != "receipt").collect();
    assert_eq!(of_faces.len(), 2, "the key of the token, for each purpose");
    assert!(
        of_faces
            .iter()
            .all(|row| row.body.len() < EMBEDDING_DIMENSION)
    );
    // What the site holds of the person does not stand in for the token.
    let who = run.who(&one).await.unwrap();
    for answer in [
        run.custodian.claimed_by_person(&who, VERIFY).await.unwrap(),
        run.custodian
            .claimed_by_id(one.person, VERIFY)
            .await
            .unwrap(),
    ] {
        assert_eq!(answer.refusal().unwrap().code, RefusalCode::ConsentMissing);
    }
    let export = serde_json::to_value(run.custodian.export(&who).await.unwrap()).unwrap();
    assert_eq!(export["templates"][0]["held_in"], "token");
    // Each purpose by itself: what was taken back opens no more, the other goes on.
    run.custodian.withdraw(one.person, VERIFY).await.unwrap();
    assert_eq!(
        run.by_token(token.reveal(), VERIFY, &own).await,
        Err("consent_withdrawn".to_owned())
    );
    assert!(run.by_token(token.reveal(), LIBRARY, &own).await.unwrap() > 0.99);
    run.end().await;
    let run = begin(folder.path(), &clock, Custody::InPersonsHands).await;
    assert!(run.by_token(token.reveal(), LIBRARY, &own).await.unwrap() > 0.99);
    // Agreed anew, the older token stays dead: its key went with the consent.
    run.agree(&one, VERIFY, None).await.unwrap();
    assert_eq!(run.by_token(token.reveal(), VERIFY, &own).await, unknown());
    run.custodian.erase(one.person).await.unwrap();
    assert_eq!(
        run.by_token(token.reveal(), LIBRARY, &own).await,
        Err("consent_missing".to_owned())
    );
    run.end().await;
}

#[tokio::test]
async fn a_token_runs_out_and_is_good_at_its_own_site_alone() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::InPersonsHands).await;
    let one = run.enroll().await;
    run.agree(&one, VERIFY, Some(DAY * 10)).await.unwrap();
    let token = run
        .enroll_face(&one, &face(1))
        .await
        .unwrap()
        .token
        .unwrap();
    let wrong = run
        .custodian
        .claimed_by_token("RGT1:ABC", VERIFY)
        .await
        .unwrap_err();
    assert!(matches!(
        wrong,
        CustodyError::FaceToken(FaceTokenFault::NotAToken)
    ));
    // The consent goes on, the token does not.
    run.agree(&one, VERIFY, Some(DAY * 20)).await.unwrap();
    clock.wait(DAY * 10);
    let over = run
        .custodian
        .claimed_by_token(token.reveal(), VERIFY)
        .await
        .unwrap_err();
    assert!(
        matches!(over, CustodyError::FaceToken(FaceTokenFault::Expired)),
        "{over:?}"
    );
    run.end().await;
}

#[tokio::test]
async fn shared_templates_open_for_their_person_alone() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Shared).await;
    let own = face(3);
    let (one, kept) = run.come(&[VERIFY], &own).await;
    assert!(kept.token.is_none() && kept.custody == Custody::Shared);
    let who = run.who(&one).await.unwrap();
    let claimed = run
        .custodian
        .claimed_by_person(&who, VERIFY)
        .await
        .unwrap()
        .granted()
        .unwrap();
    assert!(nearest(&claimed.faces, &own) > 0.99);
    assert!(!is_readable(folder.path(), &claimed.faces[0].template));
    let without = run
        .custodian
        .claimed_by_id(one.person, VERIFY)
        .await
        .unwrap();
    assert_eq!(without.refusal().unwrap().code, RefusalCode::ConsentMissing);
    // The site with all its files and its key.
    let held = run
        .keys
        .purpose_key(one.person, VERIFY)
        .await
        .unwrap()
        .unwrap();
    let ring = SiteKeyFile::open(&site_key(folder.path()), &data(folder.path()))
        .unwrap()
        .ring();
    assert!(
        held.is_shared
            && ring
                .unwrap((one.person, KeySlot::Purpose(VERIFY)), &held.key, None)
                .is_err()
    );
    run.end().await;
}

#[tokio::test]
async fn a_person_may_keep_their_face_nearer_than_the_site_asks_and_never_farther() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let nearer = run
        .custodian
        .enroll_into(false, Some(Custody::InPersonsHands))
        .await
        .unwrap();
    run.agree(&nearer, VERIFY, None).await.unwrap();
    let refused = run.agree(&nearer, IDENTIFY, None).await.unwrap_err();
    assert!(
        matches!(refused, CustodyError::Refused(r) if r.code == RefusalCode::PurposeNotPromised)
    );
    let kept = run.enroll_face(&nearer, &face(1)).await.unwrap();
    assert!(kept.token.is_some() && run.found(&face(1)).is_none());
    run.end().await;
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::InPersonsHands).await;
    for farther in [Custody::Shared, Custody::Controller] {
        let refused = run
            .custodian
            .enroll_into(false, Some(farther))
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(
            matches!(refused, CustodyError::Refused(r) if r.code == RefusalCode::PurposeNotPromised)
        );
    }
    run.end().await;
}

#[tokio::test]
async fn who_enrolled_is_found_and_who_is_gone_never_again() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let mut people = Vec::new();
    for number in 0..6 {
        people.push(run.come(&[VERIFY, IDENTIFY], &face(number)).await.0);
    }
    let ids: Vec<PersonId> = people.iter().map(|one| one.person).collect();
    for (number, id) in (0..).zip(&ids) {
        assert_eq!(run.found(&face(number)), Some(*id));
    }
    assert_eq!(run.found(&face(99)), None);
    let before = Instant::now();
    run.custodian.withdraw(ids[0], IDENTIFY).await.unwrap();
    run.custodian.erase(ids[1]).await.unwrap();
    run.custodian.freeze(ids[2], true).await.unwrap();
    for number in 0..3 {
        assert_eq!(run.found(&face(number)), None, "{number}");
    }
    // Generous for a busy machine; what it takes is measured in the benches.
    assert!(before.elapsed() < Duration::from_secs(60));
    // Withdrawing the search leaves the claim: it can still be verified.
    let claimed = run
        .custodian
        .claimed_by_id(ids[0], VERIFY)
        .await
        .unwrap()
        .granted()
        .unwrap();
    assert!(nearest(&claimed.faces, &face(0)) > 0.99);
    run.end().await;
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    for number in 0..3 {
        assert_eq!(run.found(&face(number)), None, "after a restart: {number}");
    }
    for number in 3..6 {
        assert_eq!(run.found(&face(number)), Some(ids[number as usize]));
    }
    run.custodian.freeze(ids[2], false).await.unwrap();
    assert_eq!(run.found(&face(2)), Some(ids[2]), "lifted");
    run.end().await;
}

#[tokio::test]
async fn a_consent_that_runs_out_is_not_found_a_moment_later() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let one = run.enroll().await;
    run.agree(&one, IDENTIFY, Some(DAY * 5)).await.unwrap();
    run.enroll_face(&one, &face(1)).await.unwrap();
    clock.wait(DAY * 4);
    // Agreed anew, it goes on, on the disk too.
    run.agree(&one, IDENTIFY, Some(DAY * 5)).await.unwrap();
    clock.wait(DAY * 5 - Duration::from_micros(1));
    run.store.sweep(clock.now()).await.unwrap();
    assert_eq!(run.found(&face(1)), Some(one.person));
    clock.wait(Duration::from_micros(1));
    assert_eq!(run.found(&face(1)), None, "no sweep came in between");
    run.custodian.sweep().await.unwrap();
    run.store.sweep(clock.now()).await.unwrap();
    assert!(
        run.custodian
            .faces(&run.who(&one).await.unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    run.end().await;
}

#[tokio::test]
async fn one_template_goes_and_the_others_stay_also_after_a_backup() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let (one, first) = run.come(&[VERIFY, IDENTIFY], &face(1)).await;
    run.enroll_face(&one, &face(2)).await.unwrap();
    let older = tempfile::tempdir().unwrap();
    run.end().await;
    super::world::copy_files(&data(folder.path()), older.path());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    assert!(
        run.custodian
            .remove_face(one.person, first.template)
            .await
            .unwrap()
    );
    assert!(
        !run.custodian
            .remove_face(one.person, first.template)
            .await
            .unwrap()
    );
    assert_eq!(
        (run.found(&face(1)), run.found(&face(2))),
        (None, Some(one.person))
    );
    let who = run.who(&one).await.unwrap();
    assert_eq!(run.custodian.faces(&who).await.unwrap().len(), 1);
    let ledger = run.store.ledger_range(0..u64::MAX).await.unwrap();
    run.end().await;
    // The rows of before come back, the ledger goes on: an older store under a newer ledger.
    let store = regard_backends::SqliteStore::open(older.path(), Default::default())
        .await
        .unwrap();
    let rows = regard_backends::Store::sealed_of(&store, one.person)
        .await
        .unwrap();
    regard_backends::Store::close(&store).await;
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let mut kept = Vec::new();
    for row in rows {
        kept.push(
            run.custodian
                .retention
                .keep(row, clock.now())
                .granted()
                .unwrap(),
        );
    }
    run.store.put_sealed(&kept).await.unwrap();
    run.end().await;
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    assert_eq!(
        (run.found(&face(1)), run.found(&face(2))),
        (None, Some(one.person))
    );
    assert!(run.entries().await.len() >= ledger.len());
    run.end().await;
}

#[tokio::test]
async fn there_is_a_lid_on_the_faces_of_one_person() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::InPersonsHands).await;
    let (one, _) = run.come(&[VERIFY], &face(0)).await;
    for number in 1..MAX_FACES as u64 {
        run.enroll_face(&one, &face(number)).await.unwrap();
    }
    let more = run.enroll_face(&one, &face(99)).await.unwrap_err();
    assert!(matches!(
        more,
        CustodyError::TooManyFaces { max: MAX_FACES }
    ));
    run.end().await;
}

#[tokio::test]
async fn a_face_is_kept_for_whoever_the_key_is_about() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let (one, other) = (run.enroll().await, run.enroll().await);
    for person in [&one, &other] {
        run.agree(person, IDENTIFY, None).await.unwrap();
    }
    let key = run.enrolling(one.person).await.unwrap();
    let who = run.who(&other).await.unwrap();
    let make = |secret: &[u8; 32]| Some(made(&face(1), secret));
    let foreign = run
        .custodian
        .keep_face(&who, &key, (&make, None))
        .await
        .unwrap_err();
    assert!(matches!(foreign, CustodyError::Refused(_)));
    // Taken back between the gate and the disk, nothing is kept.
    run.custodian.withdraw(one.person, IDENTIFY).await.unwrap();
    let who = run.who(&one).await.unwrap();
    let late = run
        .custodian
        .keep_face(&who, &key, (&make, None))
        .await
        .unwrap_err();
    assert!(matches!(late, CustodyError::Refused(_)));
    assert!(run.enrolling(one.person).await.is_none());
    assert_eq!(
        run.says(|body| matches!(body, EntryBody::TemplateMade { .. }))
            .await,
        0
    );
    run.end().await;
}

#[tokio::test]
async fn who_promises_to_hold_less_holds_less_from_the_next_start() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let (one, _) = run.come(&[VERIFY, IDENTIFY], &face(1)).await;
    let own = run
        .custodian
        .enroll_into(false, Some(Custody::InPersonsHands))
        .await
        .unwrap();
    run.agree(&own, VERIFY, None).await.unwrap();
    let token = run
        .enroll_face(&own, &face(2))
        .await
        .unwrap()
        .token
        .unwrap();
    run.end().await;
    let mut document = promise(Custody::InPersonsHands);
    document.version = 2;
    let run = Run::begin_with(folder.path(), &clock, &document, &Faults::new(None))
        .await
        .unwrap();
    let rows = run.store.sealed_of(one.person).await.unwrap();
    assert!(
        rows.iter().all(|row| row.kind == "receipt"),
        "no template is left"
    );
    assert_eq!(run.found(&face(1)), None);
    assert!(
        run.by_token(token.reveal(), VERIFY, &face(2))
            .await
            .unwrap()
            > 0.99
    );
    // They enrol anew, into their own hands.
    let kept = run.enroll_face(&one, &face(1)).await.unwrap();
    assert_eq!(kept.custody, Custody::InPersonsHands);
    run.end().await;
}
