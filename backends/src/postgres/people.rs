//! Who has which templates: the same rules as in memory, in a transaction that holds the gallery's row.

use std::collections::BTreeSet;

use regard_domain::{PersonId, TemplateId};
use regard_identity::{GalleryError, MAX_TEMPLATES_PER_PERSON, Merge};
use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::gallery::failed;

/// A gallery under its number, while one transaction has it for itself.
pub(super) struct People<'a> {
    pub(super) connection: &'a mut PgConnection,
    pub(super) gallery: i32,
}

/// The bytes that an id is stored as; they sort as the ids do.
pub(super) fn stored(bits: u128) -> Vec<u8> {
    bits.to_be_bytes().to_vec()
}

/// The bits of a stored id.
pub(super) fn id(row: &PgRow, column: &str) -> Result<u128, GalleryError> {
    let bytes: Vec<u8> = row.try_get(column).map_err(failed)?;
    let bytes = <[u8; 16]>::try_from(bytes.as_slice());
    bytes.map(u128::from_be_bytes).map_err(|_| damaged())
}

fn damaged() -> GalleryError {
    GalleryError::Index {
        source: "a stored id is none".into(),
    }
}

impl People<'_> {
    async fn count(
        &mut self,
        query: &'static str,
        a: &[u8],
        b: &[u8],
    ) -> Result<i64, GalleryError> {
        let row = sqlx::query(query).bind(self.gallery).bind(a).bind(b);
        let row = row.fetch_one(&mut *self.connection).await.map_err(failed)?;
        row.try_get(0).map_err(failed)
    }

    async fn change(
        &mut self,
        query: &'static str,
        a: &[u8],
        b: &[u8],
    ) -> Result<u64, GalleryError> {
        let done = sqlx::query(query).bind(self.gallery).bind(a).bind(b);
        let done = done.execute(&mut *self.connection).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// As whom somebody answers; nothing when nobody of that id is known.
    pub(super) async fn root(
        &mut self,
        person: PersonId,
    ) -> Result<Option<PersonId>, GalleryError> {
        let row = sqlx::query(
            "SELECT root FROM regard_gallery_person WHERE gallery = $1 AND person = $2",
        );
        let row = row.bind(self.gallery).bind(stored(person.as_bits()));
        let row = row
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(failed)?;
        row.map(|row| id(&row, "root").map(PersonId::from_bits))
            .transpose()
    }

    async fn known(&mut self, person: PersonId) -> Result<PersonId, GalleryError> {
        self.root(person).await?.ok_or(GalleryError::UnknownPerson)
    }

    /// Templates of everybody who answers as this root.
    async fn n_templates(&mut self, root: PersonId) -> Result<usize, GalleryError> {
        let root = stored(root.as_bits());
        let n = self
            .count(
                "SELECT count(*) FROM regard_gallery_template t JOIN regard_gallery_person p USING (gallery, person) \
                 WHERE t.gallery = $1 AND p.root = $2 AND $3::bytea IS NOT NULL",
                &root,
                &[],
            )
            .await?;
        Ok(usize::try_from(n).unwrap_or(usize::MAX))
    }

    /// Whether a template of that picture may become this person's; makes a place for whoever is new.
    pub(super) async fn admit(
        &mut self,
        template: TemplateId,
        person: PersonId,
        picture: Option<u128>,
    ) -> Result<(), GalleryError> {
        let there = self
            .count(
                "SELECT count(*) FROM regard_gallery_template WHERE gallery = $1 AND template = $2 AND $3::bytea IS NOT NULL",
                &stored(template.as_bits()),
                &[],
            )
            .await?;
        if there > 0 {
            return Err(GalleryError::TemplateExists);
        }
        let Some(root) = self.root(person).await? else {
            let person = stored(person.as_bits());
            self.change(
                "INSERT INTO regard_gallery_person (gallery, person, root) VALUES ($1, $2, $3)",
                &person,
                &person,
            )
            .await?;
            return Ok(());
        };
        if self.n_templates(root).await? >= MAX_TEMPLATES_PER_PERSON {
            return Err(GalleryError::TooManyTemplates);
        }
        let Some(picture) = picture else {
            return Ok(());
        };
        let in_picture = self
            .count(
                "SELECT count(*) FROM regard_gallery_template t JOIN regard_gallery_person p USING (gallery, person) \
                 WHERE t.gallery = $1 AND p.root = $2 AND t.picture = $3",
                &stored(root.as_bits()),
                &stored(picture),
            )
            .await?;
        if in_picture > 0 {
            return Err(GalleryError::CannotLink);
        }
        Ok(())
    }

    /// Removes one template; whether it was there.
    pub(super) async fn remove_template(
        &mut self,
        template: TemplateId,
    ) -> Result<bool, GalleryError> {
        let row = sqlx::query(
            "DELETE FROM regard_gallery_template WHERE gallery = $1 AND template = $2 RETURNING person",
        );
        let row = row.bind(self.gallery).bind(stored(template.as_bits()));
        let row = row
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(false) };
        let person = PersonId::from_bits(id(&row, "person")?);
        let root = self.root(person).await?.ok_or_else(damaged)?;
        if self.n_templates(root).await? == 0 {
            self.dissolve(root).await?;
        } else {
            // Who has no template left and no place in a merge is gone.
            let person = stored(person.as_bits());
            self.change(
                "DELETE FROM regard_gallery_person o WHERE gallery = $1 AND person = $2 AND parent IS NULL \
                 AND NOT EXISTS (SELECT FROM regard_gallery_person c WHERE c.gallery = $1 AND c.parent = $3) \
                 AND NOT EXISTS (SELECT FROM regard_gallery_template t WHERE t.gallery = $1 AND t.person = o.person)",
                &person,
                &person,
            )
            .await?;
        }
        Ok(true)
    }

    /// Removes every template but these, and whoever answers as somebody who has none left; how many templates went.
    pub(super) async fn keep_only(
        &mut self,
        templates: &BTreeSet<TemplateId>,
    ) -> Result<u64, GalleryError> {
        let rows = sqlx::query("SELECT template FROM regard_gallery_template WHERE gallery = $1");
        let rows = rows.bind(self.gallery);
        let rows = rows
            .fetch_all(&mut *self.connection)
            .await
            .map_err(failed)?;
        let mut gone = Vec::new();
        for row in &rows {
            let bits = id(row, "template")?;
            if !templates.contains(&TemplateId::from_bits(bits)) {
                gone.push(stored(bits));
            }
        }
        if gone.is_empty() {
            return Ok(0);
        }
        let query = "DELETE FROM regard_gallery_template WHERE gallery = $1 AND template = ANY($2)";
        let done = sqlx::query(query).bind(self.gallery).bind(gone);
        let done = done.execute(&mut *self.connection).await.map_err(failed)?;
        let query = "DELETE FROM regard_gallery_person o WHERE gallery = $1 AND NOT EXISTS ( \
                 SELECT FROM regard_gallery_template t JOIN regard_gallery_person p USING (gallery, person) \
                 WHERE t.gallery = $1 AND p.root = o.root)";
        let left = sqlx::query(query).bind(self.gallery);
        left.execute(&mut *self.connection).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// Removes everybody who answers as somebody does; how many templates there were.
    pub(super) async fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        let Some(root) = self.root(person).await? else {
            return Ok(0);
        };
        let n = self.n_templates(root).await?;
        self.dissolve(root).await?;
        Ok(n)
    }

    /// Drops a group, with what is left of its templates and what is known of it.
    async fn dissolve(&mut self, root: PersonId) -> Result<(), GalleryError> {
        let root = stored(root.as_bits());
        self.change(
            "DELETE FROM regard_gallery_person WHERE gallery = $1 AND root = $2 AND $3::bytea IS NOT NULL",
            &root,
            &[],
        )
        .await?;
        Ok(())
    }

    pub(super) async fn merge(
        &mut self,
        from: PersonId,
        into: PersonId,
    ) -> Result<Merge, GalleryError> {
        let (from, into) = (self.known(from).await?, self.known(into).await?);
        if from == into {
            return Err(GalleryError::NoSuchMerge);
        }
        if self.n_templates(from).await? + self.n_templates(into).await? > MAX_TEMPLATES_PER_PERSON
        {
            return Err(GalleryError::TooManyTemplates);
        }
        let (a, b) = (stored(from.as_bits()), stored(into.as_bits()));
        let told = self
            .count(
                "SELECT count(*) FROM regard_gallery_strangers s \
                 JOIN regard_gallery_person x ON x.gallery = s.gallery AND x.person = s.a \
                 JOIN regard_gallery_person y ON y.gallery = s.gallery AND y.person = s.b \
                 WHERE s.gallery = $1 AND ((x.root = $2 AND y.root = $3) OR (x.root = $3 AND y.root = $2))",
                &a,
                &b,
            )
            .await?;
        let pictured = self
            .count(
                "SELECT count(*) FROM regard_gallery_template t JOIN regard_gallery_person p USING (gallery, person) \
                 JOIN regard_gallery_template u ON u.gallery = t.gallery AND u.picture = t.picture \
                 JOIN regard_gallery_person q ON q.gallery = u.gallery AND q.person = u.person \
                 WHERE t.gallery = $1 AND p.root = $2 AND q.root = $3",
                &a,
                &b,
            )
            .await?;
        if told + pictured > 0 {
            return Err(GalleryError::CannotLink);
        }
        self.change(
            "UPDATE regard_gallery_person SET root = $3, parent = CASE WHEN person = $2 THEN $3 ELSE parent END \
             WHERE gallery = $1 AND root = $2",
            &a,
            &b,
        )
        .await?;
        Ok(Merge { from, into })
    }

    pub(super) async fn undo_merge(&mut self, merge: Merge) -> Result<(), GalleryError> {
        let (from, into) = (stored(merge.from.as_bits()), stored(merge.into.as_bits()));
        let n = self
            .change(
                "UPDATE regard_gallery_person SET parent = NULL WHERE gallery = $1 AND person = $2 AND parent = $3",
                &from,
                &into,
            )
            .await?;
        if n == 0 {
            return Err(GalleryError::NoSuchMerge);
        }
        self.change(
            "WITH RECURSIVE below AS ( \
                 SELECT person FROM regard_gallery_person WHERE gallery = $1 AND person = $2 \
                 UNION ALL \
                 SELECT c.person FROM regard_gallery_person c JOIN below ON c.parent = below.person WHERE c.gallery = $1) \
             UPDATE regard_gallery_person SET root = $3 WHERE gallery = $1 AND person IN (SELECT person FROM below)",
            &from,
            &from,
        )
        .await?;
        let into = self.root(merge.into).await?.ok_or_else(damaged)?;
        for root in [merge.from, into] {
            if self.n_templates(root).await? == 0 {
                self.dissolve(root).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn forbid_link(
        &mut self,
        a: PersonId,
        b: PersonId,
    ) -> Result<(), GalleryError> {
        if self.known(a).await? == self.known(b).await? {
            return Err(GalleryError::NoSuchMerge);
        }
        self.change(
            "INSERT INTO regard_gallery_strangers (gallery, a, b) VALUES ($1, least($2, $3), greatest($2, $3)) \
             ON CONFLICT DO NOTHING",
            &stored(a.as_bits()),
            &stored(b.as_bits()),
        )
        .await?;
        Ok(())
    }

    pub(super) async fn set_frozen(
        &mut self,
        person: PersonId,
        is_frozen: bool,
    ) -> Result<(), GalleryError> {
        let root = stored(self.known(person).await?.as_bits());
        let query =
            "UPDATE regard_gallery_person SET is_frozen = $3 WHERE gallery = $1 AND root = $2";
        let done = sqlx::query(query)
            .bind(self.gallery)
            .bind(root)
            .bind(is_frozen);
        done.execute(&mut *self.connection).await.map_err(failed)?;
        Ok(())
    }
}
