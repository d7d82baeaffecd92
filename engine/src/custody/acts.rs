//! What persons do: come, agree, take back, freeze, correct, go.

use std::time::Duration;

use rand::Rng as _;
use regard_backends::{KeyChange, PersonRow, PurposeKey, SealedRow, SealedSlots, StoreError};
use regard_commitments::{
    Answer, Consent, ConsentPurpose, Custody, DataKey, DataKind, EndReason, EntryBody, GivenBy,
    KeepFor, KeySlot, LedgerEntry, PersonFile, PersonSecret, PersonToken, PromiseStanding, Receipt,
    ReceiptTerms, Refusal, RefusalCode, ReleaseSignature, ReleaseText, SealedAs, SignedReceipt,
    UtcText, WrittenRelease, Zeroizing, subject,
};
use regard_domain::{PersonId, Timestamp};

use super::{Custodian, CustodyError, Opened, token_in};
use crate::galleries::SearchError;

/// Kind of receipts among what is sealed under the key of the record.
pub(super) const RECEIPT_KIND: &str = "receipt";

/// Kind of releases in writing among what is sealed under the key of the record; each is called as the receipt beside it.
pub(super) const RELEASE_KIND: &str = "written_release";

/// Kind of the preferences among what is sealed under the key of purpose `personalise`.
pub(super) const PREFERENCES_KIND: &str = "preferences";

/// Largest preferences, in bytes of JSON: a page of settings.
const MAX_PREFERENCES_LEN: usize = 16 * 1024;

/// Who came, and the token that is shown to them once.
pub struct Enrolled {
    /// Random id.
    pub person: PersonId,
    /// The token; the site keeps its hash alone.
    pub token: PersonToken,
}

/// Somebody who showed the token of a record: they may do with that record what its person may.
pub struct Authenticated {
    person: PersonId,
    secret: PersonSecret,
}

impl Authenticated {
    /// Whose record.
    pub fn person(&self) -> PersonId {
        self.person
    }
}

/// How somebody agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// By whom.
    pub given_by: GivenBy,
    /// For how long at most; as long as persons are kept where nothing is said.
    pub valid_for: Option<Duration>,
    /// The release that they signed. Needed where the law of the place wants one before a face is measured, and kept nowhere
    /// else.
    pub release: Option<ReleaseSignature>,
}

impl Custodian {
    pub(super) fn standing(&self) -> PromiseStanding<'_> {
        PromiseStanding {
            in_force: &self.promise,
            taken_under: None,
            profile: &self.profile,
            assessed: self.assessed(),
        }
    }

    /// The release in writing that people sign here before a face is measured, in each language of the notice; nothing where
    /// the law of the place wants none.
    pub fn releases(&self) -> Vec<ReleaseText> {
        self.standing().releases()
    }

    /// Takes somebody in. They have agreed to nothing yet; a minor needs a guardian for that.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] with `purpose_not_promised` when the commitments name nothing that people could agree to.
    pub async fn enroll(&self, is_minor: bool) -> Result<Enrolled, CustodyError> {
        self.enroll_into(is_minor, None).await
    }

    /// The same with a custody that they choose: their template may be nearer to them than the commitments allow, never
    /// farther.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] with `purpose_not_promised` when the commitments name nothing that people could agree to, or
    /// leave more to the persons than was chosen.
    pub async fn enroll_into(
        &self,
        is_minor: bool,
        custody: Option<Custody>,
    ) -> Result<Enrolled, CustodyError> {
        let document = self.promise.document();
        let custody = custody.unwrap_or(document.custody);
        if custody > document.custody {
            return Err(CustodyError::Refused(Refusal::new(
                RefusalCode::PurposeNotPromised,
                "the commitments leave more to the persons than this custody does",
                "choose the custody of the commitments, or one nearer to the person",
            )));
        }
        if document.consent_purposes.is_empty() {
            return Err(CustodyError::Refused(Refusal::new(
                RefusalCode::PurposeNotPromised,
                "the commitments name nothing that people could agree to",
                "name consent_purposes and sign a new version",
            )));
        }
        let (now, mut rng) = (self.now(), Self::rng()?);
        let person = PersonId::random(&mut rng);
        let token = PersonToken::random(person, &mut rng);
        let key = DataKey::random(&mut rng);
        let file = PersonFile::new(custody, is_minor, now);
        let sealed = Self::sealed_file(person, &key, &file)?;
        let entry = self.entry(EntryBody::Enrolled {
            subject: subject(person),
        });
        let _order = self.changing.lock().await;
        // Once more when the key of the site was rotated meanwhile.
        for is_last in [false, true] {
            let wrapped =
                self.with_ring(|ring| ring.wrap((person, KeySlot::Record), &key, None, &mut rng))?;
            let row = PersonRow {
                person,
                token: token.hash(),
                key: wrapped,
                file: sealed.clone(),
            };
            let kept = self.retention.keep(row, now).into_result()?;
            match self.keys.create(&kept, &entry).await {
                Err(StoreError::RetiredKey) if !is_last => self.reload_ring()?,
                done => {
                    done?;
                    break;
                }
            }
        }
        self.settle().await?;
        Ok(Enrolled { person, token })
    }

    /// Who shows this token.
    ///
    /// # Errors
    /// [`CustodyError::UnknownToken`] for every token that is not a living person's, whatever is wrong with it.
    pub async fn authenticate(&self, text: &str) -> Result<Authenticated, CustodyError> {
        let token = token_in(text)?;
        let row = self.keys.person(token.person()).await?;
        match row {
            Some(row) if row.token.is_of(&token) => Ok(Authenticated {
                person: row.person,
                secret: token.secret(),
            }),
            Some(_) | None => Err(CustodyError::UnknownToken),
        }
    }

    /// Takes a consent: the offer that was made, for at most so long and never longer than persons are kept.
    ///
    /// # Errors
    /// [`CustodyError::Refused`]: the offer does not stand, the site may not ask, or a minor has no guardian.
    /// [`CustodyError::Unrecorded`]: it holds, but the ledger could not say so yet.
    pub async fn agree(
        &self,
        who: &Authenticated,
        offer: u128,
        given_by: GivenBy,
        valid_for: Option<Duration>,
    ) -> Result<SignedReceipt, CustodyError> {
        let agreement = Agreement {
            given_by,
            valid_for,
            release: None,
        };
        self.agree_so(who, offer, &agreement).await
    }

    /// The same with everything that can be said about how somebody agrees.
    ///
    /// # Privacy
    /// The name below a release is sealed under the key of the person's record, like their receipts, and goes with it.
    ///
    /// # Errors
    /// As [`Self::agree`], and [`CustodyError::Refused`] with `consent_missing` where a release is wanted and is not signed.
    pub async fn agree_so(
        &self,
        who: &Authenticated,
        offer: u128,
        agreement: &Agreement,
    ) -> Result<SignedReceipt, CustodyError> {
        let _order = self.changing.lock().await;
        let now = self.now();
        let offer = self.offers.take(who.person, offer, now)?;
        self.standing().may_ask_for(offer.purpose, now)?;
        let signature = agreement.release.as_ref();
        let release = self.standing().released(offer.purpose, signature)?;
        let mut opened = self.open(who.person).await?;
        opened.file.may_agree(agreement.given_by)?;
        opened.file.may_serve(offer.purpose)?;
        let longest = self
            .retention
            .period(DataKind::Person)
            .map(KeepFor::duration);
        let longest = longest.unwrap_or_default();
        let expires_at = now.plus(agreement.valid_for.unwrap_or(longest).min(longest));
        let whose = (who.person, self.custody_of(&opened));
        let how = (agreement.given_by, release.as_ref());
        let (consent, receipt) = self.receipt(whose, offer.purpose, how, (now, expires_at))?;
        let row = self.sealed(
            &opened.key,
            (who.person, KeySlot::Record),
            (RECEIPT_KIND, &consent.receipt.to_string()),
            receipt.as_str().as_bytes(),
        )?;
        let kept = self.retention.keep(row, now).into_result()?;
        let keep_until = kept.keep_until();
        let mut kept = vec![kept];
        if let Some((text, signature)) = release.zip(signature) {
            let signed = WrittenRelease::new(&text, signature.clone(), &consent);
            let row = self.sealed_release(&opened, &signed)?;
            kept.push(self.retention.keep(row, now).into_result()?);
        }
        // The receipt first, and the release with it: a consent that holds can always be shown.
        self.store.put_sealed(&kept).await?;
        self.put_consent(who, &mut opened, consent, keep_until)
            .await?;
        self.prolong_rows(who.person, offer.purpose, expires_at)
            .await?;
        self.settle().await?;
        Ok(receipt)
    }

    fn receipt(
        &self,
        (person, custody): (PersonId, Custody),
        purpose: ConsentPurpose,
        (given_by, release): (GivenBy, Option<&ReleaseText>),
        (given_at, expires_at): (Timestamp, Timestamp),
    ) -> Result<(Consent, SignedReceipt), CustodyError> {
        let mut rng = Self::rng()?;
        let receipt = Receipt::issue(&ReceiptTerms {
            record: (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()),
            person,
            purpose,
            given_by,
            given_at: UtcText::new(given_at),
            expires_at: UtcText::new(expires_at),
            custody,
            release: release.map(ReleaseText::digest),
            promise: &self.promise,
        })
        .sign(&self.receipts);
        let consent = Consent {
            purpose,
            given_by,
            given_at,
            expires_at,
            version: self.promise.document().version,
            commitments: self.promise.digest(),
            receipt: receipt.digest(),
            is_released: release.is_some(),
            ended: None,
        };
        Ok((consent, receipt))
    }

    fn sealed_release(
        &self,
        opened: &Opened,
        signed: &WrittenRelease,
    ) -> Result<SealedRow, CustodyError> {
        let text = serde_json::to_vec(signed).map_err(|_| CustodyError::Damaged)?;
        self.sealed(
            &opened.key,
            (opened.row.person, KeySlot::Record),
            (RELEASE_KIND, &signed.receipt.to_string()),
            &Zeroizing::new(text),
        )
    }

    /// Makes a consent hold: with a fresh key, or with the one that what hangs on an older consent is sealed under.
    async fn put_consent(
        &self,
        who: &Authenticated,
        opened: &mut Opened,
        consent: Consent,
        keep_until: Timestamp,
    ) -> Result<(), CustodyError> {
        let (person, purpose) = (who.person, consent.purpose);
        let slot = (person, KeySlot::Purpose(purpose));
        let is_shared = opened.file.custody == Custody::Shared;
        let secret = is_shared.then_some(&who.secret);
        let subject = subject(person);
        let mut tells = Vec::new();
        let older = opened.file.consent(purpose).cloned();
        let is_live = older
            .as_ref()
            .is_some_and(|older| older.is_live(self.now()));
        let has_lapsed = older.is_some() && !is_live;
        let held = match self.keys.purpose_key(person, purpose).await? {
            Some(held) if is_live => {
                Some(self.with_ring(|ring| ring.unwrap(slot, &held.key, secret))?)
            }
            Some(_) | None => None,
        };
        if let Some(older) = older.filter(|_| is_live) {
            tells.push(self.entry(EntryBody::ConsentEnded {
                subject,
                purpose,
                receipt: older.receipt,
                why: EndReason::Renewed,
            }));
        }
        if has_lapsed {
            // What hung on it goes before its key does, also where it is searched, and what was made one under it is two.
            self.kill(person, |which| which == purpose).await;
            let slots = SealedSlots::Of(slot.1);
            self.store.remove_sealed(person, slots).await?;
            tells.extend(self.undoing(opened, purpose));
        }
        tells.push(self.entry(EntryBody::ConsentGiven {
            subject,
            purpose,
            receipt: consent.receipt,
            commitments: consent.commitments,
            until: consent.expires_at,
        }));
        let mut rng = Self::rng()?;
        let key = held.unwrap_or_else(|| DataKey::random(&mut rng));
        let ends_at = consent.expires_at;
        opened.file.give(consent);
        let file = Self::sealed_file(person, &opened.key, &opened.file)?;
        for is_last in [false, true] {
            let change = KeyChange {
                person,
                file: file.clone(),
                keep_until: Some(keep_until),
                put: Some(PurposeKey {
                    person,
                    purpose,
                    key: self.with_ring(|ring| ring.wrap(slot, &key, secret, &mut rng))?,
                    is_shared,
                    ends_at,
                }),
                destroy: Vec::new(),
                tells: tells.clone(),
            };
            match self.keys.change(&change).await {
                Err(StoreError::RetiredKey) if !is_last => self.reload_ring()?,
                Ok(changed) if !changed.was_there => return Err(CustodyError::UnknownToken),
                done => {
                    done?;
                    break;
                }
            }
        }
        if has_lapsed {
            self.undone(person, purpose).await;
        }
        Ok(())
    }

    /// Takes a consent back: its key is destroyed, and with it all that hangs on it. Once more, it changes nothing.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] with `consent_missing` when there never was one. [`CustodyError::Unrecorded`]: it is
    /// withdrawn, but the ledger could not say so yet.
    pub async fn withdraw(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<(), CustodyError> {
        let _order = self.changing.lock().await;
        let opened = self.open(person).await?;
        if opened.file.consent(purpose).is_none() {
            return Err(CustodyError::Refused(Refusal::new(
                RefusalCode::ConsentMissing,
                format!("no consent to {purpose}"),
                "there is nothing to take back",
            )));
        }
        self.end(opened, purpose, EndReason::Withdrawn).await?;
        self.settle().await?;
        Ok(())
    }

    /// Ends a consent, in memory first and then on the disk.
    pub(super) async fn end(
        &self,
        mut opened: Opened,
        purpose: ConsentPurpose,
        why: EndReason,
    ) -> Result<(), CustodyError> {
        let person = opened.row.person;
        self.kill(person, |which| which == purpose).await;
        let undoing = self.undoing(&mut opened, purpose);
        let ended = opened.file.end(purpose, why, self.now());
        let tells = ended.map(|consent| {
            self.entry(EntryBody::ConsentEnded {
                subject: subject(person),
                purpose,
                receipt: consent.receipt,
                why,
            })
        });
        let change = KeyChange {
            person,
            file: Self::sealed_file(person, &opened.key, &opened.file)?,
            keep_until: None,
            put: None,
            // Whatever the file says: a key without a living consent has no business here.
            destroy: vec![purpose],
            tells: tells.into_iter().chain(undoing).collect(),
        };
        self.keys.change(&change).await?;
        self.undone(person, purpose).await;
        let slots = SealedSlots::Of(KeySlot::Purpose(purpose));
        if let Err(error) = self.store.remove_sealed(person, slots).await {
            // Nothing opens it any more; retention removes it.
            tracing::error!(%error, "rows whose key is destroyed could not be removed yet");
        }
        Ok(())
    }

    /// Keeps what is held and uses it for nothing, or lifts that (GDPR 18); so with all records that answer as one with theirs.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn freeze(&self, person: PersonId, is_frozen: bool) -> Result<(), CustodyError> {
        let _order = self.changing.lock().await;
        for one in self.galleries.merged_with(person) {
            self.freeze_one(one, is_frozen).await?;
        }
        Ok(())
    }

    async fn freeze_one(&self, person: PersonId, is_frozen: bool) -> Result<(), CustodyError> {
        let mut opened = self.open(person).await?;
        if opened.file.frozen_at.is_some() == is_frozen {
            return Ok(());
        }
        if is_frozen {
            self.kill(person, |_| true).await;
        }
        opened.file.frozen_at = is_frozen.then(|| self.now());
        let body = EntryBody::Frozen {
            subject: subject(person),
            is_frozen,
        };
        let saved = self.save(&opened, body).await;
        if is_frozen {
            // Whoever asked before it was on the disk.
            self.cut(person, |_| true);
        }
        saved?;
        if !is_frozen {
            match self.fill_with(person).await {
                // They are in it again when it is filled anew.
                Ok(_) | Err(CustodyError::Gallery(SearchError::NotThere)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes a person's file, and has the ledger say why.
    pub(super) async fn save(&self, opened: &Opened, body: EntryBody) -> Result<(), CustodyError> {
        self.write(opened, vec![self.entry(body)]).await?;
        self.settle().await?;
        Ok(())
    }

    /// Writes a person's file, and what the ledger is to say with it; the ledger says so when it is settled.
    pub(super) async fn write(
        &self,
        opened: &Opened,
        tells: Vec<LedgerEntry>,
    ) -> Result<(), CustodyError> {
        let change = KeyChange {
            person: opened.row.person,
            file: Self::sealed_file(opened.row.person, &opened.key, &opened.file)?,
            keep_until: None,
            put: None,
            destroy: Vec::new(),
            tells,
        };
        if self.keys.change(&change).await?.was_there {
            Ok(())
        } else {
            Err(CustodyError::UnknownToken)
        }
    }

    /// Replaces what a person says they prefer (GDPR 16), sealed under the key of purpose `personalise`.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] without a living consent to that; a frozen record can be corrected.
    pub async fn correct(
        &self,
        who: &Authenticated,
        preferences: &serde_json::Value,
    ) -> Result<(), CustodyError> {
        const PURPOSE: ConsentPurpose = ConsentPurpose::Personalize;
        let text =
            Zeroizing::new(serde_json::to_vec(preferences).map_err(|_| CustodyError::Damaged)?);
        if text.len() > MAX_PREFERENCES_LEN {
            return Err(CustodyError::TooLarge {
                max: MAX_PREFERENCES_LEN,
            });
        }
        let _order = self.changing.lock().await;
        let opened = self.open(who.person).await?;
        let until = self.agreed_until(&opened, PURPOSE).await?;
        let key = self.purpose_key(who, &opened, PURPOSE).await?;
        let key = key.ok_or(CustodyError::Damaged)?;
        let slot = (who.person, KeySlot::Purpose(PURPOSE));
        let row = self.sealed(&key, slot, (PREFERENCES_KIND, ""), &text)?;
        // Nothing that hangs on a consent outlives it.
        let kept = self
            .retention
            .keep(row, self.now())
            .into_result()?
            .no_later_than(until);
        self.store.put_sealed(&[kept]).await?;
        let body = EntryBody::Corrected {
            subject: subject(who.person),
        };
        self.save(&opened, body).await
    }

    /// Until when what hangs on a purpose may be kept: also of a record that its person froze, who may still correct it.
    pub(super) async fn agreed_until(
        &self,
        opened: &Opened,
        purpose: ConsentPurpose,
    ) -> Result<Timestamp, CustodyError> {
        let mut unfrozen = opened.file.clone();
        unfrozen.frozen_at = None;
        match self.rule(&unfrozen, purpose).await? {
            Answer::Granted(agreed) => Ok(agreed.until()),
            Answer::Refused(refusal) => Err(CustodyError::Refused(refusal)),
        }
    }

    /// The key of what hangs on a purpose; nothing when the consent was never given or has ended.
    pub(super) async fn purpose_key(
        &self,
        who: &Authenticated,
        opened: &Opened,
        purpose: ConsentPurpose,
    ) -> Result<Option<DataKey>, CustodyError> {
        let Some(held) = self.keys.purpose_key(who.person, purpose).await? else {
            return Ok(None);
        };
        let secret = held.is_shared.then_some(&who.secret);
        let slot = (opened.row.person, KeySlot::Purpose(purpose));
        self.with_ring(|ring| ring.unwrap(slot, &held.key, secret))
            .map(Some)
    }

    pub(super) fn sealed(
        &self,
        key: &DataKey,
        (person, slot): (PersonId, KeySlot),
        (kind, name): (&str, &str),
        plain: &[u8],
    ) -> Result<SealedRow, CustodyError> {
        let place = SealedAs { person, kind, name };
        Ok(SealedRow {
            person,
            kind: kind.to_owned(),
            name: name.to_owned(),
            slot,
            at: self.now(),
            body: key.seal(&place, plain, &mut Self::rng()?),
        })
    }
}
