//! Releases in writing, where the law of the place wants one before a face is measured (740 ILCS 14/15).

use std::sync::Arc;

use regard_commitments::{
    Custody, Digest, EntryBody, GivenBy, Language, RefusalCode, ReleaseSignature,
};
use serde_json::{Value, json};

use super::crashing::Faults;
use super::faces::{VERIFY, promise};
use super::world::{Run, VirtualClock, data, is_on_disk, site_keys};
use super::{CustodyError, LEARN};
use crate::custody::{Agreement, Enrolled};

const NAME: &str = "Augusta Ada King";

async fn begin(folder: &std::path::Path, clock: &Arc<VirtualClock>) -> Run {
    let mut document = promise(Custody::InPersonsHands);
    document.profile = "us-il".to_owned();
    let begun = Run::begin_with(folder, clock, &document, &Faults::new(None)).await;
    begun.unwrap()
}

impl Run {
    /// Agrees to be verified with this signature; the hash of the receipt.
    async fn release(
        &self,
        one: &Enrolled,
        release: Option<ReleaseSignature>,
    ) -> Result<Digest, CustodyError> {
        let who = self.who(one).await?;
        let offer = self.custodian.offer(one.person, VERIFY)?;
        let agreement = Agreement {
            given_by: GivenBy::Person,
            valid_for: None,
            release,
        };
        let receipt = self.custodian.agree_so(&who, offer.id, &agreement).await?;
        Ok(receipt.digest())
    }

    async fn held(&self, one: &Enrolled) -> Value {
        let who = self.who(one).await.unwrap();
        let export = self.custodian.export(&who).await.unwrap();
        serde_json::to_value(export).unwrap()
    }
}

fn signed(text: Digest) -> Option<ReleaseSignature> {
    Some(ReleaseSignature::new(text, NAME, true).unwrap())
}

#[tokio::test]
async fn without_a_signed_release_nobody_agrees_to_be_measured() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    for release in [None, signed(Digest::of(&[b"another text"]))] {
        let refused = run.release(&one, release).await;
        assert!(
            matches!(refused, Err(CustodyError::Refused(refusal)) if refusal.code == RefusalCode::ConsentMissing)
        );
    }
    assert!(run.enrolling(one.person).await.is_none());
    let given = |body: &EntryBody| matches!(body, EntryBody::ConsentGiven { .. });
    assert_eq!(run.says(given).await, 0);
    let held = run.held(&one).await;
    assert_eq!(
        (&held["receipts"], &held["written_releases"]),
        (&json!([]), &json!([]))
    );
    // What measures no face wants none.
    run.agree(&one, LEARN, None).await.unwrap();
    run.end().await;
}

#[tokio::test]
async fn a_signed_release_is_kept_with_its_receipt_told_in_no_ledger_and_gone_with_the_record() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock).await;
    let one = run.enroll().await;
    let texts = run.custodian.releases();
    let text = texts.iter().find(|text| text.language == Language::Es);
    let text = text.unwrap();
    let receipt = run.release(&one, signed(text.digest())).await.unwrap();
    assert!(run.enrolling(one.person).await.is_some());
    run.end().await;

    let run = begin(folder.path(), &clock).await;
    let held = run.held(&one).await;
    let release = &held["written_releases"][0];
    assert_eq!(release["name"], NAME);
    assert_eq!(release["text"], text.to_text());
    assert_eq!(release["text_sha256"], text.digest().to_string());
    assert_eq!(
        (&release["language"], &release["purpose"]),
        (&json!("es"), &json!("verify"))
    );
    assert_eq!(release["receipt"], receipt.to_string());
    assert_eq!(release["commitments_version"], 1);
    assert_eq!(release["signed_at"], held["consents"][0]["given_at"]);
    // The receipt says that it was signed and which text, and names nobody.
    let signed = held["receipts"][0].as_str().unwrap();
    let signed = regard_commitments::SignedReceipt::from_text(signed);
    let key = site_keys().receipts_key().verifying_key();
    let said = serde_json::to_value(signed.verify(&key).unwrap()).unwrap();
    assert_eq!(said["events"][1]["event_type"], "written_release");
    assert_eq!(said["events"][1]["text_sha256"], text.digest().to_string());
    assert!(!said.to_string().contains(NAME));
    for entry in run.entries().await {
        let entry = serde_json::to_string(&entry).unwrap();
        assert!(!entry.contains(NAME), "{entry}");
    }
    assert!(!is_on_disk(&data(folder.path()), NAME.as_bytes()));

    // Taken back, it stays with the receipt as proof of what was; erased, nothing of it does.
    run.custodian.withdraw(one.person, VERIFY).await.unwrap();
    assert_eq!(run.held(&one).await["written_releases"][0]["name"], NAME);
    run.custodian.erase(one.person).await.unwrap();
    assert!(run.store.sealed_of(one.person).await.unwrap().is_empty());
    assert!(matches!(
        run.who(&one).await,
        Err(CustodyError::UnknownToken)
    ));
    run.end().await;
}
