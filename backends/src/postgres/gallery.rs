//! A gallery in PostgreSQL, searched by the extension `vector`.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, PictureId, TemplateId};
use regard_identity::{
    Embedding, Enrolment, Gallery, GalleryError, GalleryTransform, Hit, MAX_HITS, Merge, ModelTag,
    SearchAnswer, Template,
};
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{PgPool, Postgres, Row as _, Transaction};

use super::PgAddress;
use super::people::{People, id, stored};
use super::waiter::Waiter;

/// Connections of one gallery: searches at once; each works a core of the database.
const N_CONNECTIONS: u32 = 4;

/// Longest time that a connection is waited for. Origin: half of the second within which a withdrawal is done.
const CONNECTING: Duration = Duration::from_millis(500);

/// Rows fetched for each person asked for, and at least, before more are.
const ROWS_PER_PERSON: i64 = 4;
const MIN_ROWS: i64 = 64;

/// How far the database's cosine may be from ours: it counts in single precision.
const MAX_ROUNDING: f32 = 1e-5;

/// Templates turned over at once when a gallery gets another transform.
const PIECE: i64 = 1_000;

/// Longest time that a gallery may take to be turned over as a whole: a million templates, one by one, in a few minutes.
const REKEYING: Duration = Duration::from_secs(3_600);

/// What tells that the tables are being made; the number is the beginning of the SHA-256 of `regard gallery`.
const MAKING: &str = "SELECT pg_advisory_xact_lock(5913041682470339441)";

/// Why a gallery in a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum PgOpenError {
    /// No threads to talk to the database by.
    #[error("failed to start what talks to the database")]
    Runtime {
        /// Why.
        source: std::io::Error,
    },
    /// The database failed, or has no extension `vector`.
    #[error("failed to open the gallery in the database")]
    Gallery(#[from] GalleryError),
}

/// A gallery in PostgreSQL. Several machines may search and change it at once: each change is one transaction that holds the
/// gallery's row, each search sees what was committed.
///
/// The database finds candidates by comparing with everybody; similarities are counted here, by the same arithmetic as in
/// memory, so that answers are the same to the last bit. Calls block: where the database does not answer for two seconds, those that go
/// through everybody for twenty, and [`Gallery::rekey`] for an hour. Within an asynchronous task make them on a thread of their own. It
/// may be dropped anywhere.
///
/// # Privacy
/// As [`Gallery`]. The database holds diversified numbers that are not sealed, as it compares them: who reads it sees which templates
/// of one gallery are alike, and rows that were removed may stay on its disk and in its log until they are overwritten.
/// Turning the gallery over ([`Gallery::rekey`]) makes what stayed worthless. `docs/threats.md`.
pub struct PgGallery {
    waiter: Waiter,
    pool: PgPool,
    gallery: i32,
    transform: GalleryTransform,
    model: ModelTag,
    max_templates: u64,
}

/// A failure as the gallery tells it: kind and code, never a value.
pub(super) fn failed(error: sqlx::Error) -> GalleryError {
    let source = match error.as_database_error() {
        Some(database) => {
            let code = database.code().unwrap_or_default();
            format!("the database refused with code {code}").into()
        }
        None => match error {
            sqlx::Error::Io(source) => source.into(),
            sqlx::Error::PoolTimedOut => "no connection to the database in time".into(),
            _ => "the connection to the database failed".into(),
        },
    };
    GalleryError::Index { source }
}

impl PgGallery {
    /// Opens the gallery of a name in the database at an address, and makes it if there is none.
    ///
    /// # Errors
    /// When the database cannot be reached or has no extension `vector`; [`GalleryError::OtherModel`] and
    /// [`GalleryError::OtherTransform`] when the gallery is of others.
    pub fn open(
        address: &PgAddress,
        name: &str,
        transform: GalleryTransform,
        model: ModelTag,
        max_templates: u64,
    ) -> Result<Self, PgOpenError> {
        let waiter = Waiter::new().map_err(|source| PgOpenError::Runtime { source })?;
        let opened = waiter.block_on(async {
            let pool = connect(address).await?;
            let gallery = make(&pool, name, &transform, model).await?;
            Ok((pool, gallery))
        });
        let (pool, gallery) = opened?;
        let this = Self {
            waiter,
            pool,
            gallery,
            transform,
            model,
            max_templates,
        };
        this.waiter
            .block_on(async { this.reading().await.map(drop) })?;
        Ok(this)
    }

    /// Opens the gallery of this model and transform in a family of galleries, and makes it if there is none. While a gallery is
    /// turned over, its family has two: the one that is searched and the one it becomes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_in(
        address: &PgAddress,
        family: &str,
        transform: GalleryTransform,
        model: ModelTag,
        max_templates: u64,
    ) -> Result<Self, PgOpenError> {
        let name = member(family, &transform, model);
        Self::open(address, &name, transform, model, max_templates)
    }

    /// Removes every other gallery of the family that this one was opened in; how many there were.
    ///
    /// # Errors
    /// When the database fails; then none was removed.
    pub fn remove_others(&mut self, family: &str) -> Result<u64, GalleryError> {
        self.waiter.block_for_long(async {
            let mut transaction = self.changing().await?;
            // A family whose name begins with the name of this one has longer names throughout.
            let query = "DELETE FROM regard_gallery \
                 WHERE gallery <> $1 AND starts_with(name, $2) AND length(name) = length($2) + 32";
            let done = sqlx::query(query)
                .bind(self.gallery)
                .bind(format!("{family}/"));
            let done = done.execute(&mut *transaction).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
            Ok(done.rows_affected())
        })
    }

    /// Removes all galleries of a family, where nobody may be found any more; how many there were.
    ///
    /// # Errors
    /// When the database cannot be reached; then none was removed.
    pub fn remove_family(address: &PgAddress, family: &str) -> Result<u64, PgOpenError> {
        let waiter = Waiter::new().map_err(|source| PgOpenError::Runtime { source })?;
        let removed = waiter.block_for_long(async {
            let pool = connect(address).await?;
            let query = "SELECT to_regclass('regard_gallery') IS NOT NULL";
            let row = sqlx::query(query).fetch_one(&pool).await.map_err(failed)?;
            if !row.try_get::<bool, _>(0).map_err(failed)? {
                return Ok(0);
            }
            let query =
                "DELETE FROM regard_gallery WHERE starts_with(name, $1) AND length(name) = length($1) + 32";
            let done = sqlx::query(query).bind(format!("{family}/"));
            let done = done.execute(&pool).await.map_err(failed)?;
            Ok(done.rows_affected())
        });
        Ok(removed?)
    }

    /// Removes every template but these, and everybody who has none left; how many templates went. For a database that was
    /// restored from an older copy: whoever left since must not come back.
    ///
    /// # Errors
    /// When the database fails; then nothing was removed.
    pub fn keep_only(&mut self, templates: &BTreeSet<TemplateId>) -> Result<u64, GalleryError> {
        self.waiter.block_for_long(async {
            let mut transaction = self.changing().await?;
            let n = self.people(&mut transaction).keep_only(templates).await?;
            transaction.commit().await.map_err(failed)?;
            Ok(n)
        })
    }

    fn people<'a>(&self, transaction: &'a mut Transaction<'_, Postgres>) -> People<'a> {
        People {
            connection: transaction,
            gallery: self.gallery,
        }
    }

    /// A transaction that has the gallery for itself.
    async fn changing(&self) -> Result<Transaction<'static, Postgres>, GalleryError> {
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let query = "SELECT model, transform FROM regard_gallery WHERE gallery = $1 FOR UPDATE";
        self.check(&mut transaction, query).await?;
        Ok(transaction)
    }

    /// A transaction that sees one state of the gallery.
    async fn reading(&self) -> Result<Transaction<'static, Postgres>, GalleryError> {
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let how = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::query(how)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        let query = "SELECT model, transform FROM regard_gallery WHERE gallery = $1";
        self.check(&mut transaction, query).await?;
        Ok(transaction)
    }

    /// Whether the gallery is still what this process takes it for: another may have turned it over.
    async fn check(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        query: &'static str,
    ) -> Result<(), GalleryError> {
        let row = sqlx::query(query).bind(self.gallery);
        let row = row.fetch_one(&mut **transaction).await.map_err(failed)?;
        let stored = |column| row.try_get::<i64, _>(column).map_err(failed);
        if stored("model")?.cast_unsigned() != self.model.as_bits() {
            return Err(GalleryError::OtherModel);
        }
        if stored("transform")?.cast_unsigned() != self.transform.id().as_bits() {
            return Err(GalleryError::OtherTransform);
        }
        Ok(())
    }

    fn probe(&self, probe: &Embedding, key: &Grant<Recognition>) -> Result<Template, GalleryError> {
        if !key.is_live() {
            return Err(GalleryError::GrantEnded);
        }
        let template = self.transform.template(probe);
        template
            .filter(|t| t.model() == self.model)
            .ok_or(GalleryError::OtherModel)
    }

    /// The hit that a row is for a probe.
    fn hit(
        &self,
        row: &PgRow,
        probe: &Template,
        key: &Grant<Recognition>,
    ) -> Result<Hit, GalleryError> {
        let template = self.template(row)?;
        let similarity = template.similarity(probe, key);
        Ok(Hit {
            person: PersonId::from_bits(id(row, "root")?),
            template: TemplateId::from_bits(id(row, "template")?),
            similarity: similarity.map_err(|_| GalleryError::GrantEnded)?,
        })
    }

    fn template(&self, row: &PgRow) -> Result<Template, GalleryError> {
        let numbers: Vec<f32> = row.try_get("numbers").map_err(failed)?;
        let numbers: Vec<i8> = numbers.iter().map(|v| *v as i8).collect();
        let template = Template::from_numbers(&numbers, self.model, self.transform.id());
        template.ok_or_else(|| GalleryError::Index {
            source: "a stored template is none".into(),
        })
    }

    async fn search_one(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        (probe, k, n_persons): (&Template, usize, u64),
        key: &Grant<Recognition>,
    ) -> Result<SearchAnswer, GalleryError> {
        let mut n_rows = (ROWS_PER_PERSON * k as i64).max(MIN_ROWS);
        loop {
            let rows = sqlx::query(
                "SELECT t.template, p.root, t.numbers::real[] AS numbers \
                 FROM regard_gallery_template t JOIN regard_gallery_person p USING (gallery, person) \
                 WHERE t.gallery = $1 AND p.root NOT IN \
                     (SELECT root FROM regard_gallery_person WHERE gallery = $1 AND is_frozen) \
                 ORDER BY t.numbers <=> $2::real[]::vector LIMIT $3",
            );
            let rows = rows.bind(self.gallery).bind(floats(probe)).bind(n_rows);
            let rows = rows.fetch_all(&mut **transaction).await.map_err(failed)?;
            let hits: Vec<Hit> = rows
                .iter()
                .map(|row| self.hit(row, probe, key))
                .collect::<Result<_, _>>()?;
            let farthest = hits.last().map_or(-1.0, |hit| hit.similarity.get());
            let are_all = (hits.len() as i64) < n_rows;
            let answer = SearchAnswer::of_hits(hits, n_persons, k);
            let floor = answer.hits.last().map_or(2.0, |hit| hit.similarity.get());
            // Nobody beyond the last row is as near as the last of those asked for.
            let is_enough = answer.hits.len() >= k && farthest + MAX_ROUNDING < floor;
            if k == 0 || are_all || is_enough {
                return Ok(answer);
            }
            n_rows *= 4;
        }
    }

    async fn count(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        query: &'static str,
    ) -> Result<u64, GalleryError> {
        let row = sqlx::query(query).bind(self.gallery);
        let row = row.fetch_one(&mut **transaction).await.map_err(failed)?;
        let n: i64 = row.try_get(0).map_err(failed)?;
        Ok(n.cast_unsigned())
    }

    fn counted(&self, query: &'static str) -> Result<u64, GalleryError> {
        self.waiter.block_on(async {
            let mut transaction = self.reading().await?;
            self.count(&mut transaction, query).await
        })
    }
}

async fn connect(address: &PgAddress) -> Result<PgPool, GalleryError> {
    let pool = PgPoolOptions::new()
        .max_connections(N_CONNECTIONS)
        .acquire_timeout(CONNECTING);
    pool.connect_with(address.options()).await.map_err(failed)
}

/// The name of the gallery of a model and a transform in a family: 33 bytes longer than that of the family.
fn member(family: &str, transform: &GalleryTransform, model: ModelTag) -> String {
    let (model, transform) = (model.as_bits(), transform.id().as_bits());
    format!("{family}/{model:016x}{transform:016x}")
}

/// Makes what is not there yet; the number of the gallery.
async fn make(
    pool: &PgPool,
    name: &str,
    transform: &GalleryTransform,
    model: ModelTag,
) -> Result<i32, GalleryError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    sqlx::query(MAKING)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let schema = sqlx::raw_sql(include_str!("schema.sql"));
    schema.execute(&mut *transaction).await.map_err(failed)?;
    let query = "INSERT INTO regard_gallery (name, model, transform, dimension) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (name) DO NOTHING";
    let dimension = i32::try_from(transform.dimension()).map_err(|_| GalleryError::OtherModel)?;
    let inserted = sqlx::query(query)
        .bind(name)
        .bind(model.as_bits().cast_signed())
        .bind(transform.id().as_bits().cast_signed())
        .bind(dimension);
    inserted.execute(&mut *transaction).await.map_err(failed)?;
    let query = "SELECT gallery FROM regard_gallery WHERE name = $1";
    let row = sqlx::query(query).bind(name);
    let row = row.fetch_one(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    row.try_get(0).map_err(failed)
}

fn floats(template: &Template) -> Vec<f32> {
    template.values().iter().map(|v| f32::from(*v)).collect()
}

/// Runs a change of people in a transaction of its own.
macro_rules! change {
    ($this:ident, $call:ident($($argument:expr),*)) => {
        $this.waiter.block_on(async {
            let mut transaction = $this.changing().await?;
            let answer = $this.people(&mut transaction).$call($($argument),*).await?;
            transaction.commit().await.map_err(failed)?;
            Ok(answer)
        })
    };
}

impl Gallery for PgGallery {
    fn transform(&self) -> &GalleryTransform {
        &self.transform
    }

    fn model(&self) -> ModelTag {
        self.model
    }

    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        let values = &enrolment.values;
        if values.model() != self.model || values.values().len() != self.transform.dimension() {
            return Err(GalleryError::OtherModel);
        }
        if values.transform() != self.transform.id() {
            return Err(GalleryError::OtherTransform);
        }
        self.waiter.block_on(async {
            let mut transaction = self.changing().await?;
            let picture = enrolment.picture.map(PictureId::as_bits);
            let mut people = self.people(&mut transaction);
            people
                .admit(enrolment.template, enrolment.person, picture)
                .await?;
            let query = "SELECT count(*) FROM regard_gallery_template WHERE gallery = $1";
            if self.count(&mut transaction, query).await? >= self.max_templates {
                let max_templates = usize::try_from(self.max_templates).unwrap_or(usize::MAX);
                return Err(GalleryError::Full { max_templates });
            }
            let inserted = sqlx::query(
                "INSERT INTO regard_gallery_template (gallery, template, person, picture, numbers) \
                 VALUES ($1, $2, $3, $4, $5::real[]::vector)",
            );
            let inserted = inserted
                .bind(self.gallery)
                .bind(stored(enrolment.template.as_bits()))
                .bind(stored(enrolment.person.as_bits()))
                .bind(picture.map(stored))
                .bind(floats(values));
            inserted.execute(&mut *transaction).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)
        })
    }

    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError> {
        change!(self, remove_template(template))
    }

    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        change!(self, remove_person(person))
    }

    fn search_batch(
        &self,
        probes: &[&Embedding],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        let probes: Vec<Template> = probes
            .iter()
            .map(|probe| self.probe(probe, key))
            .collect::<Result<_, _>>()?;
        self.waiter.block_on(async {
            let mut transaction = self.reading().await?;
            let query = "SELECT count(*) FROM regard_gallery_person p WHERE gallery = $1 AND parent IS NULL AND NOT EXISTS \
                 (SELECT FROM regard_gallery_person f WHERE f.gallery = $1 AND f.root = p.root AND f.is_frozen)";
            let n_persons = self.count(&mut transaction, query).await?;
            let mut answers = Vec::with_capacity(probes.len());
            for probe in &probes {
                let asked = (probe, k.min(MAX_HITS), n_persons);
                answers.push(self.search_one(&mut transaction, asked, key).await?);
            }
            Ok(answers)
        })
    }

    fn verify_person(
        &self,
        probe: &Embedding,
        person: PersonId,
        key: &Grant<Recognition>,
    ) -> Result<Option<Hit>, GalleryError> {
        let probe = self.probe(probe, key)?;
        let rows = self.waiter.block_on(async {
            let mut transaction = self.reading().await?;
            let query = "SELECT t.template, p.root, t.numbers::real[] AS numbers \
                 FROM regard_gallery_template t JOIN regard_gallery_person p USING (gallery, person) \
                 WHERE t.gallery = $1 \
                 AND p.root = (SELECT root FROM regard_gallery_person WHERE gallery = $1 AND person = $2) \
                 AND NOT EXISTS (SELECT FROM regard_gallery_person f WHERE f.gallery = $1 AND f.root = p.root AND f.is_frozen)";
            let rows = sqlx::query(query).bind(self.gallery).bind(stored(person.as_bits()));
            rows.fetch_all(&mut *transaction).await.map_err(failed)
        })?;
        let hits: Vec<Hit> = rows
            .iter()
            .map(|row| self.hit(row, &probe, key))
            .collect::<Result<_, _>>()?;
        Ok(SearchAnswer::of_hits(hits, 1, 1).hits.pop())
    }

    fn asks_index(&self) -> bool {
        false
    }

    fn n_templates(&self) -> Result<u64, GalleryError> {
        self.counted("SELECT count(*) FROM regard_gallery_template WHERE gallery = $1")
    }

    fn n_persons(&self) -> Result<u64, GalleryError> {
        self.counted(
            "SELECT count(*) FROM regard_gallery_person WHERE gallery = $1 AND parent IS NULL",
        )
    }

    fn templates_of(&self, person: PersonId) -> Result<Vec<TemplateId>, GalleryError> {
        let rows = self.waiter.block_on(async {
            let mut transaction = self.reading().await?;
            let query = "SELECT t.template \
                 FROM regard_gallery_template t JOIN regard_gallery_person p USING (gallery, person) \
                 WHERE t.gallery = $1 \
                 AND p.root = (SELECT root FROM regard_gallery_person WHERE gallery = $1 AND person = $2) \
                 ORDER BY t.template";
            let rows = sqlx::query(query).bind(self.gallery).bind(stored(person.as_bits()));
            rows.fetch_all(&mut *transaction).await.map_err(failed)
        })?;
        let ids = rows
            .iter()
            .map(|row| Ok(TemplateId::from_bits(id(row, "template")?)));
        ids.collect()
    }

    fn rekey(&mut self, to: GalleryTransform) -> Result<(), GalleryError> {
        let way = self.transform.way_to(&to).ok_or(GalleryError::OtherModel)?;
        self.waiter.block_for(REKEYING, async {
            let mut transaction = self.changing().await?;
            let mut after: Vec<u8> = Vec::new();
            loop {
                let query = "SELECT template, numbers::real[] AS numbers FROM regard_gallery_template \
                     WHERE gallery = $1 AND template > $2 ORDER BY template LIMIT $3";
                let rows = sqlx::query(query).bind(self.gallery).bind(&after).bind(PIECE);
                let rows = rows.fetch_all(&mut *transaction).await.map_err(failed)?;
                let Some(last) = rows.last() else { break };
                after = stored(id(last, "template")?);
                for row in &rows {
                    let turned = way.template(&self.template(row)?);
                    let turned = turned.ok_or(GalleryError::OtherTransform)?;
                    let query = "UPDATE regard_gallery_template SET numbers = $3::real[]::vector \
                         WHERE gallery = $1 AND template = $2";
                    let done = sqlx::query(query)
                        .bind(self.gallery)
                        .bind(stored(id(row, "template")?))
                        .bind(floats(&turned));
                    done.execute(&mut *transaction).await.map_err(failed)?;
                }
            }
            let query = "UPDATE regard_gallery SET transform = $2 WHERE gallery = $1";
            let done = sqlx::query(query).bind(self.gallery);
            let done = done.bind(to.id().as_bits().cast_signed());
            done.execute(&mut *transaction).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)
        })?;
        self.transform = to;
        Ok(())
    }

    fn merge(&mut self, from: PersonId, into: PersonId) -> Result<Merge, GalleryError> {
        change!(self, merge(from, into))
    }

    fn undo_merge(&mut self, merge: Merge) -> Result<(), GalleryError> {
        change!(self, undo_merge(merge))
    }

    fn forbid_link(&mut self, a: PersonId, b: PersonId) -> Result<(), GalleryError> {
        change!(self, forbid_link(a, b))
    }

    fn set_frozen(&mut self, person: PersonId, is_frozen: bool) -> Result<(), GalleryError> {
        change!(self, set_frozen(person, is_frozen))
    }
}

impl fmt::Debug for PgGallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PgGallery(withheld)")
    }
}
