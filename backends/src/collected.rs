//! What services hold in collections, sealed.

use std::fmt;

use async_trait::async_trait;
use regard_commitments::{DataKind, Kept, Retained};
use regard_domain::{GalleryId, Timestamp};

use crate::StoreError;

/// One sealed thing of a collection: the collection itself, a name in it, or a face.
///
/// # Privacy
/// Opens with a key that lies in another file and goes with what it sealed; does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct CollectedRow {
    /// In which collection.
    pub collection: GalleryId,
    /// Which thing of it: random, or `head`; never a name.
    pub item: String,
    /// When it was written.
    pub at: Timestamp,
    /// The sealed bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for CollectedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectedRow({} bytes withheld)", self.body.len())
    }
}

impl Retained for CollectedRow {
    const KIND: DataKind = DataKind::Person;
}

/// Where collections are kept: part of every [`Store`](crate::Store), and under its laws.
#[async_trait]
pub trait CollectedStore: Send + Sync {
    /// Keeps rows, durably and all at once; each takes the place of what was there of that collection and item.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them was written.
    async fn put_collected(&self, rows: &[Kept<CollectedRow>]) -> Result<(), StoreError>;

    /// Rows after the given one, in order of collection and item.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn collected(
        &self,
        after: Option<(&GalleryId, &str)>,
        limit: u32,
    ) -> Result<Vec<CollectedRow>, StoreError>;

    /// Removes rows of a collection, all of them where no items are named, durably; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove_collected(
        &self,
        collection: &GalleryId,
        items: Option<&[String]>,
    ) -> Result<u64, StoreError>;
}
