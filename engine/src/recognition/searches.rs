//! Photographs searched for one person who shows their token: the key of the gate first, then a picture at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_commitments::{
    ConsentPurpose, LibraryDeclaration, LibrarySearch, RecognitionKey, RecognitionKind, Refusal,
    RefusalCode, Scope, Scopes, ask_library,
};
use regard_domain::{ActId, BBox, CameraId, FrameSize, PersonId, Score, Timestamp};
use regard_identity::Similarity;
use regard_vision::PhotoError;

use super::attempts::AttemptOutcome;
use super::ends::{Claim, nearest};
use super::going::MAX_PICTURE_BYTES;
use super::look::{Look, look};
use super::studio::StudioError;
use super::{RecognitionError, Recognizer};
use crate::custody::OpenedFace;

/// Searches that go on at once. When full, whoever begins is told to try again.
const MAX_SEARCHES: usize = 16;

/// Searches that are begun for one person within a day: whoever looks through all they have does so in one.
const MAX_BEGUN: usize = 50;
const BEGUN_WINDOW: Duration = Duration::from_secs(24 * 3_600);

/// Persons for whom searches are counted at once. When full the oldest count goes.
const MAX_COUNTED: usize = 10_000;

/// Faces compared in one search. Origin: a hundred million comparisons are a hundred times what the scale of similarities has
/// data for.
const MAX_FACES: u64 = 100_000_000;

/// Name of a search: random, and whoever may search and names it may go on with it.
pub type SearchId = ActId;

/// A search that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBegun {
    /// Its name.
    pub id: SearchId,
    /// Until when it may go on; it ends sooner with the consent.
    pub until: Timestamp,
}

/// A face of a picture, and how near it is to that of the person searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparedFace {
    /// Where it is in the upright picture.
    pub bbox_in_frame: BBox,
    /// How surely it is a face.
    pub score: Score,
    /// How near it is; nothing where its points coincide, so that it cannot be compared.
    pub similarity: Option<Similarity>,
}

/// A picture that was searched; its pixels are gone.
#[derive(Debug)]
pub struct SearchedPicture {
    /// Width and height of the upright picture.
    pub size: FrameSize,
    /// Its faces, the largest first.
    pub faces: Vec<ComparedFace>,
}

/// One search.
struct Search {
    key: RecognitionKey<LibrarySearch>,
    faces: Arc<Vec<OpenedFace>>,
    n_faces: Mutex<u64>,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Search(withheld)")
    }
}

/// The searches that go on.
#[derive(Debug, Default)]
pub(super) struct Searches {
    open: Mutex<BTreeMap<SearchId, Arc<Search>>>,
    begun: Mutex<BTreeMap<PersonId, Vec<Timestamp>>>,
}

impl Searches {
    fn open(&self) -> MutexGuard<'_, BTreeMap<SearchId, Arc<Search>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more may be begun for a person; counts it.
    fn may_begin(&self, person: PersonId, now: Timestamp) -> bool {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.len() >= MAX_COUNTED && !begun.contains_key(&person) {
            let oldest = begun
                .iter()
                .min_by_key(|(id, times)| (times.last().copied(), **id));
            if let Some(id) = oldest.map(|(id, _)| *id) {
                begun.remove(&id);
            }
        }
        let times = begun.entry(person).or_default();
        times.retain(|at| now.saturating_since(*at) < BEGUN_WINDOW);
        if times.len() >= MAX_BEGUN {
            return false;
        }
        times.push(now);
        true
    }
}

fn ended() -> RecognitionError {
    RecognitionError::Refused(Refusal::new(
        RefusalCode::ConsentWithdrawn,
        "what the search stood on was taken back, or its time is over",
        "begin anew, if the person still agrees",
    ))
}

impl Recognizer {
    /// Begins to look for somebody who shows their token in pictures that are handed over one by one.
    ///
    /// # Errors
    /// [`RecognitionError::Refused`]: `untargeted_collection` where no token is shown, `consent_missing` where its person did
    /// not agree to `analyse_library`; [`RecognitionError::TooManySearches`], [`RecognitionError::Busy`].
    pub async fn begin_search(&self, claim: Claim<'_>) -> Result<SearchBegun, RecognitionError> {
        let begun = self.search_begun(claim).await;
        let begun = self.begun_or_noted(RecognitionKind::Library, begun)?;
        self.note_attempt(RecognitionKind::Library, AttemptOutcome::Accepted, &[]);
        Ok(begun)
    }

    async fn search_begun(&self, claim: Claim<'_>) -> Result<SearchBegun, RecognitionError> {
        const PURPOSE: ConsentPurpose = ConsentPurpose::AnalyzeLibrary;
        let claimed = match claim {
            Claim::FaceToken(text) => self.custodian.claimed_by_token(text, PURPOSE).await?,
            Claim::Own(who) => self.custodian.claimed_by_person(who, PURPOSE).await?,
            // An id is no act of anybody.
            Claim::Person(_) => return Err(untargeted().into()),
        };
        let claimed = claimed.into_result()?;
        let now = self.now();
        if !self.searches.may_begin(claimed.consent.person(), now) {
            return Err(RecognitionError::TooManySearches);
        }
        let consent = claimed.consent;
        let asked = self
            .ask(|gate, now, rng| gate.ask_library(&consent, now, rng))
            .await?;
        let key = asked.into_result()?;
        let begun = SearchBegun {
            id: SearchId::random(&mut Self::rng()?),
            until: key.grant().valid_until(),
        };
        let mut open = self.searches.open();
        open.retain(|_, search| search.key.is_live_at(now));
        if open.len() >= MAX_SEARCHES {
            return Err(RecognitionError::Busy);
        }
        let search = Search {
            key,
            faces: Arc::new(claimed.faces),
            n_faces: Mutex::new(0),
        };
        open.insert(begun.id, Arc::new(search));
        Ok(begun)
    }

    /// Compares every face of a picture with that of the person searched for.
    ///
    /// # Privacy
    /// The bytes are decoded in memory, looked at, and gone when it returns. Each face is embedded by itself, compared with one
    /// person's template, and its embedding overwritten before the next: nobody else is compared with anybody, and nothing of
    /// them but a place and a number is left.
    ///
    /// # Errors
    /// [`RecognitionError::UnknownCapture`], [`RecognitionError::Picture`], [`RecognitionError::Refused`] once the consent has
    /// ended.
    pub async fn search_picture(
        &self,
        id: SearchId,
        bytes: Vec<u8>,
    ) -> Result<SearchedPicture, RecognitionError> {
        let search = self.searches.open().get(&id).map(Arc::clone);
        let search = search.ok_or(RecognitionError::UnknownCapture)?;
        if !search.key.is_live_at(self.now()) {
            self.end_search(id);
            return Err(ended());
        }
        if bytes.len() > MAX_PICTURE_BYTES {
            return Err(RecognitionError::Picture(PhotoError::FileTooLarge {
                bytes: bytes.len() as u64,
                max_bytes: MAX_PICTURE_BYTES as u64,
            }));
        }
        let declared = LibraryDeclaration {
            source: CameraId::new("library-search").expect("lower-case letters and a dash"),
            lawfully_held: true,
            wanted: Scopes::NONE.with(Scope::Count),
        };
        let sensing = ask_library(&declared).into_result()?;
        let wanted = Look {
            chips: true,
            ..Look::default()
        };
        let (key, faces) = (search.key.grant().clone(), Arc::clone(&search.faces));
        let searched = self
            .on_bench(move |bench| {
                let mut looked = look(bench, &bytes, &sensing, wanted)?;
                let mut compared = Vec::with_capacity(looked.faces.len());
                for seen in &mut looked.faces {
                    let similarity = match seen.take_chip() {
                        Some(chip) => {
                            let embedded = bench.embed(&[&chip], &key);
                            let embedded = embedded.map_err(StudioError::from)?;
                            let one = embedded.first();
                            one.map(|face| nearest(&faces, face, &key)).transpose()?
                        }
                        None => None,
                    };
                    compared.push(ComparedFace {
                        bbox_in_frame: seen.face.bbox_in_frame,
                        score: seen.face.score,
                        similarity,
                    });
                }
                Ok::<_, RecognitionError>(SearchedPicture {
                    size: looked.size,
                    faces: compared,
                })
            })
            .await??;
        let mut n_faces = search
            .n_faces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *n_faces = n_faces.saturating_add(searched.faces.len() as u64);
        if *n_faces > MAX_FACES {
            return Err(RecognitionError::TooManyPictures);
        }
        // A consent that was taken back meanwhile gets nothing out.
        if !search.key.is_live_at(self.now()) {
            return Err(ended());
        }
        Ok(searched)
    }

    /// Ends a search; the template it compared with is overwritten.
    pub fn end_search(&self, id: SearchId) {
        drop(self.searches.open().remove(&id));
    }
}

/// What is said to whoever looks for people without their token.
fn untargeted() -> Refusal {
    Refusal::new(
        RefusalCode::UntargetedCollection,
        "photographs are searched for somebody who shows their token, and for nobody else",
        "have the person enrol, agree to analyse_library, and hand over their face token",
    )
}
