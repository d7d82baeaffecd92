//! What is found of each promise, what follows from it, which rules it is about, and what to do.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::law::Rule;
use crate::refusal::RefusalCode;

/// What follows from evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CheckState {
    /// The promise is kept, as far as was looked.
    #[serde(rename = "pass")]
    Pass,
    /// The promise is broken.
    #[serde(rename = "fail")]
    Fail,
    /// It could not be looked.
    #[serde(rename = "unknown")]
    Unknown,
}

impl CheckState {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    pub(super) const fn when(is_good: bool) -> Self {
        if is_good { Self::Pass } else { Self::Fail }
    }

    /// Of something that was looked for in places of which perhaps not all could be looked at: what was found counts all the
    /// same.
    const fn unless<T>(unknown: Option<&T>, is_good: bool) -> Self {
        match unknown {
            Some(_) if is_good => Self::Unknown,
            Some(_) | None => Self::when(is_good),
        }
    }

    /// Of something that must also be so in a place where it could perhaps not be looked.
    const fn where_known(is_good: bool, elsewhere: Option<bool>) -> Self {
        match (is_good, elsewhere) {
            (false, _) | (_, Some(false)) => Self::Fail,
            (true, None) => Self::Unknown,
            (true, Some(true)) => Self::Pass,
        }
    }

    /// What follows for something that hangs on all of these; unknown where it hangs on none.
    pub(super) fn of_all(states: impl IntoIterator<Item = Self>) -> Self {
        let states: Vec<Self> = states.into_iter().collect();
        if states.contains(&Self::Fail) {
            Self::Fail
        } else if states.is_empty() || states.contains(&Self::Unknown) {
            Self::Unknown
        } else {
            Self::Pass
        }
    }
}

/// Rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEvidence {
    /// The table.
    pub table: String,
    /// Rows in it.
    pub n_rows: u64,
    /// Of these, longer past their end than a sweep may take.
    pub n_overdue: u64,
}

/// What a gate answered to the case that a refusal is for, and how often it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedRefusal {
    /// The refusal that the case asks for.
    pub code: RefusalCode,
    /// What was answered; nothing where it was granted.
    pub answered: Option<RefusalCode>,
    /// How often the ledger tells that it was given here. Refusals that keep something from being configured are told to
    /// whoever configures it, and not to the ledger.
    pub n_told: u64,
}

/// What was found.
///
/// # Privacy
/// Names of files, tables, packages and models, addresses of machines, counts. No person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "id", rename_all = "snake_case", deny_unknown_fields)]
pub enum Evidence {
    /// Pictures and films in the data folder.
    PicturesOnDisk {
        /// Files looked at.
        n_files: u64,
        /// Bytes in them.
        n_bytes: u64,
        /// Values of the store looked at.
        n_values: u64,
        /// Pictures, films and pages of the owner, each named by the hash of its bytes.
        n_assets: u64,
        /// Where something was found, and what.
        found: Vec<String>,
        /// What could not be read.
        unread: Vec<String>,
    },
    /// Vectors such as an embedding is.
    EmbeddingsOnDisk {
        /// Files looked at.
        n_files: u64,
        /// Values of the store looked at.
        n_values: u64,
        /// Where something was found, and what.
        found: Vec<String>,
        /// What could not be read.
        unread: Vec<String>,
    },
    /// Files that the running program can write.
    OpenFiles {
        /// Processes looked at: the program and its children.
        n_processes: u64,
        /// Open files.
        n_open: u64,
        /// Files outside the data folder that are open for writing.
        found: Vec<String>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// Connections of the running program.
    Egress {
        /// Sockets of it and its children.
        n_sockets: u64,
        /// Of these, waiting for others.
        n_listening: u64,
        /// Of these, come from others to where it listens.
        n_inbound: u64,
        /// Machines that the configuration names.
        allowed: Vec<String>,
        /// Connections to elsewhere.
        found: Vec<String>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// Rows past their end.
    Retention {
        /// Every table with ends.
        tables: Vec<TableEvidence>,
        /// Tables whose rows have none.
        endless: Vec<String>,
        /// How long past its end a row may be, in seconds.
        allowance_secs: u64,
    },
    /// Biometric operations and the consents they had.
    BiometricOperations {
        /// Operations in the ledger.
        n_operations: u64,
        /// Of these, without a consent that was live, or what the law lets stand in its place.
        n_without_consent: u64,
        /// Which, and what they lacked.
        found: Vec<String>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// The ledger.
    Ledger {
        /// Entries.
        n_entries: u64,
        /// Signed checkpoints.
        n_checkpoints: u64,
        /// Entries under them.
        n_covered: u64,
        /// What is wrong.
        fault: Option<String>,
    },
    /// The notice while a camera was open.
    Notice {
        /// Grants in the ledger.
        n_grants: u64,
        /// Of these, under another notice than the one published, or before any was.
        n_without_notice: u64,
        /// Minutes in which a camera observed something.
        n_minutes: u64,
        /// Of these, longer observed than the ledger has the camera open.
        n_unexplained: u64,
        /// How much longer counts, in milliseconds.
        allowance_millis: u64,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// The model files.
    Models {
        /// Those that are there.
        n_models: u64,
        /// Without a licence on record, or one that is not allowed.
        unlicensed: Vec<String>,
        /// With other bytes than recorded.
        altered: Vec<String>,
    },
    /// What the program is built from.
    Dependencies {
        /// Packages in the list that the program carries.
        n_packages: u64,
        /// Advisories they were held against; nothing when no database was given.
        n_advisories: Option<u64>,
        /// Packages with an advisory, and which.
        found: Vec<String>,
    },
    /// The sandbox of the running program.
    Sandbox {
        /// `Seccomp` of its status: 2 is a filter.
        seccomp: Option<u64>,
        /// Whether it can gain no privileges.
        no_new_privs: Option<bool>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// The commitments.
    Commitments {
        /// Version in the store; nothing when there is none.
        version: Option<u32>,
        /// Hash of the document.
        digest: Option<Digest>,
        /// Whether the key of the site signed it.
        is_signed: bool,
        /// Whether its day has come.
        is_in_force: bool,
        /// Whether it is the one that the ledger names last; nothing when the ledger does not verify.
        is_in_ledger: Option<bool>,
        /// What is wrong.
        fault: Option<String>,
    },
    /// The gates, each asked for what it must refuse.
    Refusals {
        /// Every code, in the order of the rules.
        asked: Vec<AskedRefusal>,
    },
    /// What is held of persons, beside what the ledger says of them.
    Records {
        /// Records of persons.
        n_persons: u64,
        /// Keys of consents.
        n_consents: u64,
        /// Persons whom the ledger calls erased.
        n_erased: u64,
        /// Consents that the ledger calls ended, and that were not given anew.
        n_ended: u64,
        /// What is there all the same, by the name that the ledger has for it.
        found: Vec<String>,
        /// Why it could not be looked.
        unknown: Option<String>,
    },
    /// The papers.
    Papers {
        /// How many the ledger tells of.
        n_papers: u64,
        /// Hash over all of them.
        all: Option<Digest>,
        /// Whether the copy in the data folder is the one that the ledger names.
        is_copied: bool,
        /// Whether they are those of the configuration; nothing when none was named.
        is_current: Option<bool>,
        /// What is wrong.
        fault: Option<String>,
    },
    /// The words of the notice.
    NoticeText {
        /// Languages in which it is shown.
        n_languages: u64,
        /// Whether the notice that came into force is the one that these commitments make; nothing when the ledger does not
        /// verify.
        is_of_commitments: Option<bool>,
        /// Words in it that say more than what a face shows.
        found: Vec<String>,
        /// What is wrong.
        fault: Option<String>,
    },
}

impl Evidence {
    /// How many kinds there are: a report has each once.
    pub const N_KINDS: usize = 16;

    /// The installation broken on purpose by which a test shows that the check fails, as `file::function`.
    pub const FIXTURES: [(&str, &str); Self::N_KINDS] = [
        (
            "pictures_on_disk",
            "cli/tests/it/audit.rs::a_frame_on_the_disk_is_found",
        ),
        (
            "embeddings_on_disk",
            "cli/tests/it/audit.rs::an_embedding_on_the_disk_is_found",
        ),
        (
            "open_files",
            "cli/tests/it/audit/running.rs::a_program_that_writes_elsewhere_is_found",
        ),
        (
            "egress",
            "cli/tests/it/audit/running.rs::a_program_that_connects_elsewhere_is_found",
        ),
        (
            "retention",
            "cli/tests/it/audit.rs::a_row_past_its_time_is_found",
        ),
        (
            "biometric_operations",
            "cli/tests/it/audit.rs::a_biometric_operation_without_a_consent_is_found",
        ),
        (
            "ledger",
            "cli/tests/it/audit.rs::a_ledger_that_was_changed_is_found",
        ),
        (
            "notice",
            "cli/tests/it/audit.rs::a_camera_that_was_open_without_the_notice_is_found",
        ),
        ("models", "cli/tests/it/audit.rs::an_altered_model_is_found"),
        (
            "dependencies",
            "cli/tests/it/audit.rs::a_dependency_with_an_advisory_is_found",
        ),
        (
            "sandbox",
            "cli/tests/it/audit/running.rs::a_program_without_its_sandbox_is_found",
        ),
        (
            "commitments",
            "cli/tests/it/audit.rs::commitments_that_are_not_those_of_the_ledger_are_found",
        ),
        (
            "refusals",
            "cli/src/audit/refusals.rs::a_gate_that_grants_is_found",
        ),
        (
            "records",
            "cli/tests/it/audit/persons.rs::somebody_erased_who_came_back_is_found",
        ),
        (
            "papers",
            "cli/tests/it/audit.rs::papers_that_are_not_those_of_the_ledger_are_found",
        ),
        (
            "notice_text",
            "cli/tests/it/audit.rs::a_notice_that_is_not_of_the_commitments_is_found",
        ),
    ];

    /// The stable name, in snake case.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::PicturesOnDisk { .. } => "pictures_on_disk",
            Self::EmbeddingsOnDisk { .. } => "embeddings_on_disk",
            Self::OpenFiles { .. } => "open_files",
            Self::Egress { .. } => "egress",
            Self::Retention { .. } => "retention",
            Self::BiometricOperations { .. } => "biometric_operations",
            Self::Ledger { .. } => "ledger",
            Self::Notice { .. } => "notice",
            Self::Models { .. } => "models",
            Self::Dependencies { .. } => "dependencies",
            Self::Sandbox { .. } => "sandbox",
            Self::Commitments { .. } => "commitments",
            Self::Refusals { .. } => "refusals",
            Self::Records { .. } => "records",
            Self::Papers { .. } => "papers",
            Self::NoticeText { .. } => "notice_text",
        }
    }

    /// What follows from it.
    pub fn state(&self) -> CheckState {
        match self {
            Self::PicturesOnDisk { found, unread, .. }
            | Self::EmbeddingsOnDisk { found, unread, .. } => {
                CheckState::unless(unread.first(), found.is_empty())
            }
            Self::OpenFiles { found, unknown, .. } | Self::Egress { found, unknown, .. } => {
                CheckState::unless(unknown.as_ref(), found.is_empty())
            }
            Self::Retention {
                tables, endless, ..
            } => CheckState::when(
                endless.is_empty() && tables.iter().all(|table| table.n_overdue == 0),
            ),
            Self::BiometricOperations {
                n_without_consent,
                found,
                unknown,
                ..
            } => CheckState::unless(
                unknown.as_ref(),
                *n_without_consent == 0 && found.is_empty(),
            ),
            Self::Ledger { fault, .. } => CheckState::when(fault.is_none()),
            Self::Notice {
                n_without_notice,
                n_unexplained,
                unknown,
                ..
            } => CheckState::unless(
                unknown.as_ref(),
                *n_without_notice == 0 && *n_unexplained == 0,
            ),
            Self::Models {
                unlicensed,
                altered,
                ..
            } => CheckState::when(unlicensed.is_empty() && altered.is_empty()),
            Self::Dependencies {
                n_advisories,
                found,
                ..
            } => CheckState::where_known(found.is_empty(), n_advisories.map(|_| true)),
            Self::Sandbox {
                seccomp,
                no_new_privs,
                unknown,
            } => match unknown {
                Some(_) => CheckState::Unknown,
                None => CheckState::when(*seccomp == Some(2) && *no_new_privs == Some(true)),
            },
            Self::Refusals { .. }
            | Self::Records { .. }
            | Self::Papers { .. }
            | Self::NoticeText { .. }
            | Self::Commitments { .. } => self.state_of_what_is_written(),
        }
    }

    fn state_of_what_is_written(&self) -> CheckState {
        match self {
            Self::Refusals { asked } => CheckState::when(
                asked
                    .iter()
                    .map(|one| one.code)
                    .eq(RefusalCode::ALL.iter().copied())
                    && asked.iter().all(|one| one.answered == Some(one.code)),
            ),
            Self::Records { found, unknown, .. } => {
                CheckState::unless(unknown.as_ref(), found.is_empty())
            }
            Self::Papers {
                is_copied,
                is_current,
                fault,
                ..
            } => CheckState::where_known(*is_copied && fault.is_none(), *is_current),
            Self::NoticeText {
                n_languages,
                is_of_commitments,
                found,
                fault,
            } => {
                let is_good = *n_languages > 0 && found.is_empty() && fault.is_none();
                CheckState::where_known(is_good, *is_of_commitments)
            }
            Self::Commitments {
                version,
                digest,
                is_signed,
                is_in_force,
                is_in_ledger,
                fault,
            } => {
                let is_one = version.is_some() && digest.is_some() && fault.is_none();
                CheckState::where_known(is_one && *is_signed && *is_in_force, *is_in_ledger)
            }
            _ => CheckState::Unknown,
        }
    }

    /// Which rules it is about.
    pub const fn rules(&self) -> &'static [Rule] {
        match self {
            Self::PicturesOnDisk { .. } | Self::OpenFiles { .. } => &[Rule::Minimisation],
            Self::EmbeddingsOnDisk { .. } => {
                &[Rule::Minimisation, Rule::AnonymousTracks, Rule::Custody]
            }
            Self::Egress { .. } => &[Rule::LeavingTheSite],
            Self::Retention { .. } => &[Rule::StorageLimit, Rule::Bipa],
            Self::BiometricOperations { .. } => &[
                Rule::Consent,
                Rule::Identification,
                Rule::MicroExpressions,
                Rule::Bipa,
            ],
            Self::Ledger { .. } => &[Rule::Accountability, Rule::Security, Rule::Breach],
            Self::Notice { .. } => &[Rule::Notice, Rule::ConsentGatedCamera],
            Self::Models { .. } => &[Rule::ModelLicences],
            Self::Dependencies { .. } => &[Rule::KnownWeaknesses],
            Self::Sandbox { .. } => &[Rule::Security],
            Self::Commitments { .. } => &[Rule::PurposeLimit, Rule::Profiles, Rule::Scopes],
            Self::Refusals { .. } => &[
                Rule::SignificantEffects,
                Rule::Objection,
                Rule::Minors,
                Rule::Forbidden,
            ],
            Self::Records { .. } => &[Rule::Access, Rule::Erasure, Rule::Consent],
            Self::Papers { .. } => &[Rule::Papers],
            Self::NoticeText { .. } => &[Rule::Notice, Rule::HonestWords],
        }
    }

    /// What is promised, in one line.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::PicturesOnDisk { .. } => "No picture or film of people is on the disk",
            Self::EmbeddingsOnDisk { .. } => "No embedding is on the disk",
            Self::OpenFiles { .. } => "The program writes into its data folder alone",
            Self::Egress { .. } => {
                "The program connects to nothing that the configuration does not name"
            }
            Self::Retention { .. } => "Nothing is kept past its time",
            Self::BiometricOperations { .. } => {
                "Every biometric operation and every sitting of a study had a live consent"
            }
            Self::Ledger { .. } => "The ledger is whole",
            Self::Notice { .. } => "The notice was shown while a camera was open",
            Self::Models { .. } => "Models are licensed and unaltered",
            Self::Dependencies { .. } => "No weakness is known of what the program is built from",
            Self::Sandbox { .. } => "The program runs in its sandbox",
            Self::Commitments { .. } => "The commitments are signed and in force",
            Self::Refusals { .. } => "Every refusal is given where its case arises",
            Self::Records { .. } => "Nothing is left of who was erased or took a consent back",
            Self::Papers { .. } => "The papers are about what runs",
            Self::NoticeText { .. } => {
                "The notice is that of the commitments, and says what faces show, not what people feel"
            }
        }
    }

    /// What to do where it does not pass.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::PicturesOnDisk { .. } | Self::EmbeddingsOnDisk { .. } => {
                "find out what wrote it, remove it, and report it as a breach if it shows people; make unread files readable"
            }
            Self::OpenFiles { .. } => {
                "stop the program and find out what it writes there; audit as the user that runs it, while it runs"
            }
            Self::Egress { .. } => {
                "stop the program and find out what it sends; if the machine is a camera of yours, name the configuration with --config; audit as the user that runs it, while it runs"
            }
            Self::Retention { .. } => {
                "start the program: it sweeps at once and every hour; if rows stay, its log says why"
            }
            Self::BiometricOperations { .. } => "stop recognition and ask for consent anew",
            Self::Ledger { .. } => {
                "keep this folder as it is, restore a backup, and hold it against a published checkpoint"
            }
            Self::Notice { .. } => {
                "check which screens show the notice; a camera without one must be taken from the configuration"
            }
            Self::Models { .. } => "`regard models verify` names the files; pull them anew",
            Self::Dependencies { .. } => {
                "update the program; without a database, name a copy of one with --advisories"
            }
            Self::Sandbox { .. } => {
                "run it on Linux 5.13 or later, where `regard doctor` says what is active; audit while it runs"
            }
            Self::Commitments { .. } => {
                "start the program with the commitments that are meant; it signs them and writes them to the ledger"
            }
            Self::Refusals { .. } => {
                "stop the program: it is not the one that was tested; install it anew"
            }
            Self::Records { .. } => {
                "start the program: it holds its keys against the ledger and erases again whom the ledger calls erased"
            }
            Self::Papers { .. } => {
                "name the configuration that runs with --config; start the program with it, so that the papers are made anew and the ledger says so"
            }
            Self::NoticeText { .. } => {
                "start the program with the commitments that are meant; it makes the notice from them"
            }
        }
    }
}
