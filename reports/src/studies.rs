//! A study as a page that loads nothing, and as an accessible paper.

mod chart;
mod page;
mod paper;
mod words;

use regard_commitments::MovementSums;
use regard_domain::CreativeId;
use regard_evaluation::{Band, MovementRefusals, StudyResult};

/// A study, to be written out.
#[derive(Clone, Copy, Debug)]
pub struct StudyPaper<'a> {
    /// Name of the site.
    pub site: &'a str,
    /// What was attended to, shown and said.
    pub result: &'a StudyResult,
    /// Movements of a fraction of a second, where the study wanted them and enough participants gave some.
    pub movements: Option<&'a MovementSums<Vec<(CreativeId, Band)>>>,
    /// Participants of whom they were not looked for, or not throughout.
    pub refused_movements: &'a MovementRefusals,
}

impl StudyPaper<'_> {
    fn movements_of(&self, creative: &CreativeId) -> Option<&Band> {
        let sums = self.movements?.for_report();
        let found = sums.iter().find(|(id, _)| id == creative);
        found
            .map(|(_, band)| band)
            .filter(|band| !band.0.is_empty())
    }
}

#[cfg(test)]
mod tests;
