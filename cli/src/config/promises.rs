//! The commitments file: its form, its content, and what its profile allows.

use std::path::Path as FilePath;

use regard_commitments::{Commitments, DataKind, Profile, StaffRule};

use super::document::{Document, Mistake, read_text};
use super::form::SiteFile;
use super::hint::{closest, did_you_mean, one_of};
use super::path::Path;
use super::reader::{Reading, read};

/// Reads the commitments. Nothing when they cannot be read; mistakes either way.
pub(super) fn commitments(
    site: &Document<'_>,
    file: &FilePath,
    form: Option<&SiteFile>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Commitments> {
    let text = match read_text(file) {
        Ok(text) => text,
        Err(said) => {
            let hint = "`regard init` writes one to fill in";
            let message = format!("{}: {said}; {hint}", file.display());
            mistakes.push(site.mistake(&Path::parse("commitments"), message));
            return None;
        }
    };
    let before = mistakes.len();
    let document = Document::parse(file, &text, mistakes);
    if mistakes.len() > before {
        return None;
    }
    let mut reading: Reading<Commitments> = read(&document);
    mistakes.append(&mut reading.mistakes);
    if mistakes.len() > before {
        return None;
    }
    let commitments = reading.value?;
    check_profile(&document, &commitments, mistakes);
    if let Some(form) = form {
        check_zones(&document, &commitments, form, mistakes);
    }
    // The form is right by now: what is left are rules about the content.
    match Commitments::parse(&text) {
        Ok(commitments) => Some(commitments),
        Err(error) => {
            mistakes.extend(error.mistakes.into_iter().map(|mistake| Mistake {
                file: file.to_owned(),
                line: mistake.line,
                column: mistake.column,
                path: String::new(),
                message: mistake.message,
            }));
            None
        }
    }
}

/// What the engine would refuse to start with.
fn check_profile(document: &Document<'_>, commitments: &Commitments, mistakes: &mut Vec<Mistake>) {
    let name = commitments.profile.as_str();
    let Ok(profile) = Profile::named(name) else {
        let known = Profile::names();
        let hint = did_you_mean(closest(name, known.iter().copied()));
        let message = format!("expected {}, found {name:?}{hint}", one_of(&known));
        mistakes.push(document.mistake(&Path::parse("profile"), message));
        return;
    };
    let retention = Path::parse("retention");
    for (kind, period) in &commitments.retention {
        let path = retention.key(kind.as_str());
        match profile.max_retention(*kind) {
            Some(most) if *period <= most => {}
            Some(most) => {
                let message =
                    format!("expected at most \"{most}\" under profile {name}, found \"{period}\"");
                mistakes.push(document.mistake(&path, message));
            }
            None => {
                let message = format!("profile {name} keeps none of this; remove the line");
                mistakes.push(document.mistake(&path, message));
            }
        }
    }
    if !commitments.retention.contains_key(&DataKind::Credential) {
        let message = "\"credential\" is missing: the hash of the admin token is kept so long, \
                       for example \"365 days\"";
        mistakes.push(document.mistake(&retention, message.to_owned()));
    }
}

/// Staff zones belong to cameras.
fn check_zones(
    document: &Document<'_>,
    commitments: &Commitments,
    form: &SiteFile,
    mistakes: &mut Vec<Mistake>,
) {
    let StaffRule::Zones { zones } = &commitments.declarations.staff else {
        return;
    };
    let cameras = form.camera_ids();
    for (i, zone) in zones
        .iter()
        .enumerate()
        .filter(|(_, zone)| !cameras.contains(&zone.camera))
    {
        let hint = did_you_mean(closest(
            zone.camera.as_str(),
            cameras.iter().map(|id| id.as_str()),
        ));
        let message = format!(
            "expected the id of a [[camera]], found \"{}\"{hint}",
            zone.camera
        );
        let path = Path::parse(&format!("declarations.staff.zones[{i}].camera"));
        mistakes.push(document.mistake(&path, message));
    }
}
