//! Studies and invitations to them, and what participants gave.

use std::fmt;

use async_trait::async_trait;
use regard_commitments::{DataKind, Digest, Kept, Retained};
use regard_domain::{PersonId, StudyId, Timestamp};

use crate::{SealedRow, StoreError};

/// A study as its owner set it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyRow {
    /// Its name; the key.
    pub study: StudyId,
    /// What it is, as JSON.
    pub plan: String,
    /// Whether participants may still sit down.
    pub is_open: bool,
    /// When it was set up.
    pub at: Timestamp,
}

/// An invitation, good once.
///
/// # Privacy
/// The hash of a random token. Whom it was sent to only the owner knows; who sat down under it nobody does.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// Hash of the token; the key.
    pub token: Digest,
    /// To which study.
    pub study: StudyId,
    /// When it was made.
    pub at: Timestamp,
}

impl fmt::Debug for InvitationRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvitationRow({}, token withheld)", self.study)
    }
}

impl Retained for StudyRow {
    const KIND: DataKind = DataKind::Content;
}

impl Retained for InvitationRow {
    const KIND: DataKind = DataKind::Content;
}

/// How many were invited to a study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invited {
    /// Invitations that are kept.
    pub n_sent: u64,
    /// Those of them that were used.
    pub n_spent: u64,
}

/// Where studies are kept: part of every [`Store`](crate::Store), and under its laws.
#[async_trait]
pub trait StudyStore: Send + Sync {
    /// Sets or replaces a study, durably.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_study(&self, study: &Kept<StudyRow>) -> Result<(), StoreError>;

    /// All studies, in order of name.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn studies(&self) -> Result<Vec<StudyRow>, StoreError>;

    /// Keeps invitations, durably and all at once. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them was written.
    async fn put_invitations(&self, rows: &[Kept<InvitationRow>]) -> Result<(), StoreError>;

    /// The study that an invitation is to, while it was not used and its time is not over.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn invitation(
        &self,
        token: Digest,
        now: Timestamp,
    ) -> Result<Option<StudyId>, StoreError>;

    /// Uses an invitation, durably; whether it was good. Of several at the same time one alone uses it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn spend_invitation(&self, token: Digest, now: Timestamp) -> Result<bool, StoreError>;

    /// How many were invited to a study.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn invited(&self, study: &StudyId) -> Result<Invited, StoreError>;

    /// What is sealed under one kind and name, whoever's it is, after the given person in order of person.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sealed_named(
        &self,
        kind: &str,
        name: &str,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError>;
}
