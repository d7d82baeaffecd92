//! Every write that the law hangs on, and the test in which the program dies at it.

/// Writes of one kind, and the tests in which the program dies before and after each of them, or is killed at any moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPoint {
    /// What is written.
    pub what: &'static str,
    /// Where.
    pub code: &'static [&'static str],
    /// Tests, as `file::function`.
    pub tests: &'static [&'static str],
}

const ACTS: &str = "engine/src/custody/tests/crashes.rs::the_laws_hold_wherever_the_program_dies";
const FACES: &str =
    "engine/src/custody/tests/face_crashes.rs::the_laws_of_faces_hold_wherever_the_program_dies";
const MERGES: &str = "engine/src/custody/tests/merge_crashes.rs::the_laws_of_merged_records_hold_wherever_the_program_dies";
const OFFICERS: &str = "engine/src/custody/tests/engine_crashes.rs::what_officers_and_admins_did_holds_wherever_the_program_dies";
const KILLED: &str =
    "cli/tests/it/kill.rs::killed_at_any_moment_it_goes_on_and_has_lost_next_to_nothing";
const PEOPLE: &str =
    "cli/tests/it/kill/persons.rs::killed_at_any_moment_people_keep_what_was_acknowledged";

/// Every kind of write.
pub const FAULT_POINTS: &[FaultPoint] = &[
    FaultPoint {
        what: "enrolment, consent, correction, freeze, withdrawal, erasure: keys, records, receipts",
        code: &[
            "engine/src/custody/acts.rs",
            "engine/src/custody/erasing.rs",
            "engine/src/custody/upkeep.rs",
        ],
        tests: &[ACTS, PEOPLE],
    },
    FaultPoint {
        what: "templates and secrets of galleries: made, removed, turned over",
        code: &[
            "engine/src/custody/faces.rs",
            "engine/src/custody/gallery.rs",
        ],
        tests: &[FACES],
    },
    FaultPoint {
        what: "records of one person made one, and two again",
        code: &[
            "engine/src/custody/merges.rs",
            "engine/src/custody/erasing.rs",
        ],
        tests: &[MERGES],
    },
    FaultPoint {
        what: "attestations, armed galleries, settings such as tokens, campaigns",
        code: &[
            "engine/src/recognition/attestations.rs",
            "engine/src/recognition.rs",
            "engine/src/access.rs",
            "engine/src/kept_campaigns.rs",
        ],
        tests: &[OFFICERS],
    },
    FaultPoint {
        what: "ledger and checkpoints; commitments that come into force at a start",
        code: &["engine/src/chronicle.rs", "engine/src/start.rs"],
        tests: &[
            ACTS,
            OFFICERS,
            KILLED,
            "engine/tests/it/disk.rs::without_a_ledger_cameras_close_and_screens_show_the_default_message_until_it_is_back",
        ],
    },
    FaultPoint {
        what: "sweeps of what is past its time",
        code: &[
            "engine/src/sweeper.rs",
            "engine/src/custody/upkeep.rs",
            "backends/src/sqlite/maintenance.rs",
        ],
        tests: &[
            "engine/src/custody/tests/sweep_crashes.rs::a_sweep_comes_to_its_end_wherever_the_program_dies",
            PEOPLE,
            "backends/tests/it/kill.rs::nothing_acknowledged_is_lost",
        ],
    },
    FaultPoint {
        what: "rotation of the site key",
        code: &[
            "engine/src/custody/upkeep.rs",
            "engine/src/custody/site_key_file.rs",
        ],
        tests: &[
            "engine/src/custody/tests/rotation_crashes.rs::the_site_key_is_rotated_wherever_the_program_dies",
            "engine/src/custody/tests/tokens.rs::no_older_key_stays_in_a_token_wherever_the_program_dies",
            PEOPLE,
        ],
    },
    FaultPoint {
        what: "releases of statistics and their price",
        code: &["engine/src/statistics.rs"],
        tests: &[
            "engine/src/statistics/tests.rs::wherever_the_program_dies_nothing_is_spent_twice",
        ],
    },
    FaultPoint {
        what: "decisions, rewards, policies, evidence, facts",
        code: &["engine/src/recorder.rs"],
        tests: &[
            KILLED,
            "engine/src/simulation/tests/crashes.rs::model_evidence_and_log_agree_wherever_the_program_dies",
        ],
    },
    FaultPoint {
        what: "papers and their entry in the ledger",
        code: &["engine/src/papers.rs", "engine/src/paper_desk.rs"],
        tests: &[OFFICERS],
    },
];
