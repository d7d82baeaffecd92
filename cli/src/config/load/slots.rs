//! How screens are parted into slots, and what policies see: the facts and the slots that are features.

use regard_decision::{BadContextSpec, ContextSpec};
use regard_engine::BadLayout;

use super::super::document::Mistake;
use super::super::form::SiteFile;
use super::super::path::Path;
use super::Check;

impl Check<'_, '_> {
    /// The slots of each screen lie on its glass, and none over another.
    pub(super) fn layouts(&self, form: &SiteFile, mistakes: &mut Vec<Mistake>) {
        for (i, screen) in form.screens.iter().enumerate() {
            let Some(Err(faults)) = screen.layout() else {
                continue;
            };
            let array = format!("screen[{i}].slot");
            let written = self.reading.path_in_document(&Path::parse(&array));
            if !self.reading.is_as_written(&written) {
                continue; // Of what was mended by us nothing can be said.
            }
            for fault in faults {
                let place = match (&fault, fault.place()) {
                    (BadLayout::Twice { .. }, Some(place)) => format!("{array}[{place}].id"),
                    (_, Some(place)) => format!("{array}[{place}]"),
                    (_, None) => array.clone(),
                };
                self.tell(mistakes, &place, fault.to_string());
            }
        }
    }

    /// Whether every slot has the id its author meant.
    pub(super) fn are_slots_as_written(&self, form: &SiteFile) -> bool {
        let mut screens = form.screens.iter().enumerate();
        screens.all(|(i, screen)| {
            let array = Path::parse(&format!("screen[{i}].slot"));
            let array = self.reading.path_in_document(&array);
            self.reading.has_all_ids(&array, screen.slots.len())
        })
    }

    /// What policies see.
    pub(super) fn context(&self, form: &SiteFile, mistakes: &mut Vec<Mistake>) -> ContextSpec {
        let features = &form.engine.features;
        let slots = form.slot_ids().into_iter().cloned().collect();
        let spec = ContextSpec::new(features.clone()).and_then(|facts| facts.with_slots(slots));
        spec.unwrap_or_else(|error| {
            let place = |found: Option<usize>, field: &str| {
                found.map(|i| format!("engine.features[{i}].{field}"))
            };
            let first = |name: &str| features.iter().position(|f| f.name == name);
            let culprit = match &error {
                BadContextSpec::TooMany(_) => None,
                BadContextSpec::TooManySlots(_) => Some("screen".to_owned()),
                // Of two with the same name the second is one too many.
                BadContextSpec::Name(name) => {
                    place(features.iter().rposition(|f| f.name == *name), "name")
                }
                BadContextSpec::Sensitive { name, .. } | BadContextSpec::Weakness(name) => {
                    place(first(name), "name")
                }
                BadContextSpec::Range(name) => place(first(name), "max"),
            };
            let path = culprit.unwrap_or_else(|| "engine.features".to_owned());
            self.tell(mistakes, &path, error.to_string());
            ContextSpec::default()
        })
    }
}
