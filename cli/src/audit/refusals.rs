//! What the gates of this program answer where they must refuse, and how often they did so here.

use std::collections::BTreeMap;
use std::convert::Infallible;

use anyhow::{Context, Result};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use regard_backends::{MemoryStore, Store as _};
use regard_commitments::{
    AskedRefusal, Commitments, Detail, EntryBody, Epsilon, Evidence, Noise, NoiseQuery, Profile,
    RefusalCode, Release, RetentionGate, SiteKeys, Spending, Zeroizing, drill,
};
use regard_decision::{Creative, validate};
use regard_domain::{CreativeId, Timestamp};
use regard_engine::random_key;
use regard_inference::Catalog;
use serde_json::json;

/// What was answered to the case of each refusal.
type Answers = BTreeMap<RefusalCode, Option<RefusalCode>>;

/// How often each refusal stands in the ledger.
#[derive(Default)]
pub(super) struct ToldRefusals(BTreeMap<RefusalCode, u64>);

impl ToldRefusals {
    /// The next entry.
    pub(super) fn hear(&mut self, body: &EntryBody) {
        match body {
            EntryBody::Refused { code, .. } | EntryBody::Revoked { code, .. } => {
                self.count(*code, 1);
            }
            EntryBody::RecognitionRefused { code, n_untold, .. }
            | EntryBody::PersonalizationRefused { code, n_untold }
            | EntryBody::StudyRefused { code, n_untold } => self.count(*code, 1 + n_untold),
            EntryBody::Granted { withheld, .. } => {
                for code in withheld.values() {
                    self.count(*code, 1);
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, code: RefusalCode, n: u64) {
        *self.0.entry(code).or_default() += n;
    }
}

/// Asks every gate for what it must refuse.
///
/// # Errors
/// When a case could not be put.
pub(super) async fn look(told: &ToldRefusals) -> Result<Evidence> {
    let seed = random_key().context("the system gives no random bytes")?;
    let mut answers: Answers = drill(&mut StdRng::from_seed(seed));
    answers.extend(messages()?);
    answers.insert(RefusalCode::LicenceUnknown, licence()?);
    answers.insert(RefusalCode::PrivacyBudgetSpent, budget().await?);
    Ok(evidence(&answers, told))
}

fn evidence(answers: &Answers, told: &ToldRefusals) -> Evidence {
    let asked = RefusalCode::ALL.iter().map(|code| AskedRefusal {
        code: *code,
        answered: answers.get(code).copied().flatten(),
        n_told: told.0.get(code).copied().unwrap_or(0),
    });
    Evidence::Refusals {
        asked: asked.collect(),
    }
}

/// Messages that no campaign may have.
fn messages() -> Result<Answers> {
    let good = Creative::text(CreativeId::new("drill")?, "drill", "");
    let about = serde_json::from_value(json!({
        "facts": [{ "name": "visitor.religion", "equals": true }]
    }))?;
    let cases = [
        (
            RefusalCode::SignificantEffect,
            Creative {
                changes_price_or_access: true,
                ..good.clone()
            },
        ),
        (
            RefusalCode::VulnerabilityTargeting,
            Creative {
                min_show_millis: 20,
                ..good.clone()
            },
        ),
        (
            RefusalCode::SensitiveInference,
            Creative {
                when: about,
                ..good
            },
        ),
    ];
    let answer = |message: &Creative| {
        let faults = validate(&[], message);
        let mut codes = faults.iter().filter_map(|fault| fault.kind.code());
        codes.find_map(|code| serde_json::from_value(json!(code)).ok())
    };
    Ok(cases
        .iter()
        .map(|(code, message)| (*code, answer(message)))
        .collect())
}

/// A model of whose licence nothing is recorded.
fn licence() -> Result<Option<RefusalCode>> {
    let catalog = Catalog::open(None).context("the models cannot be listed")?;
    let mut entry = catalog
        .entries()
        .next()
        .context("the program has no model")?
        .clone();
    entry.licence = None;
    let refused = entry.check_licence().err();
    Ok(refused.and_then(|error| serde_json::from_value(json!(error.code())).ok()))
}

/// No noise: nothing is told of anybody here.
struct Nobody;

impl Noise for Nobody {
    type Error = Infallible;

    fn add(&self, queries: &[NoiseQuery], _: Epsilon) -> Result<Vec<Vec<i64>>, Infallible> {
        Ok(vec![Vec::new(); queries.len()])
    }
}

/// A second release of a day whose budget the first has spent.
async fn budget() -> Result<Option<RefusalCode>> {
    let key = SiteKeys::from_seed(Zeroizing::new([0x5a; 32])).commitments_key();
    let promise = Commitments::demo()
        .sign(&key)
        .verify(&key.verifying_key())?;
    let profile = Profile::named(&promise.document().profile)?;
    let gate = RetentionGate::new(&promise, &profile)?;
    let (day, at) = (
        "2026-06-01".parse()?,
        Timestamp::from_millis(1_780_315_200_000),
    );
    let store = MemoryStore::new(4);
    let granted = Detail::Day.cost();
    for detail in [Detail::Day, Detail::Hours] {
        let Ok(release) = Release::make((day, detail), at, &[], &Nobody);
        let Some(kept) = gate.keep(release, at).granted() else {
            return Ok(None);
        };
        if let Spending::Exceeds(spent) = store.put_release(&kept, granted).await? {
            return Ok(Some(detail.refusal(day, spent, granted).code));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use regard_commitments::{CheckState, RecognitionKind};

    use super::*;
    use crate::work::block_on;

    #[test]
    fn a_gate_that_grants_is_found() {
        let mut told = ToldRefusals::default();
        told.hear(&EntryBody::RecognitionRefused {
            recognition: RecognitionKind::Verify,
            code: RefusalCode::LivenessFailed,
            number: None,
            n_untold: 2,
        });
        let good = block_on(look(&told)).unwrap();
        assert_eq!(good.state(), CheckState::Pass, "{good:?}");
        let Evidence::Refusals { asked } = good else {
            panic!("another kind");
        };
        assert_eq!(asked.len(), RefusalCode::ALL.len());
        let n_told: u64 = asked.iter().map(|one| one.n_told).sum();
        assert_eq!(n_told, 3);
        let answers: Answers = asked.iter().map(|one| (one.code, one.answered)).collect();
        for code in RefusalCode::ALL {
            let mut answers = answers.clone();
            answers.insert(*code, None);
            let granted = evidence(&answers, &told);
            assert_eq!(granted.state(), CheckState::Fail, "{code}");
            let other = if *code == RefusalCode::ActMissing {
                RefusalCode::ConsentMissing
            } else {
                RefusalCode::ActMissing
            };
            answers.insert(*code, Some(other));
            assert_eq!(
                evidence(&answers, &told).state(),
                CheckState::Fail,
                "{code}"
            );
        }
    }
}
