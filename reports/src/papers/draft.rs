//! What several papers say alike.

use std::collections::BTreeMap;

use regard_commitments::{
    Commitments, ConsentPurpose, Custody, DataKind, LegalBasis, Notice, PROOF_PERIOD, PromiseFault,
    RefusalCode, Role, Rule, Scope,
};

use regard_domain::ScreenId;

use super::facts::{Facts, Happens, Look, ServiceFact};
use super::paper::{Item, Source, ask, fact, facts, known, program, table};
use super::words::{self, list, plain, yes};

/// What papers are drafted from.
pub(super) struct Draft<'a> {
    pub(super) facts: &'a Facts,
    pub(super) looks: Vec<Look>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(facts: &'a Facts) -> Result<Self, PromiseFault> {
        Ok(Self {
            looks: facts.looks()?,
            facts,
        })
    }

    pub(super) fn promised(&self) -> &'a Commitments {
        self.facts.promise.document()
    }

    /// Whether an analysis happens anywhere.
    pub(super) fn happens(&self, scope: Scope) -> bool {
        let mut looks = self.looks.iter();
        looks.any(|look| look.scope == scope && look.happens.is_ever())
    }

    /// Whether what faces show is read: read strictly, emotion recognition of AI Act 3(39).
    pub(super) fn reads_expressions(&self) -> bool {
        self.happens(Scope::Expression)
    }

    pub(super) fn controller(&self) -> Vec<Item> {
        let controller = &self.promised().controller;
        vec![
            fact("controller", "Controller", &controller.name),
            fact("contact", "Contact", &controller.contact),
            ask("controller_address", "Postal address of the controller."),
        ]
    }

    pub(super) fn officer() -> Item {
        ask(
            "dpo_contact",
            "Name and contact details of the data protection officer; or why there is none (GDPR 37).",
        )
    }

    pub(super) fn purposes(&self) -> Item {
        let rows = self.promised().purposes.iter();
        table(
            Source::Configuration,
            "purposes",
            "Purposes",
            &["Purpose", "What it is"],
            rows.map(|p| vec![plain(p), words::purpose(*p).to_owned()])
                .collect(),
        )
    }

    pub(super) fn basis(&self) -> Item {
        let basis = self.promised().legal_basis;
        fact("legal_basis", "Legal basis", words::basis(basis))
    }

    pub(super) fn legitimate_interest(&self) -> Vec<Item> {
        if self.promised().legal_basis == LegalBasis::LegitimateInterest {
            vec![ask(
                "legitimate_interest",
                "Which interest is pursued, and why the interests and rights of the people in view do not override it.",
            )]
        } else {
            Vec::new()
        }
    }

    pub(super) fn consent_purposes(&self) -> Item {
        let row = |purpose: &ConsentPurpose| {
            let categories = purpose.categories().iter();
            vec![
                plain(purpose),
                purpose.meaning().to_owned(),
                purpose.legal_basis().to_owned(),
                list(categories.map(|c| words::personal_category(*c))),
            ]
        };
        table(
            Source::Configuration,
            "consent_purposes",
            "What people may agree to, each by itself",
            &["Purpose", "What it is", "Legal basis", "Data"],
            self.promised().consent_purposes.iter().map(row).collect(),
        )
    }

    pub(super) fn categories(&self) -> Item {
        let rows = self.promised().categories.iter();
        table(
            Source::Configuration,
            "categories",
            "Categories of data about the audience",
            &["Category", "What it is"],
            rows.map(|c| vec![plain(c), words::category(*c).to_owned()])
                .collect(),
        )
    }

    pub(super) fn looks(&self) -> Item {
        let row = |look: &Look| {
            let why = look.refusal.as_ref();
            vec![
                format!("{}: {}", look.camera, plain(&look.scope)),
                look.happens.as_str().to_owned(),
                why.map_or_else(String::new, |refusal| {
                    format!("{}: {} ({})", refusal.code, refusal.reason, refusal.article)
                }),
            ]
        };
        let promised = |look: &&Look| {
            look.happens != Happens::NotBuilt || self.promised().scopes.contains(look.scope)
        };
        table(
            Source::Configuration,
            "looks",
            "What is looked at, as the gate answers",
            &["Camera and analysis", "When", "Why not otherwise"],
            self.looks.iter().filter(promised).map(row).collect(),
        )
    }

    pub(super) fn cameras(&self) -> Item {
        let row = |camera: &super::CameraFact| {
            vec![
                camera.id.to_string(),
                camera.source.clone(),
                list(camera.screens.iter().map(ScreenId::as_str)),
                yes(camera.full_resolution).to_owned(),
            ]
        };
        table(
            Source::Configuration,
            "cameras",
            "Cameras",
            &[
                "Camera",
                "Source",
                "Screens that carry its notice",
                "Full resolution",
            ],
            self.facts.cameras.iter().map(row).collect(),
        )
    }

    pub(super) fn screens(&self) -> Item {
        let row = |screen: &super::ScreenFact| {
            let camera = screen.camera.as_ref();
            vec![
                screen.id.to_string(),
                camera.map_or_else(|| "none".to_owned(), ToString::to_string),
            ]
        };
        table(
            Source::Configuration,
            "screens",
            "Screens",
            &["Screen", "Camera that watches its audience"],
            self.facts.screens.iter().map(row).collect(),
        )
    }

    pub(super) fn campaigns(&self) -> Item {
        let row = |campaign: &super::CampaignFact| {
            vec![
                campaign.id.clone(),
                format!("{} among {} messages", campaign.policy, campaign.n_messages),
                list(&campaign.reacts_to),
                list(&campaign.rewards),
                if campaign.viewer_benefit.is_empty() {
                    "not said".to_owned()
                } else {
                    campaign.viewer_benefit.clone()
                },
            ]
        };
        let running = self.facts.campaigns.iter().filter(|c| c.is_enabled);
        table(
            Source::Configuration,
            "campaigns",
            "Campaigns",
            &[
                "Campaign",
                "Chooses by",
                "Reacts to",
                "Success is",
                "What viewers gain",
            ],
            running.map(row).collect(),
        )
    }

    /// What campaigns use in all: for papers that look at kinds of use, not at each campaign.
    pub(super) fn uses(&self) -> Vec<Item> {
        let running = || self.facts.campaigns.iter().filter(|c| c.is_enabled);
        let set = |of: fn(&super::CampaignFact) -> Vec<String>| {
            let all: std::collections::BTreeSet<String> = running().flat_map(of).collect();
            all.into_iter().collect::<Vec<_>>()
        };
        vec![
            facts(
                "reacts_to",
                "Messages react to",
                set(|c| c.reacts_to.iter().cloned().collect()),
            ),
            facts(
                "policies",
                "Messages are chosen by",
                set(|c| vec![c.policy.clone()]),
            ),
            facts(
                "rewards",
                "What counts as success",
                set(|c| c.rewards.iter().cloned().collect()),
            ),
            facts(
                "features",
                "Facts of the owner that policies learn from",
                self.facts.features.clone(),
            ),
        ]
    }

    pub(super) fn place(&self) -> Vec<Item> {
        let (site, declared) = (&self.promised().site, &self.promised().declarations);
        vec![
            fact("site", "Site", format!("{} ({})", site.name, site.id)),
            fact(
                "time_zone",
                "Time zone, in which hours and days of the site are meant",
                &self.facts.time_zone,
            ),
            fact("venue", "Kind of place", plain(&declared.venue)),
            self.place_audience(),
            fact("staff", "Staff", words::staff(&declared.staff)),
            fact(
                "workplace_or_education",
                "People at work or in education are looked at",
                yes(declared.is_workplace_or_education()),
            ),
            fact(
                "declared_by",
                "Declared by",
                format!("{}, {}", declared.declared_by, declared.declared_on),
            ),
        ]
    }

    pub(super) fn place_audience(&self) -> Item {
        let audience = self.promised().declarations.audience;
        fact(
            "audience",
            "Who is expected to look",
            words::audience(audience),
        )
    }

    pub(super) fn profile(&self) -> Item {
        let profile = &self.facts.profile;
        fact(
            "profile",
            "Jurisdiction profile",
            format!("{} ({})", profile.name(), profile.title()),
        )
    }

    pub(super) fn authority(&self) -> Item {
        let authority = self.facts.profile.authority();
        let name = authority.name.as_deref();
        let name = name.unwrap_or("the data protection authority of the country");
        fact(
            "authority",
            "Supervisory authority",
            format!("{name}: {}", authority.url),
        )
    }

    pub(super) fn recipients(&self) -> Item {
        let rows = self.promised().recipients.iter();
        table(
            Source::Configuration,
            "recipients",
            "Recipients beyond the controller",
            &["Recipient", "What for"],
            rows.map(|r| vec![r.name.clone(), r.purpose.clone()])
                .collect(),
        )
    }

    pub(super) fn transfers(&self) -> Vec<Item> {
        let mut items = vec![program(
            "egress",
            "What leaves the machine",
            "Connections to the cameras that the configuration names, and answers to those who come to its own address. \
             The program sends nothing elsewhere by itself.",
        )];
        if !self.promised().recipients.is_empty() {
            items.push(ask(
                "transfers",
                "Whether a recipient is outside the Union, and by which safeguard data goes there (GDPR 44-49).",
            ));
        }
        items
    }

    pub(super) fn retention(&self) -> Item {
        let promised = &self.promised().retention;
        let row = |kind: &DataKind| {
            let fixed = kind.has_fixed_period();
            let period = if fixed {
                Some(PROOF_PERIOD)
            } else {
                promised.get(kind).copied()
            };
            let most = self.facts.profile.max_retention(*kind);
            vec![
                plain(kind),
                kind.meaning().to_owned(),
                period.map_or_else(|| "not kept".to_owned(), |period| period.to_string()),
                most.map_or_else(|| "-".to_owned(), |most| most.to_string()),
            ]
        };
        table(
            Source::Configuration,
            "retention",
            "How long each kind of row is kept; a sweep removes it within two hours of its end",
            &[
                "Kind",
                "What it is",
                "Kept for",
                "Most that the profile allows",
            ],
            DataKind::ALL.iter().map(row).collect(),
        )
    }

    pub(super) fn custody(&self) -> Vec<Item> {
        let promised = self.promised();
        let mut items = vec![fact(
            "custody",
            "Templates of people who enrol would be",
            words::custody(promised.custody),
        )];
        if let Some(why) = &promised.custody_justification {
            items.push(fact(
                "custody_justification",
                "Why the site would hold them",
                why,
            ));
        }
        items
    }

    /// Whether people sign a release in writing before a face is measured: the one place where their names are kept.
    pub(super) fn keeps_releases(&self) -> bool {
        let profile = &self.facts.profile;
        let purposes = self.promised().consent_purposes.iter();
        let mut kinds = purposes.filter_map(|purpose| purpose.recognition());
        profile.needs_written_release() && kinds.any(|kind| profile.may_recognize(kind).is_ok())
    }

    /// Releases as a category of data of their own, where there are any.
    pub(super) fn signed_releases(&self) -> Vec<Item> {
        if !self.keeps_releases() {
            return Vec::new();
        }
        let said = [
            "the text that was read, its language, when it was signed and whether by the person or a guardian",
            "the name that was typed below it: the only name of a person that the site keeps",
            "sealed under the key of the person's record, told in no ledger and no receipt, kept as long as the record and gone with it",
        ];
        vec![facts(
            "signed_releases",
            "Signed releases: data about people who have their face measured",
            said.map(str::to_owned).to_vec(),
        )]
    }

    /// Where templates lie to be searched besides the sealed ones, and what services keep.
    pub(super) fn kept_elsewhere(&self) -> Vec<Item> {
        let label = "Templates of those who may be found are also searched";
        let gallery = self.facts.gallery.as_ref();
        let mut items: Vec<Item> = gallery
            .map(|place| fact("gallery", label, place))
            .into_iter()
            .collect();
        let promised = self.promised();
        let is_promised = promised
            .consent_purposes
            .contains(&ConsentPurpose::Identify);
        if is_promised && promised.custody == Custody::Controller {
            items.push(program(
                "merges",
                "Kept where a person has several records of theirs answer as one",
                "the random id of the other record and the time, sealed in the file of the one, until either ends; of a record that is known to be another person's, its random id in the file of the one, as long as that is kept; hashes of both ids in the ledger",
            ));
        }
        let services = &self.facts.services;
        if services.is_empty() {
            return items;
        }
        let row = |one: &ServiceFact| {
            let collection = one.collection.clone();
            vec![
                one.service.clone(),
                one.interface.clone(),
                collection.unwrap_or_else(|| "as its attestation names it".to_owned()),
                one.pictures.clone(),
            ]
        };
        items.push(table(
            Source::Configuration,
            "services",
            "Services that may hold and compare faces, each under an attestation of the privacy officer",
            &["Service", "Interface", "Collection", "Pictures"],
            services.iter().map(row).collect(),
        ));
        items.push(program(
            "services_data",
            "Kept of each such face",
            "a template under the collection's own secret, the name and the reference that the service gave, box and score in the \
             picture, the time, and a keyed hash of the picture; all sealed under a key of its own, until the service removes \
             it or the attestation ends; never the picture",
        ));
        items
    }

    pub(super) fn guard(&self) -> Vec<Item> {
        let guard = &self.facts.guard;
        vec![
            fact(
                "is_remote",
                "Other machines can reach it",
                yes(guard.is_remote),
            ),
            fact("encryption", "Encryption on the way", &guard.encryption),
            known(
                Source::Configuration,
                "ledger_key",
                "Checkpoints of the ledger are checked with",
                guard.ledger_key.iter().cloned().collect(),
            ),
            fact(
                "site_key",
                "Key that wraps the keys of persons",
                &guard.site_key,
            ),
            program("sandbox", "Limits of the process", &guard.sandbox),
            table(
                Source::Program,
                "roles",
                "Who may come in",
                &["Role", "What for"],
                Role::ALL
                    .iter()
                    .map(|r| vec![plain(r), r.meaning().to_owned()])
                    .collect(),
            ),
        ]
    }

    /// What people are told, in each language of the notice.
    pub(super) fn notice_texts(&self) -> Vec<Item> {
        let notice = Notice::of(&self.facts.promise, &self.facts.profile);
        let texts = notice.texts.into_iter();
        texts
            .map(|text| {
                let values = [text.title]
                    .into_iter()
                    .chain(text.lab_banner)
                    .chain(text.lines)
                    .chain([text.more]);
                Item::Fact {
                    id: format!("notice_{}", text.language.tag()),
                    label: format!("Notice on the screen ({})", text.language.tag()),
                    values: values.collect(),
                    language: Some(text.language.tag().to_owned()),
                    source: Source::Configuration,
                }
            })
            .collect()
    }

    pub(super) fn logs() -> Item {
        let row = |kind: DataKind| vec![plain(&kind), kind.meaning().to_owned()];
        let kinds = [
            DataKind::Ledger,
            DataKind::Decision,
            DataKind::Outcome,
            DataKind::Play,
        ];
        table(
            Source::Program,
            "logs",
            "What is recorded by itself",
            &["Log", "What it holds"],
            kinds.into_iter().map(row).collect(),
        )
    }

    /// How the program keeps rules of the law; what is missing is said.
    pub(super) fn rules(id: &str, label: &str, rules: &[Rule]) -> Item {
        let row = |rule: &Rule| {
            let keeping = rule.keeping();
            vec![
                rule.title().to_owned(),
                rule.article().to_owned(),
                keeping.standing().to_string(),
                keeping.missing.to_owned(),
            ]
        };
        table(
            Source::Program,
            id,
            label,
            &["What the program does", "Rule", "Kept", "What is missing"],
            rules.iter().map(row).collect(),
        )
    }

    /// Refusals by which the program keeps to a prohibition.
    pub(super) fn refusals(codes: &[RefusalCode]) -> String {
        let said = codes
            .iter()
            .map(|code| format!("{code} ({})", code.keeping().standing()));
        list(said)
    }

    pub(super) fn oversight() -> Vec<Item> {
        vec![
            known(
                Source::Program,
                "oversight",
                "Means of oversight in the program",
                vec![
                    "The console shows what is seen as data, what was decided, with which probability and why.".to_owned(),
                    "A camera closes within a second when its notice is not in view, when somebody objects, when its owner \
                     closes it, or when the ledger cannot be written; screens then show the default message."
                        .to_owned(),
                    "Campaigns, messages and policies can be changed or switched off while the program runs.".to_owned(),
                    "`regard audit` proves the promises anew; `regard ledger verify` shows that nothing was changed.".to_owned(),
                ],
            ),
            ask(
                "oversight_person",
                "Who oversees the system, with which training and which authority to stop it (AI Act 14, 26(2)).",
            ),
        ]
    }

    /// A count of things by name, for sentences.
    pub(super) fn size(&self) -> Item {
        let counted = BTreeMap::from([
            ("cameras", self.facts.cameras.len()),
            ("screens", self.facts.screens.len()),
        ]);
        let said = counted.iter().map(|(what, n)| format!("{what}: {n}"));
        fact("size", "Extent", list(said))
    }

    pub(super) fn provider() -> Vec<Item> {
        vec![
            program(
                "system",
                "System",
                "Regard, free software; given out as source code",
            ),
            ask(
                "provider",
                "Name and address of the provider: who puts the system into service under their own name or trademark, for \
                 own use too (AI Act 3(3), 25).",
            ),
        ]
    }
}
