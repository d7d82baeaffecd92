//! The campaigns of a site, from `regard.toml` itself and from the files it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};

use regard_decision::{Campaign, Creative, validate};
use regard_domain::{CreativeId, ScreenId, SlotId};

use super::asset::{Asset, asset_of};
use super::document::{Document, Mistake, read_text};
use super::form::CampaignFile;
use super::hint::{closest, did_you_mean};
use super::path::{Path, Step};
use super::reader::{Reading, read};

/// One text with campaigns in it.
struct Part<'t> {
    document: Document<'t>,
    reading: Reading<CampaignFile>,
    /// Whether the text itself is without mistakes of syntax.
    is_whole: bool,
}

/// All campaigns, one after the other, and what is wrong with them.
#[derive(Default)]
pub(super) struct Campaigns {
    /// The campaigns; their assets are named as in the asset folder.
    pub(super) campaigns: Vec<Campaign>,
    /// The files they show.
    pub(super) assets: Vec<Asset>,
    /// The mistakes.
    pub(super) mistakes: Vec<Mistake>,
}

/// What the rest of the configuration tells about the campaigns.
pub(super) struct Surroundings<'s> {
    /// The screens there are; nothing when that is not known.
    pub(super) screens: Option<BTreeSet<&'s ScreenId>>,
    /// The slots there are, on any screen; nothing when that is not known.
    pub(super) slots: Option<BTreeSet<&'s SlotId>>,
    /// Campaigns of `regard.toml` itself.
    pub(super) inline: &'s [Campaign],
    /// The message when no campaign has one.
    pub(super) default_message: &'s Creative,
}

/// The files that patterns name (each with where it stands), in the order of the patterns, then by name, each once.
pub(super) fn files(
    document: &Document<'_>,
    patterns: &[(Path, &str)],
    mistakes: &mut Vec<Mistake>,
) -> Vec<PathBuf> {
    let folder = document.file().parent().unwrap_or(FilePath::new(""));
    let mut files = Vec::new();
    for (path, pattern) in patterns {
        let escaped = glob::Pattern::escape(&folder.to_string_lossy());
        let full = FilePath::new(&escaped).join(pattern);
        let found = match glob::glob(&full.to_string_lossy()) {
            Ok(found) => found.filter_map(Result::ok),
            Err(error) => {
                let message = format!("expected a path, perhaps with * in it; {}", error.msg);
                mistakes.push(document.mistake(path, message));
                continue;
            }
        };
        let before = files.len();
        let mut is_known = false;
        for file in found {
            if files.contains(&file) {
                is_known = true;
            } else {
                files.push(file);
            }
        }
        if files.len() == before && !is_known && !pattern.contains(['*', '?', '[']) {
            let message = format!(
                "expected a file, found nothing at {}",
                folder.join(pattern).display()
            );
            mistakes.push(document.mistake(path, message));
        }
    }
    files
}

/// Reads the campaign files and checks all campaigns together.
pub(super) fn gather(
    site: &Document<'_>,
    is_as_written: &dyn Fn(&Path) -> bool,
    path_in_site: &dyn Fn(&Path) -> Path,
    files: &[PathBuf],
    surroundings: &Surroundings<'_>,
) -> Campaigns {
    let mut found = Campaigns::default();
    let mut texts = Vec::new();
    for file in files {
        match read_text(file) {
            Ok(text) => texts.push((file, text)),
            Err(message) => found.mistakes.push(Mistake {
                file: file.clone(),
                line: 1,
                column: 1,
                path: String::new(),
                message,
            }),
        }
    }
    let mut origins: Vec<(Option<usize>, Path)> = Vec::new();
    for (i, campaign) in surroundings.inline.iter().enumerate() {
        origins.push((None, Path::ROOT.key("campaign").index(i)));
        found.campaigns.push(campaign.clone());
    }
    let mut parts = Vec::new();
    for (file, text) in &texts {
        let before = found.mistakes.len();
        let document = Document::parse(file, text, &mut found.mistakes);
        let is_whole = found.mistakes.len() == before;
        let mut reading: Reading<CampaignFile> = read(&document);
        if is_whole {
            found.mistakes.append(&mut reading.mistakes);
        }
        let campaigns = reading.value.take().unwrap_or_default().campaigns;
        let path = Path::ROOT.key("campaign");
        origins.extend((0..campaigns.len()).map(|i| (Some(parts.len()), path.index(i))));
        found.campaigns.extend(campaigns);
        parts.push(Part {
            document,
            reading,
            is_whole,
        });
    }
    let sources = Sources {
        site,
        is_as_written,
        path_in_site,
        parts: &parts,
        origins: &origins,
    };
    sources.assets(&mut found);
    sources.screens(&mut found, surroundings.screens.as_ref());
    sources.slots(&mut found, surroundings.slots.as_ref());
    sources.faults(&mut found, surroundings.default_message);
    found
}

/// Where each campaign came from.
struct Sources<'s, 't> {
    site: &'s Document<'t>,
    is_as_written: &'s dyn Fn(&Path) -> bool,
    path_in_site: &'s dyn Fn(&Path) -> Path,
    parts: &'s [Part<'t>],
    /// For each campaign its part (none: `regard.toml`) and its path in what was read there.
    origins: &'s [(Option<usize>, Path)],
}

impl Sources<'_, '_> {
    /// A mistake at a path inside a campaign; nothing where the author's own words were mended.
    fn mistake(&self, campaign: usize, inside: &[Step], message: String) -> Option<Mistake> {
        let (part, path) = &self.origins[campaign];
        let path = inside
            .iter()
            .fold(path.clone(), |path, step| path.step(step.clone()));
        match part.map(|i| &self.parts[i]) {
            None => {
                let path = (self.path_in_site)(&path);
                (self.is_as_written)(&path).then(|| self.site.mistake(&path, message))
            }
            Some(part) => {
                let path = part.reading.path_in_document(&path);
                let is_told = part.is_whole && part.reading.is_all_as_written(&path);
                is_told.then(|| part.document.mistake(&path, message))
            }
        }
    }

    fn folder(&self, campaign: usize) -> &FilePath {
        let document = match self.origins[campaign].0 {
            Some(part) => &self.parts[part].document,
            None => self.site,
        };
        document.file().parent().unwrap_or(FilePath::new(""))
    }

    /// Finds the files that messages name, and names them as they will be in the asset folder.
    fn assets(&self, found: &mut Campaigns) {
        let mut assets = BTreeMap::new();
        for (i, campaign) in found.campaigns.iter_mut().enumerate() {
            for (j, creative) in campaign.creatives.iter_mut().enumerate() {
                let Some((kind, named)) = asset_of(creative) else {
                    continue;
                };
                match Asset::find(self.folder(i), named, kind) {
                    Ok(asset) => {
                        named.clone_from(&asset.name);
                        assets.insert(asset.name.clone(), asset);
                    }
                    Err(message) => {
                        "missing".clone_into(named);
                        let inside = Path::parse(&format!("creative[{j}].content.asset"));
                        found
                            .mistakes
                            .extend(self.mistake(i, inside.steps(), message));
                    }
                }
            }
        }
        found.assets.extend(assets.into_values());
    }

    /// Checks that the screens campaigns name are there.
    fn screens(&self, found: &mut Campaigns, screens: Option<&BTreeSet<&ScreenId>>) {
        let Some(screens) = screens else { return };
        for (i, campaign) in found.campaigns.iter().enumerate() {
            for screen in campaign
                .screens
                .iter()
                .filter(|screen| !screens.contains(screen))
            {
                let known = screens.iter().map(|id| id.as_str());
                let hint = did_you_mean(closest(screen.as_str(), known));
                let message = format!("expected the id of a [[screen]], found \"{screen}\"{hint}");
                let inside = Path::parse("screens");
                found
                    .mistakes
                    .extend(self.mistake(i, inside.steps(), message));
            }
        }
    }

    /// Checks that the slots campaigns name are there.
    fn slots(&self, found: &mut Campaigns, slots: Option<&BTreeSet<&SlotId>>) {
        let Some(slots) = slots else { return };
        for (i, campaign) in found.campaigns.iter().enumerate() {
            for slot in campaign.slots.iter().filter(|slot| !slots.contains(slot)) {
                let known = slots.iter().map(|id| id.as_str());
                let hint = did_you_mean(closest(slot.as_str(), known));
                let message =
                    format!("expected the id of a [[screen.slot]], found \"{slot}\"{hint}");
                let inside = Path::parse("slots");
                found
                    .mistakes
                    .extend(self.mistake(i, inside.steps(), message));
            }
        }
    }

    /// What the campaigns say that cannot be, or may not.
    fn faults(&self, found: &mut Campaigns, default_message: &Creative) {
        for fault in validate(&found.campaigns, default_message) {
            let code = fault
                .kind
                .code()
                .map(|code| format!("{code}: "))
                .unwrap_or_default();
            let hint = &fault.suggestion;
            let message = format!(
                "{code}expected {}, found {}; {hint}",
                fault.expected, fault.found
            );
            let path = Path::parse(&fault.path);
            match path.steps() {
                [Step::Key(key), Step::Index(campaign), inside @ ..] if key == "campaign" => {
                    found
                        .mistakes
                        .extend(self.mistake(*campaign, inside, message));
                }
                _ if (self.is_as_written)(&path) => {
                    found.mistakes.push(self.site.mistake(&path, message));
                }
                _ => {}
            }
        }
    }
}

/// What is shown when the owner gave no default message: the name of the site.
pub(super) fn plain_message(name: &str) -> Creative {
    let id = CreativeId::new("default").expect("this text is an id");
    Creative::text(id, name, "")
}
