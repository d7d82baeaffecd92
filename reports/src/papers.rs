//! The papers that the law asks for, drafted from facts about an installation.
//!
//! Engineering readings of the law, not legal advice: each paper says so, and marks what only a person can say.

mod assessment;
mod breach;
mod database;
mod difference;
mod draft;
mod facts;
mod instructions;
mod networks;
mod page;
mod paper;
mod record;
mod rights;
mod risk_file;
mod risks;
mod technical;
mod transparency;
mod words;

use std::collections::BTreeMap;

use regard_commitments::{Digest, PaperKind, PromiseFault};

use self::draft::Draft;

pub use self::breach::{BREACH_PERIOD, BreachFacts, BreachNature};
pub use self::difference::PaperChange;
pub use self::facts::{
    CameraFact, CampaignFact, Facts, GuardFact, Happens, Look, Measurement, ModelFact, ScreenFact,
    ServiceFact,
};
pub use self::paper::{Item, LegalPaper, PAPERS_FORMAT, Papers, Point, Question, Source, Standing};

impl Papers {
    /// The papers about a configuration, with what people answered to their questions.
    ///
    /// # Errors
    /// Where the commitments do not fit their profile.
    pub fn of(facts: &Facts, answers: &BTreeMap<String, String>) -> Result<Self, PromiseFault> {
        let draft = Draft::new(facts)?;
        let papers = PaperKind::ALL
            .iter()
            .filter_map(|kind| paper(*kind, &draft))
            .collect();
        Ok(Self::answered(facts, papers, answers))
    }

    /// The report of a breach.
    ///
    /// # Errors
    /// Where the commitments do not fit their profile.
    pub fn of_breach(
        facts: &Facts,
        breach: &BreachFacts,
        answers: &BTreeMap<String, String>,
    ) -> Result<Self, PromiseFault> {
        let draft = Draft::new(facts)?;
        let paper = breach::breach(&draft, breach);
        Ok(Self::answered(facts, vec![paper], answers))
    }

    fn answered(
        facts: &Facts,
        mut papers: Vec<LegalPaper>,
        answers: &BTreeMap<String, String>,
    ) -> Self {
        for paper in &mut papers {
            paper.answer(answers);
        }
        Self {
            format: PAPERS_FORMAT.to_owned(),
            site: facts.promise.document().site.name.clone(),
            made_on: facts.made_on,
            program: facts.program.clone(),
            version: facts.promise.document().version,
            commitments: facts.promise.digest(),
            papers,
        }
    }

    /// The hash of the facts of each paper.
    pub fn digests(&self) -> BTreeMap<PaperKind, Digest> {
        let papers = self.papers.iter();
        papers.map(|paper| (paper.id, paper.digest)).collect()
    }

    /// What an impact assessment of this configuration is signed for; nothing where there is none among the papers.
    pub fn assessed(&self) -> Option<Digest> {
        self.paper(PaperKind::ImpactAssessment)
            .map(LegalPaper::assessed)
    }
}

/// The paper of that kind, if it is about a configuration.
fn paper(kind: PaperKind, draft: &Draft<'_>) -> Option<LegalPaper> {
    let make: fn(&Draft<'_>) -> LegalPaper = match kind {
        PaperKind::Record => record::record,
        PaperKind::ImpactAssessment => assessment::assessment,
        PaperKind::TransparencyNotice => transparency::transparency,
        PaperKind::RiskFile => risk_file::risk_file,
        PaperKind::TechnicalDocumentation => technical::technical,
        PaperKind::Instructions => instructions::instructions,
        PaperKind::RightsAssessment => rights::rights,
        PaperKind::DatabaseEntry => database::database,
        PaperKind::BreachReport => return None,
    };
    Some(make(draft))
}

#[cfg(test)]
mod tests;
