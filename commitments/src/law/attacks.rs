//! What somebody may try against an installation, and the test that tries it.

/// An attack, what comes of it, and the tests that make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    /// What is tried.
    pub name: &'static str,
    /// What comes of it.
    pub outcome: &'static str,
    /// Tests, as `file::function`.
    pub tests: &'static [&'static str],
}

/// Every attack of the specification, in its order.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "stolen disk without the site key",
        outcome: "nothing of a person opens, neither records nor templates nor backups on it",
        tests: &["engine/src/custody/tests/attacks.rs::stolen_disk_without_the_site_key"],
    },
    Attack {
        name: "stolen backup",
        outcome: "it opens with the site key alone, and even then holds no key of any person",
        tests: &[
            "engine/src/custody/tests/attacks.rs::stolen_backup",
            "engine/src/custody/tests/backups.rs::a_backup_opens_with_its_site_key_alone_and_only_whole",
        ],
    },
    Attack {
        name: "replayed consent",
        outcome: "an offer is good once; older files bring back neither consent nor person",
        tests: &[
            "engine/src/custody/tests/attacks.rs::replayed_consent",
            "engine/src/custody/tests/attacks.rs::replayed_files_bring_back_neither_consent_nor_person",
            "server/tests/it/persons.rs::replayed_consent",
        ],
    },
    Attack {
        name: "forged receipt",
        outcome: "its signature does not verify, whichever byte was changed",
        tests: &["commitments/src/receipt/tests.rs::forged_receipt"],
    },
    Attack {
        name: "screen token used as admin",
        outcome: "refused by its role on every route that is not the screen's own",
        tests: &[
            "server/tests/it/attacks.rs::a_screen_token_is_no_admin_token",
            "server/tests/it/persons.rs::neither_token_passes_for_the_other",
        ],
    },
    Attack {
        name: "cross-site request forgery",
        outcome: "changes need the origin of the site and the hidden value of the form",
        tests: &[
            "server/tests/it/attacks.rs::cross_site_request_forgery",
            "server/tests/it/own.rs::own_page_cross_site_request_forgery",
            "server/tests/it/attacks.rs::foreign_origin_and_foreign_host",
        ],
    },
    Attack {
        name: "session fixation",
        outcome: "a session is new at each login; one that was planted stays nobody's",
        tests: &[
            "server/tests/it/attacks.rs::session_fixation",
            "server/tests/it/own.rs::own_page_session_fixation",
        ],
    },
    Attack {
        name: "path traversal",
        outcome: "nothing outside the folder of assets is served, however the path is written",
        tests: &["server/tests/it/attacks.rs::path_traversal"],
    },
    Attack {
        name: "oversized requests",
        outcome: "bodies and heads have lids; what is past them is refused without being read",
        tests: &["server/tests/it/attacks.rs::oversized_requests"],
    },
    Attack {
        name: "slow requests",
        outcome: "connections have a lid and an end",
        tests: &["server/tests/it/attacks.rs::slow_requests"],
    },
    Attack {
        name: "header injection",
        outcome: "line ends within values reach no header; two lengths of one request are refused",
        tests: &[
            "server/tests/it/attacks.rs::header_injection",
            "server/tests/it/attacks.rs::request_smuggling",
        ],
    },
    Attack {
        name: "log injection",
        outcome: "a record of the log is one line, whatever is in it",
        tests: &[
            "cli/tests/it/tokens.rs::log_injection",
            "cli/src/one_line.rs::log_injection_in_what_nobody_quoted",
        ],
    },
    Attack {
        name: "timing of token comparison",
        outcome: "secrets are compared in the same steps wherever they differ",
        tests: &[
            "commitments/src/same.rs::timing_of_token_comparison",
            "commitments/src/same.rs::timing_of_place_codes",
        ],
    },
    Attack {
        name: "guessing of tokens",
        outcome: "five wrong ones a minute, by address and by token, and nobody is let in for the rest of it",
        tests: &[
            "server/tests/it/attacks.rs::guessing_is_locked_out_by_address_and_by_token",
            "server/tests/it/persons.rs::wrong_tokens_of_persons_are_locked_out_of_the_api_as_on_the_page",
        ],
    },
    Attack {
        name: "a portrait or a recording held before the camera",
        outcome: "liveness_failed, told in the ledger",
        tests: &["engine/tests/it/recognition.rs::liveness_failed"],
    },
];
