//! What decisions may know of somebody who agreed to it: what they said they prefer, how often they came, and what they took up.

use std::collections::BTreeMap;

use regard_backends::SealedRow;
use regard_commitments::{Answer, ConsentPurpose, DataKey, KeySlot, LiveConsent, Zeroizing};
use regard_decision::{FactValue, Facts, TOOK_PREFIX as TOOK};
use regard_domain::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acts::PREFERENCES_KIND;
use super::faces::read_row;
use super::{Authenticated, Custodian, CustodyError};
use crate::conductor::Taken;

const PURPOSE: ConsentPurpose = ConsentPurpose::Personalize;

/// Kind of what is kept of somebody's visits.
pub(super) const HISTORY_KIND: &str = "history";

/// Name of the wish that says how often somebody came.
const VISITS: &str = "visits";

/// Messages whose taking up is counted for one person. When full, those that are counted go on and no further one is: the lid of
/// what a context holds of a person is not far.
const MAX_TAKEN: usize = 50;

/// What is kept of somebody's visits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct History {
    /// How often they were recognised and welcomed.
    visits: u32,
    /// How often they took up what they were shown, by message.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    took: BTreeMap<String, u32>,
}

impl History {
    /// What is left without one wish; nothing where it was not there.
    fn without(mut self, wish: &str) -> Option<Self> {
        match wish.strip_prefix(TOOK) {
            Some(creative) => self.took.remove(creative).map(|_| ())?,
            None if self.visits == 0 => return None,
            None => self.visits = 0,
        }
        Some(self)
    }
}

/// Where a wish comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WishSource {
    /// The person said so.
    Preferences,
    /// It was counted.
    History,
}

/// What decisions may know of somebody, and from where.
///
/// # Privacy
/// For the person, and for decisions under their grant; does not print.
#[derive(Default)]
pub struct Wishes {
    /// As conditions of messages test them, as `person.` and the name.
    pub facts: Facts,
    /// Where each comes from, in order of name.
    pub sources: Vec<(String, WishSource)>,
}

impl std::fmt::Debug for Wishes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wishes(withheld)")
    }
}

/// The value of a preference as a fact; lists and objects are none.
fn fact_of(value: &Value) -> Option<FactValue> {
    match value {
        Value::Bool(flag) => Some(FactValue::Flag(*flag)),
        Value::Number(number) => number.as_f64().map(FactValue::Number),
        Value::String(text) => Some(FactValue::Text(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Wishes {
    fn of(preferences: Option<&Value>, history: Option<History>) -> Self {
        let mut wishes = Self::default();
        let stated = preferences.and_then(Value::as_object).into_iter().flatten();
        for (name, value) in stated {
            let is_counted = name == VISITS || name.starts_with(TOOK);
            let Some(value) = fact_of(value).filter(|_| !is_counted) else {
                continue;
            };
            // What names a weakness or anything sensitive takes no part, whoever says it.
            if wishes.facts.set(name, value).is_ok() {
                wishes.sources.push((name.clone(), WishSource::Preferences));
            }
        }
        let history = history.unwrap_or_default();
        let took = history.took.into_iter();
        let took = took.map(|(creative, n)| (format!("{TOOK}{creative}"), n));
        let visits = (history.visits > 0).then(|| (VISITS.to_owned(), history.visits));
        for (name, n) in visits.into_iter().chain(took) {
            if wishes.facts.set(&name, FactValue::Number(n.into())).is_ok() {
                wishes.sources.push((name, WishSource::History));
            }
        }
        wishes.sources.sort();
        wishes
    }
}

impl Custodian {
    /// What decisions may know of somebody who agreed to it, where the site can open it alone.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] without a living consent to `personalise`.
    pub async fn wishes(&self, person: PersonId) -> Result<Wishes, CustodyError> {
        let opened = self.open(person).await?;
        self.personal_consent(person).await?;
        let key = self.site_held_key(&opened, PURPOSE).await?;
        self.wishes_under(person, key.as_ref()).await
    }

    /// The same for the person themselves, wherever the key is.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] without a living consent to `personalise`.
    pub async fn own_wishes(&self, who: &Authenticated) -> Result<Wishes, CustodyError> {
        let opened = self.open(who.person()).await?;
        self.personal_consent(who.person()).await?;
        let key = self.purpose_key(who, &opened, PURPOSE).await?;
        self.wishes_under(who.person(), key.as_ref()).await
    }

    async fn personal_consent(&self, person: PersonId) -> Result<LiveConsent, CustodyError> {
        match self.ask(person, PURPOSE).await? {
            Answer::Granted(consent) => Ok(consent),
            Answer::Refused(refusal) => Err(CustodyError::Refused(refusal)),
        }
    }

    async fn wishes_under(
        &self,
        person: PersonId,
        key: Option<&DataKey>,
    ) -> Result<Wishes, CustodyError> {
        let Some(key) = key else {
            return Ok(Wishes::default());
        };
        let preferences = self.personal_row::<Value>(person, PREFERENCES_KIND, key);
        let preferences = preferences.await?;
        let history = self.personal_row(person, HISTORY_KIND, key).await?;
        Ok(Wishes::of(preferences.as_ref(), history))
    }

    async fn personal_row<T: serde::de::DeserializeOwned>(
        &self,
        person: PersonId,
        kind: &str,
        key: &DataKey,
    ) -> Result<Option<T>, CustodyError> {
        let rows = self.store.sealed_of(person).await?;
        let row = rows.iter().find(|row: &&SealedRow| row.kind == kind);
        row.map(|row| read_row(key, row)).transpose()
    }

    /// Counts that somebody was welcomed, where they agreed to be known and the site can open what it keeps of that.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] without a living consent to `personalise`.
    pub async fn count_visit(&self, person: PersonId) -> Result<(), CustodyError> {
        let visited = |history: &mut History| history.visits = history.visits.saturating_add(1);
        self.change_history(person, visited).await
    }

    /// The same for what somebody took up of what they were shown.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] without a living consent to `personalise`.
    pub(crate) async fn count_taken(&self, taken: &Taken) -> Result<(), CustodyError> {
        let creative = taken.creative.to_string();
        let took = |history: &mut History| {
            let is_full = history.took.len() >= MAX_TAKEN;
            if !is_full || history.took.contains_key(&creative) {
                let n = history.took.entry(creative).or_default();
                *n = n.saturating_add(1);
            }
        };
        self.change_history(taken.person, took).await
    }

    async fn change_history(
        &self,
        person: PersonId,
        change: impl FnOnce(&mut History),
    ) -> Result<(), CustodyError> {
        let _order = self.changing.lock().await;
        let opened = self.open(person).await?;
        let consent = self.personal_consent(person).await?;
        let Some(key) = self.site_held_key(&opened, PURPOSE).await? else {
            return Ok(());
        };
        let row = self.personal_row(person, HISTORY_KIND, &key).await?;
        let mut history: History = row.unwrap_or_default();
        change(&mut history);
        self.put_history((person, &key), &history, consent.until())
            .await
    }

    async fn put_history(
        &self,
        (person, key): (PersonId, &DataKey),
        history: &History,
        until: Timestamp,
    ) -> Result<(), CustodyError> {
        let text = Zeroizing::new(serde_json::to_vec(history).map_err(|_| CustodyError::Damaged)?);
        let slot = (person, KeySlot::Purpose(PURPOSE));
        let row = self.sealed(key, slot, (HISTORY_KIND, ""), &text)?;
        // Nothing that hangs on a consent outlives it.
        let kept = self.retention.keep(row, self.now()).into_result()?;
        self.store.put_sealed(&[kept.no_later_than(until)]).await?;
        Ok(())
    }

    /// Forgets one thing that decisions know of somebody, said or counted; whether it was known.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] without a living consent to `personalise`.
    pub async fn forget_wish(&self, who: &Authenticated, name: &str) -> Result<bool, CustodyError> {
        let person = who.person();
        if name == VISITS || name.starts_with(TOOK) {
            return self.forget_counted(who, name).await;
        }
        let opened = self.open(person).await?;
        let Some(key) = self.purpose_key(who, &opened, PURPOSE).await? else {
            return Ok(false);
        };
        let stated = self.personal_row::<Value>(person, PREFERENCES_KIND, &key);
        let Some(Value::Object(mut stated)) = stated.await? else {
            return Ok(false);
        };
        if stated.remove(name).is_none() {
            return Ok(false);
        }
        self.correct(who, &Value::Object(stated)).await?;
        Ok(true)
    }

    /// Forgets one thing that was counted, also in a record that is frozen; whether it was.
    async fn forget_counted(&self, who: &Authenticated, name: &str) -> Result<bool, CustodyError> {
        let person = who.person();
        let _order = self.changing.lock().await;
        let opened = self.open(person).await?;
        let Some(key) = self.purpose_key(who, &opened, PURPOSE).await? else {
            return Ok(false);
        };
        let row: Option<History> = self.personal_row(person, HISTORY_KIND, &key).await?;
        let Some(left) = row.and_then(|history| history.without(name)) else {
            return Ok(false);
        };
        if left == History::default() {
            let gone = self.store.remove_sealed_row(person, HISTORY_KIND, "");
            return Ok(gone.await?);
        }
        let until = self.agreed_until(&opened, PURPOSE).await?;
        self.put_history((person, &key), &left, until).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_said_and_counted_takes_part_and_nothing_sensitive() {
        let stated = json!({
            "coffee": true, "sweetness": 2, "language": "nl", "religion": "any", "visits": 99,
            "list": [1], "Not A Name": true, "took.coffee": 99,
        });
        let took = BTreeMap::from([("coffee".to_owned(), 2), ("health-check".to_owned(), 1)]);
        let history = History { visits: 3, took };
        let wishes = Wishes::of(Some(&stated), Some(history.clone()));
        let names: Vec<(&str, WishSource)> = wishes
            .sources
            .iter()
            .map(|(name, source)| (name.as_str(), *source))
            .collect();
        let (said, counted) = (WishSource::Preferences, WishSource::History);
        assert_eq!(
            names,
            [
                ("coffee", said),
                ("language", said),
                ("sweetness", said),
                ("took.coffee", counted),
                ("visits", counted)
            ]
        );
        assert_eq!(wishes.facts.get("visits"), Some(&FactValue::Number(3.0)));
        assert_eq!(wishes.facts.get("religion"), None);
        assert_eq!(
            wishes.facts.get("took.coffee"),
            Some(&FactValue::Number(2.0))
        );
        let left = history.clone().without("took.coffee").unwrap();
        assert!(!left.took.contains_key("coffee") && left.visits == 3);
        assert_eq!(history.clone().without("took.tea"), None);
        let left = history.without(VISITS).unwrap();
        assert_eq!(left.visits, 0);
        assert_eq!(left.without(VISITS), None, "it is forgotten already");
        assert!(Wishes::of(Some(&json!("text")), None).sources.is_empty());
        assert!(!format!("{wishes:?}").contains("coffee"));
    }
}
