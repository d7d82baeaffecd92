//! The rules that the program keeps: where each stands in the law and in the code, and which tests show it.
//!
//! Audit reports, refusals and `docs/law.md` are made from this one list. Engineering readings of the
//! law, not legal advice.

mod attacks;
mod fault_points;
mod keeping;
mod refusals;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::attacks::{ATTACKS, Attack};
pub use self::fault_points::{FAULT_POINTS, FaultPoint};
pub use self::keeping::{Keeping, Standing};
use crate::refusal::RefusalCode;

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $article:literal, $title:literal;
        code $code:expr; tests $tests:expr; missing $missing:literal;)+) => {
        /// A rule of the law, or of the project's own promise.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Rule {
            $($(#[$doc])* $variant,)+
        }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// Where it stands.
            pub const fn article(self) -> &'static str {
                match self { $(Self::$variant => $article,)+ }
            }

            /// What the program does.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// Where and how it is kept.
            pub const fn keeping(self) -> Keeping {
                match self {
                    $(Self::$variant => Keeping { code: &$code, tests: &$tests, missing: $missing },)+
                }
            }
        }
    };
}

rules! {
    /// Tracks of people who did not ask to be known.
    AnonymousTracks = "anonymous_tracks", "GDPR 4(14), 9(1); EDPB 3/2019",
        "Tracks are anonymous: no road leads from them to an embedding; they end with the visit and are linked to nothing.";
        code [
            "audience/src/tracker.rs", "commitments/src/grant.rs", "domain/src/ids.rs", "commitments/src/recognition/gate.rs",
            "identity/src/embedding.rs", "engine/src/recognition/going.rs",
        ];
        tests [
            "audience/tests/it/laws.rs::a_gap_of_two_seconds_is_the_end",
            "audience/tests/it/laws.rs::who_left_the_frame_does_not_come_back",
            "audience/tests/it/laws.rs::ids_and_numbers_are_never_used_again",
            "audience/tests/it/crowd.rs::another_cameras_sighting_is_refused",
            "commitments/tests/gates.rs::gates_hold",
            "decision/tests/it/caps.rs::caps_are_never_exceeded",
            "engine/tests/it/recognition.rs::whoever_enrolled_is_found_after_an_act_and_nobody_else",
            "identity/tests/it/wiped.rs::a_probe_leaves_nothing_in_memory",
        ];
        missing "";
    /// Consent.
    Consent = "consent", "GDPR 6(1)(a), 7, 9(2)(a)",
        "Consent is granular, demonstrable, expires, and is withdrawn as easily as given.";
        code [
            "commitments/src/sensing/agreement.rs", "commitments/src/grant.rs", "commitments/src/consent.rs",
            "commitments/src/receipt.rs", "engine/src/custody/acts.rs", "server/src/routes/persons.rs",
            "commitments/src/audit/operations.rs", "engine/src/custody/merges.rs",
        ];
        tests [
            "commitments/src/consent/tests.rs::consent_missing",
            "commitments/src/consent/tests.rs::consent_expired",
            "commitments/src/consent/tests.rs::consent_withdrawn",
            "commitments/src/consent/tests.rs::the_answer_is_that_of_four_facts",
            "commitments/src/receipt/tests.rs::a_receipt_has_the_fields_of_the_standard_and_says_what_was_agreed",
            "commitments/src/receipt/tests.rs::forged_receipt",
            "engine/src/custody/tests.rs::a_consent_is_durable_with_its_receipt_before_it_is_acknowledged",
            "engine/src/custody/tests.rs::withdrawing_destroys_the_key_within_a_second_everywhere",
            "engine/src/custody/tests/oracle.rs::random_lives_agree_with_a_map",
            "engine/src/custody/tests/crashes.rs::the_laws_hold_wherever_the_program_dies",
            "engine/src/custody/tests/attacks.rs::replayed_consent",
            "server/tests/it/persons.rs::a_person_comes_agrees_looks_corrects_withdraws_and_goes",
            "commitments/src/sensing/tests/agreement.rs::the_camera_opens_when_somebody_agrees_and_closes_after",
            "commitments/src/sensing/tests/agreement.rs::taking_it_back_closes_at_once",
            "commitments/src/sensing/tests/agreement.rs::no_agreement_lasts_longer_than_its_lid_and_a_second_prolongs",
            "cli/tests/it/kill/persons.rs::killed_at_any_moment_people_keep_what_was_acknowledged",
            "commitments/src/audit/operations/tests.rs::a_verification_needs_the_live_consent_of_that_person_to_that",
            "cli/tests/it/audit.rs::a_biometric_operation_without_a_consent_is_found",
            "engine/src/custody/offers.rs::nobody_pushes_out_the_offers_of_others",
            "engine/src/custody/tests/face_crashes.rs::the_laws_of_faces_hold_wherever_the_program_dies",
            "engine/src/custody/tests/merges.rs::records_are_made_one_only_where_the_consents_to_both_hold",
            "engine/src/custody/tests/merges.rs::the_withdrawal_of_either_undoes_it",
            "engine/src/custody/tests/merges.rs::a_consent_that_runs_out_undoes_it_swept_or_not",
            "engine/src/custody/tests/merge_crashes.rs::the_laws_of_merged_records_hold_wherever_the_program_dies",
            "commitments/src/drill.rs::each_case_is_refused_by_its_name",
        ];
        missing "";
    /// What data is for.
    PurposeLimit = "purpose_limit", "GDPR 5(1)(b)",
        "Commitments are versioned and signed; what was taken under an older version stays bound to it.";
        code ["commitments/src/commitments.rs", "commitments/src/signed.rs", "commitments/src/change.rs"];
        tests [
            "commitments/src/signed.rs::any_changed_byte_is_noticed",
            "commitments/src/change/tests.rs::each_field_has_its_direction_both_ways",
            "commitments/src/change/tests.rs::a_changed_promise_needs_a_new_number_and_the_same_site",
            "engine/tests/it/restart.rs::a_restart_continues_and_a_changed_promise_needs_a_new_version",
            "commitments/src/consent/tests.rs::purpose_not_promised",
            "engine/src/custody/tests.rs::a_weakened_promise_does_not_reach_older_consents",
        ];
        missing "";
    /// As little as possible.
    Minimisation = "minimisation", "GDPR 5(1)(c), 25",
        "No frame, crop or embedding leaves the process or touches the disk; what is not switched on is off.";
        code ["cli/src/audit.rs", "vision/src/picture.rs", "commitments/src/profile.rs", "cli/src/audit/disk.rs"];
        tests [
            "commitments/src/profile.rs::eu_reads_the_law_strictly",
            "cli/tests/it/audit.rs::a_running_installation_keeps_its_word",
            "cli/tests/it/audit.rs::a_frame_on_the_disk_is_found",
            "cli/tests/it/audit.rs::an_embedding_on_the_disk_is_found",
            "cli/src/audit/process/tests.rs::a_file_open_elsewhere_is_found",
            "cli/tests/it/audit.rs::a_template_that_is_not_sealed_is_found",
            "server/tests/it/recognition/leaks.rs::nothing_of_a_face_is_in_the_log_the_files_or_an_answer",
        ];
        missing "";
    /// Nothing outlives its time.
    StorageLimit = "storage_limit", "GDPR 5(1)(e), 25",
        "Every stored row has an end; a sweep leaves nothing that outlives it.";
        code ["commitments/src/retention.rs", "backends/src/sqlite/maintenance.rs", "engine/src/sweeper.rs"];
        tests [
            "commitments/src/retention.rs::a_row_is_kept_as_long_as_promised",
            "commitments/tests/gates.rs::gates_hold",
            "backends/tests/it/sqlite.rs::what_was_swept_is_in_no_file",
            "backends/tests/it/reader.rs::it_finds_what_is_past_its_time_until_it_is_swept",
            "cli/tests/it/audit.rs::a_row_past_its_time_is_found",
            "engine/src/custody/tests.rs::a_year_goes_by_and_nothing_outlives_its_time",
            "server/tests/it/year.rs::a_year_goes_by",
            "cli/tests/it/audit.rs::a_person_past_their_time_or_in_the_clear_is_found",
            "engine/src/custody/tests.rs::sealed_rows_without_a_person_go_at_start_and_no_others",
        ];
        missing "";
    /// The notice.
    Notice = "notice", "GDPR 12-14; AI Act 50(3), (5)",
        "The notice is on the screen while the camera is open, in several languages; the camera closes within a second without it.";
        code [
            "commitments/src/notice.rs", "commitments/src/sensing.rs", "server/src/pages/privacy.rs", "reports/src/sign.rs",
            "cli/src/notice.rs",
        ];
        tests [
            "commitments/src/sensing/tests.rs::a_stale_notice_revokes_within_its_time",
            "commitments/src/notice/tests.rs::it_says_what_the_commitments_say",
            "engine/tests/it/gate.rs::without_the_notice_the_camera_stays_shut_and_says_why",
            "cli/tests/browser/honesty.rs::a_hidden_notice_shuts_the_camera",
            "cli/tests/browser/honesty.rs::a_screen_that_is_cut_off_shuts_the_camera",
            "cli/tests/it/audit.rs::a_camera_that_was_open_without_the_notice_is_found",
            "server/tests/it/pages.rs::the_notice_in_easy_words_is_a_page_in_five_languages",
            "reports/src/sign/tests.rs::every_language_fits_on_a_page_and_says_everything",
            "reports/src/sign/tests.rs::a_page_a_sign_in_a_pdf_for_screen_readers",
            "cli/tests/browser/accessibility.rs::pages_can_be_used_by_everyone",
            "cli/tests/it/audit.rs::a_notice_that_is_not_of_the_commitments_is_found",
        ];
        missing "";
    /// Access and portability.
    Access = "access", "GDPR 11(2), 15, 20",
        "A person gets everything that is held on them; a passer-by gets the honest page.";
        code [
            "server/src/pages/privacy.rs", "engine/src/custody/export.rs", "server/src/routes/persons.rs",
            "server/src/routes/own.rs", "server/src/pages/own.rs", "server/src/access/own.rs",
            "server/src/person_auth.rs",
        ];
        tests [
            "server/tests/it/pages.rs::the_privacy_page_speaks_five_languages",
            "server/tests/it/persons.rs::a_person_comes_agrees_looks_corrects_withdraws_and_goes",
            "server/tests/it/persons.rs::neither_token_passes_for_the_other",
            "server/tests/it/own.rs::every_right_works_by_form",
            "server/tests/it/own.rs::whoever_never_enrolled_gets_the_honest_page_in_five_languages",
            "server/tests/it/own.rs::nobody_reaches_somebody_elses_page",
            "server/tests/it/own.rs::own_page_cross_site_request_forgery",
            "server/tests/it/own.rs::own_page_session_fixation",
            "server/tests/it/own.rs::wrong_tokens_of_persons_are_locked_out_and_the_console_is_not",
            "server/tests/it/own.rs::the_token_stands_in_no_address_cookie_or_page",
            "server/tests/it/persons.rs::wrong_tokens_of_persons_are_locked_out_of_the_api_as_on_the_page",
            "server/tests/it/persons.rs::changes_of_one_record_have_a_lid_and_withdrawal_and_erasure_have_none",
        ];
        missing "";
    /// Rectification, erasure, restriction.
    Erasure = "erasure", "GDPR 16-18",
        "Erasure destroys a key, leaves a tombstone in the ledger and a proof to take away.";
        code [
            "commitments/src/erasure.rs", "commitments/src/seal.rs", "backends/src/sqlite/keys.rs",
            "engine/src/custody/acts.rs", "engine/src/custody/erasing.rs", "engine/src/backup.rs",
        ];
        tests [
            "commitments/src/erasure.rs::a_changed_proof_proves_nothing",
            "backends/tests/it/keys.rs::a_destroyed_key_is_in_no_file_any_more",
            "engine/src/custody/tests.rs::erasing_leaves_a_proof_and_nothing_else",
            "engine/src/custody/tests.rs::a_frozen_record_is_kept_and_never_used",
            "engine/src/custody/tests.rs::preferences_need_consent_and_fit_a_page",
            "engine/src/custody/tests/backups.rs::after_an_erasure_an_old_backup_does_not_bring_the_person_back",
            "engine/src/custody/tests/attacks.rs::replayed_files_bring_back_neither_consent_nor_person",
            "engine/src/custody/tests/attacks.rs::stolen_backup",
            "engine/src/custody/tests/faces.rs::who_enrolled_is_found_and_who_is_gone_never_again",
            "engine/src/custody/tests/face_oracle.rs::random_lives_with_faces_agree_with_a_map",
            "engine/src/custody/tests/merges.rs::erasing_one_erases_both_and_nobody_else",
            "engine/src/custody/tests/merges.rs::what_is_frozen_is_frozen_of_both",
            "engine/src/custody/tests/merges.rs::an_older_file_of_keys_brings_no_merge_back",
            "cli/tests/it/audit/persons.rs::somebody_erased_who_came_back_is_found",
            "cli/src/audit/records.rs::a_key_may_be_there_as_long_as_a_receipt_holds",
        ];
        missing "";
    /// Objection.
    Objection = "objection", "GDPR 21; CNIL 2022",
        "Whoever objects is not looked at; an act blinds the camera for at most fifteen minutes.";
        code [
            "commitments/src/sensing.rs", "commitments/src/place_code.rs", "server/src/routes/here.rs", "server/src/presence.rs",
            "domain/src/zone.rs", "vision/src/mask.rs", "engine/src/zones.rs", "server/src/routes/zones.rs",
        ];
        tests [
            "commitments/src/sensing/tests.rs::an_objection_shuts_for_a_quarter_of_an_hour_at_most",
            "commitments/src/sensing/tests/agreement.rs::an_objection_outweighs_an_agreement",
            "commitments/src/place_code.rs::a_code_is_known_for_sixteen_minutes_and_its_age_told",
            "engine/tests/it/gate.rs::an_objection_shuts_the_camera_at_once_and_stands_in_the_ledger",
            "server/tests/it/here.rs::whoever_stands_there_shuts_the_camera",
            "server/tests/it/here.rs::the_sign_is_limited_and_the_screen_never",
            "server/tests/it/here.rs::repeated_objections_alert_the_operator_and_none_is_refused",
            "engine/src/podium/people.rs::objections_are_counted_by_screen_and_for_an_hour",
            "cli/tests/browser/console.rs::repeated_objections_are_told_on_the_console",
            "vision/src/mask.rs::painting_agrees_with_every_pixel",
            "engine/tests/it/zones.rs::what_lies_in_a_zone_is_never_looked_at",
            "engine/tests/it/zones.rs::zones_are_in_force_from_the_first_frame_after_a_restart",
            "engine/tests/it/zones.rs::zones_in_force_do_not_end_with_their_period",
            "server/tests/it/zones.rs::zones_are_drawn_by_who_runs_the_site_and_stand_in_the_ledger",
            "cli/tests/browser/zones.rs::zones_are_drawn_on_the_stage_and_hold_at_once",
        ];
        missing "";
    /// Automated decisions.
    SignificantEffects = "significant_effects", "GDPR 22",
        "Messages cannot carry significant effects; a personal perk has a human path.";
        code [
            "decision/src/validate/mod.rs", "decision/src/validate/creative.rs", "decision/src/lint.rs", "decision/src/campaign.rs",
        ];
        tests [
            "decision/src/validate/tests.rs::what_the_law_forbids_is_refused_by_its_code",
            "decision/src/validate/tests.rs::a_perk_of_one_person_names_whom_to_ask",
            "decision/src/lint.rs::effects_are_found_and_prices_of_tea_are_not",
            "decision/tests/it/harmless.rs::what_is_refused_is_refused_wherever_it_hides",
        ];
        missing "";
    /// Papers.
    Papers = "papers", "GDPR 30, 35; AI Act 9-15, 26, 27, 49",
        "Record of processing, impact assessment, risk file and the rest are generated from the configuration.";
        code [
            "reports/src/papers.rs", "cli/src/papers.rs", "engine/src/papers.rs", "commitments/src/paper.rs",
            "commitments/src/consent.rs", "engine/src/paper_desk.rs", "server/src/routes/papers.rs",
        ];
        tests [
            "reports/src/papers/tests.rs::every_point_of_every_article_is_there_and_says_something",
            "reports/src/papers/tests.rs::papers_differ_exactly_where_the_facts_differ",
            "reports/src/papers/tests.rs::what_is_looked_at_is_what_the_gate_says",
            "reports/src/papers/tests/assessment.rs::an_assessment_ages_and_is_about_one_configuration",
            "cli/src/papers/tests.rs::papers_of_the_demonstration",
            "cli/tests/it/papers.rs::papers_are_written_and_say_what_changed_when_they_are_written_again",
            "cli/tests/it/papers.rs::an_assessment_is_signed_for_this_configuration_and_no_other",
            "cli/tests/it/papers.rs::the_ledger_tells_which_papers_changed_and_only_then",
            "commitments/src/consent/tests.rs::an_assessment_counts_for_the_configuration_it_is_about",
            "server/tests/it/papers.rs::whoever_runs_or_watches_over_the_site_reads_the_papers",
            "server/tests/it/papers.rs::a_campaign_changed_while_the_program_runs_is_a_change_of_the_papers",
            "server/tests/it/papers.rs::the_page_says_whether_the_assessment_is_signed_and_how_old",
            "cli/tests/it/audit.rs::papers_that_are_not_those_of_the_ledger_are_found",
        ];
        missing "";
    /// Security.
    Security = "security", "GDPR 32",
        "Roles, rate limits, a ledger with signed checkpoints, sandbox, encryption at rest and on the way.";
        code [
            "server/src/access.rs", "server/src/access/rights.rs", "server/src/guard.rs", "server/src/tls.rs",
            "cli/src/sandbox.rs", "commitments/src/ledger.rs", "commitments/src/note.rs",
            "commitments/src/same.rs", "cli/src/one_line.rs", "engine/src/custody/token.rs",
            "engine/src/custody/faces.rs", "identity/src/transform.rs",
        ];
        tests [
            "commitments/src/ledger/tests.rs::any_changed_bit_is_noticed",
            "commitments/src/ledger/tests.rs::truncation_is_noticed_once_a_checkpoint_was_published",
            "cli/src/audit/process/tests.rs::a_program_without_its_sandbox_is_found",
            "commitments/tests/it/foreign.rs::a_checkpoint_is_read_and_believed",
            "cli/tests/it/ledger.rs::truncation_is_noticed_once_a_checkpoint_was_published",
            "cli/tests/it/ledger.rs::a_witness_vouches_for_growth_and_refuses_a_fork",
            "server/src/access/lockout.rs::five_wrong_tokens_and_a_pause",
            "server/src/access/rights.rs::reading_roles_change_nothing",
            "server/tests/it/access.rs::a_token_is_made_listed_and_revoked_at_once",
            "server/tests/it/access.rs::the_ledger_tells_of_every_act_and_names_nobody",
            "server/tests/it/attacks.rs::a_screen_token_is_no_admin_token",
            "server/tests/it/attacks.rs::cross_site_request_forgery",
            "server/tests/it/attacks.rs::session_fixation",
            "server/tests/it/attacks.rs::path_traversal",
            "server/tests/it/attacks.rs::oversized_requests",
            "server/tests/it/attacks.rs::slow_requests",
            "server/tests/it/attacks.rs::header_injection",
            "cli/tests/it/tokens.rs::log_injection",
            "server/tests/it/tls.rs::a_certificate_of_its_own_encrypts_and_a_newer_one_is_taken_up",
            "cli/src/sandbox/tests.rs::nothing_is_written_nor_read_outside",
            "cli/tests/it/sandbox.rs::serve_limits_every_thread_and_says_so",
            "backends/tests/it/sqlite.rs::only_the_owner_can_read",
            "commitments/src/seal/tests.rs::any_changed_byte_is_noticed",
            "engine/src/custody/tests.rs::the_key_of_the_site_is_rotated_while_the_program_runs",
            "engine/src/custody/tests/attacks.rs::stolen_disk_without_the_site_key",
            "engine/src/custody/tests/backups.rs::a_backup_opens_with_its_site_key_alone_and_only_whole",
            "commitments/src/same.rs::timing_of_token_comparison",
            "commitments/src/same.rs::timing_of_place_codes",
            "cli/src/one_line.rs::log_injection_in_what_nobody_quoted",
            "engine/src/custody/tests/tokens.rs::a_key_stays_in_its_token",
            "engine/src/custody/tests/tokens.rs::persons_live_under_a_key_in_a_token_through_every_rotation",
            "cli/tests/it/keys.rs::an_installation_keeps_its_key_in_a_token",
            "cli/tests/it/audit/running.rs::a_program_without_its_sandbox_is_found",
            "cli/tests/it/audit.rs::a_template_that_is_not_sealed_is_found",
            "engine/src/custody/tests/faces.rs::shared_templates_open_for_their_person_alone",
            "engine/src/custody/tests/gallery_secrets.rs::a_rekeyed_gallery_finds_the_same_people_and_its_older_templates_match_nothing",
            "engine/src/custody/tests/gallery_secrets.rs::the_secret_of_the_gallery_goes_with_the_rotation_of_the_site_key",
            "identity/src/transform/tests.rs::other_keys_give_other_numbers",
        ];
        missing "";
    /// Accountability.
    Accountability = "accountability", "GDPR 5(2), 24",
        "Promises are proven anew on demand: `regard audit` writes a signed report that anyone can check.";
        code [
            "cli/src/audit.rs", "commitments/src/audit.rs", "commitments/src/proof.rs", "commitments/src/audit/law_lines.rs",
            "commitments/src/drill.rs",
        ];
        tests [
            "cli/tests/it/audit.rs::a_running_installation_keeps_its_word",
            "cli/tests/it/audit.rs::a_changed_report_is_noticed",
            "commitments/src/audit/tests.rs::states_follow_from_evidence_alone",
            "commitments/src/audit/tests.rs::every_row_of_the_law_has_a_line_that_follows_from_the_checks",
            "commitments/src/audit/tests.rs::a_report_that_says_more_of_the_law_than_its_checks_is_not_believed",
            "commitments/src/audit/tests.rs::every_check_names_the_installation_that_was_broken_for_it",
            "cli/src/audit/refusals.rs::a_gate_that_grants_is_found",
        ];
        missing "";
    /// Breaches.
    Breach = "breach", "GDPR 33, 34",
        "A breach report with counts and categories, and its clock.";
        code ["reports/src/papers/breach.rs", "cli/src/papers/breach.rs"];
        tests [
            "reports/src/papers/tests/breach.rs::the_clock_of_a_breach_runs_for_72_hours",
            "reports/src/papers/tests/breach.rs::a_breach_is_told_in_counts",
            "reports/src/papers/tests/breach.rs::a_breach_says_that_something_cannot_be_among_it_only_where_the_site_holds_none",
            "cli/src/papers/breach.rs::consents_that_ended_ran_out_or_were_erased_are_not_counted",
            "cli/tests/it/papers.rs::a_breach_is_reported_with_counts_and_its_clock",
        ];
        missing "";
    /// Minors.
    Minors = "minors", "GDPR 8, recital 38",
        "Minors are enrolled with a guardian's receipt only; the age gate protects and never opens a right.";
        code ["commitments/src/sensing/rules.rs", "commitments/src/consent.rs"];
        tests [
            "commitments/src/sensing/tests/rules.rs::each_rule_withholds_its_scope",
            "commitments/src/consent/tests.rs::minor_protection",
            "engine/src/custody/tests.rs::a_minor_agrees_through_a_guardian",
        ];
        missing "";
    /// Micro-expressions.
    MicroExpressions = "micro_expressions", "AI Act 5(1)(a)",
        "What a person shows without knowing is never an input or a reward of a decision.";
        code [
            "commitments/src/commitments.rs", "commitments/src/scope.rs", "commitments/src/study.rs",
            "commitments/src/study/study_only.rs", "commitments/src/study/pooled.rs", "vision/src/movement/micro/spotter.rs",
            "engine/src/access/sitting.rs", "engine/src/studies.rs", "cli/src/timeline/micro.rs", "decision/src/facts.rs",
            "decision/src/outcome.rs", "xtask/tests/rooms.rs",
        ];
        tests [
            "commitments/src/commitments/tests.rs::micro_expression_is_for_research_only",
            "commitments/src/study/tests.rs::micro_expressions_are_for_participants_of_studies_alone",
            "commitments/src/study/tests.rs::no_profile_but_the_laboratory_allows_them_and_no_workplace",
            "commitments/src/study/tests.rs::without_a_ledger_no_sitting_goes_on",
            "commitments/src/study/tests.rs::a_participant_is_looked_at_under_their_consent_alone_and_not_for_micro_expressions",
            "server/tests/it/studies.rs::movements_are_added_up_for_the_report_alone_and_who_withdraws_is_gone_from_it",
            "commitments/src/audit/operations/tests.rs::a_sitting_of_a_study_needs_the_consent_of_its_participant",
            "commitments/tests/gates.rs::gates_hold",
            "decision/tests/gates.rs::gates_hold",
            "decision/src/lint.rs::what_is_shown_without_knowing_is_known_by_its_name",
            "decision/src/outcome.rs::micro_expressions_are_no_outcome_under_any_name",
            "vision/src/movement/micro/spotter/tests.rs::what_is_found_opens_to_its_participant_alone",
            "vision/src/movement/micro/spotter/tests.rs::slow_frames_are_refused_and_slower_movements_are_not",
            "engine/src/custody/tests/sittings.rs::a_sitting_needs_the_consent_of_its_participant_and_is_in_the_ledger",
            "xtask/tests/rooms.rs::words_stay_in_their_rooms",
        ];
        missing "";
    /// Forbidden practices.
    Forbidden = "forbidden", "AI Act 5(1)(a)-(c), (e)-(h)",
        "No output, field or label for sensitive categories exists; targeting weakness is refused.";
        code ["decision/src/validate/mod.rs", "commitments/src/sensing/rules.rs", "commitments/src/library.rs"];
        tests [
            "decision/src/validate/tests.rs::what_the_law_forbids_is_refused_by_its_code",
            "commitments/src/sensing/tests/rules.rs::each_rule_withholds_its_scope",
            "commitments/src/library.rs::without_a_statement_there_is_no_grant",
            "commitments/src/library.rs::unknown_people_are_not_grouped",
            "inference/tests/it/runtimes.rs::a_network_with_a_sensitive_output_is_not_loaded",
            "decision/src/context.rs::what_is_sensitive_or_a_weakness_is_no_feature",
        ];
        missing "";
    /// Verification and identification.
    Identification = "identification", "AI Act annex III, recital 17",
        "Verification of a claim is kept apart from identification, which needs an act; never a crowd against a gallery.";
        code [
            "commitments/src/recognition.rs", "commitments/src/recognition/gate.rs", "commitments/src/recognition/act.rs",
            "engine/src/galleries/merges.rs", "server/src/routes/merges.rs",
        ];
        tests [
            "commitments/tests/gates.rs::gates_hold",
            "commitments/src/recognition/tests.rs::a_verification_is_about_one_person_and_dies_with_their_consent",
            "commitments/src/recognition/tests.rs::act_missing",
            "commitments/src/recognition/tests.rs::a_gallery_is_searched_only_armed_and_once_an_act",
            "commitments/src/recognition/tests.rs::disarming_ends_what_runs_at_once",
            "commitments/src/recognition/tests.rs::the_ledger_is_told_of_every_act_grant_and_refusal_and_of_nobody",
            "engine/tests/it/recognition.rs::whoever_enrolled_is_found_after_an_act_and_nobody_else",
            "server/tests/it/recognition.rs::a_gallery_is_searched_only_armed_and_after_an_act",
            "cli/tests/it/faces.rs::a_gallery_is_listed_armed_and_turned_over",
            "engine/src/custody/tests/merges.rs::records_of_two_people_are_never_made_one",
            "engine/src/custody/tests/merge_oracle.rs::random_lives_with_several_records_agree_with_lists_whatever_keeps_the_gallery",
            "engine/src/galleries/tests/merging.rs::a_search_tells_what_a_gallery_that_merges_tells",
            "server/tests/it/recognition/merges.rs::two_records_of_one_person_are_found_as_one_until_either_ends",
        ];
        missing "";
    /// Custody of templates.
    Custody = "custody", "EDPB Opinion 11/2024; CNIL types 1-3",
        "Templates are in the person's hands unless the commitments say otherwise and why.";
        code ["commitments/src/commitments.rs", "commitments/src/seal.rs"];
        tests [
            "commitments/src/seal/tests.rs::shared_custody_needs_the_secret_of_the_person",
            "engine/src/custody/tests.rs::with_shared_custody_nothing_opens_without_the_person",
            "commitments/src/consent/tests.rs::dpia_missing",
            "engine/tests/it/recognition.rs::somebody_enrols_into_their_own_hands_and_is_verified_by_their_token",
            "server/tests/it/recognition.rs::somebody_enrols_and_logs_in_elsewhere_by_their_token_and_face",
            "cli/tests/browser/faces.rs::somebody_enrols_on_their_phone_and_shows_later_that_it_is_them",
        ];
        missing "";
    /// Consent before the camera.
    ConsentGatedCamera = "consent_gated_camera", "Dutch authority on ad panels",
        "The shutter stays closed until someone scans and agrees.";
        code ["commitments/src/sensing/agreement.rs", "commitments/data/profiles/nl.toml"];
        tests [
            "commitments/src/profile.rs::dutch_and_illinois_cameras_wait_for_agreement",
            "commitments/src/sensing/tests/agreement.rs::the_camera_opens_when_somebody_agrees_and_closes_after",
            "engine/tests/it/gate.rs::a_gated_camera_opens_when_somebody_agrees_and_shuts_when_they_no_longer_do",
            "server/tests/it/here.rs::in_the_netherlands_the_camera_waits_for_an_agreement",
        ];
        missing "";
    /// Illinois.
    Bipa = "bipa", "BIPA 740 ILCS 14/15",
        "Written release before capture, public retention policy, destruction at purpose end and after three years at most.";
        code [
            "commitments/data/profiles/us-il.toml", "commitments/src/consent/standing.rs", "commitments/src/written_release.rs",
            "engine/src/custody/acts.rs", "server/src/routes/face.rs", "server/static/face/enroll.js",
        ];
        tests [
            "commitments/src/profile.rs::dutch_and_illinois_cameras_wait_for_agreement",
            "commitments/src/consent/tests.rs::bipa_written_release",
            "commitments/src/written_release/tests.rs::every_language_says_all_that_the_law_wants_and_leaves_nothing_open",
            "commitments/src/receipt/tests.rs::bipa_a_release_stands_in_the_receipt_and_where_the_face_is",
            "engine/src/custody/tests/releases.rs::without_a_signed_release_nobody_agrees_to_be_measured",
            "engine/src/custody/tests/releases.rs::a_signed_release_is_kept_with_its_receipt_told_in_no_ledger_and_gone_with_the_record",
            "engine/src/custody/tests.rs::a_year_goes_by_and_nothing_outlives_its_time",
            "server/tests/it/releases.rs::the_release_is_read_before_the_camera_opens_where_the_law_wants_one",
            "server/tests/it/releases.rs::no_face_is_measured_before_the_release_is_signed_and_the_signature_goes_with_the_record",
            "reports/src/papers/tests/breach.rs::releases_are_a_category_of_their_own_where_people_sign_them",
        ];
        missing "";
    /// Scopes and declarations.
    Scopes = "scopes", "AI Act 5(1)(f); GDPR 25",
        "A grant carries scopes; each analyser asks for its own; what the site declares is part of the signed commitments.";
        code ["commitments/src/scope.rs", "commitments/src/sensing/rules.rs"];
        tests [
            "commitments/tests/gates.rs::gates_hold",
            "commitments/src/sensing/tests/rules.rs::each_rule_withholds_its_scope",
            "engine/tests/it/gate.rs::expressions_are_analysed_again_when_staff_have_gone",
        ];
        missing "";
    /// What leaves the site.
    LeavingTheSite = "leaving_the_site", "GDPR 5(1)(c), 25, 44",
        "Nothing leaves but to addresses that the configuration names; people counts leave as noised aggregates.";
        code [
            "cli/src/audit.rs", "server/src/guard.rs", "commitments/src/release.rs", "engine/src/statistics.rs",
            "engine/src/statistics/mechanism.rs", "server/src/access/rights.rs",
        ];
        tests [
            "server/tests/it/guards.rs::nobody_outside_is_served_by_accident",
            "cli/src/audit/process/tests.rs::a_connection_to_elsewhere_is_found",
            "commitments/src/release/tests.rs::one_visit_moves_no_statistic_by_more_than_its_sensitivity",
            "commitments/src/release/tests.rs::small_cells_are_suppressed_by_their_noised_visits",
            "engine/src/statistics/mechanism.rs::the_noise_is_of_the_distribution_that_is_claimed",
            "engine/src/statistics/mechanism.rs::neighbours_differ_by_no_more_than_the_price",
            "engine/src/statistics/tests.rs::the_second_reading_is_free_and_identical",
            "engine/src/statistics/tests.rs::wherever_the_program_dies_nothing_is_spent_twice",
            "engine/src/statistics/tests.rs::a_backup_does_not_bring_the_budget_back",
            "server/tests/it/statistics.rs::who_is_below_the_privacy_officer_gets_noised_numbers_alone",
            "server/src/metrics.rs::nothing_counts_people",
            "server/src/webhooks.rs::only_encrypted_receivers_or_those_on_this_machine_are_told",
            "server/tests/it/recognition/hooks.rs::a_receiver_is_told_what_happens_in_order_signed_and_until_it_has_heard",
            "server/tests/it/access.rs::the_ledger_tells_of_every_act_and_names_nobody",
            "engine/src/statistics/mechanism.rs::noise_comes_from_the_generator_of_openssl",
        ];
        missing "";
    /// Jurisdiction profiles.
    Profiles = "profiles", "profile of the site",
        "What differs by place is a data file with a test: eu, fr-public, fr-private, nl, es, us-il, lab.";
        code ["commitments/src/profile.rs"];
        tests [
            "commitments/src/profile.rs::eu_reads_the_law_strictly",
            "commitments/src/profile.rs::the_french_street_is_counted_only",
            "commitments/src/profile.rs::in_french_private_places_expression_waits_for_agreement",
            "commitments/src/profile.rs::dutch_and_illinois_cameras_wait_for_agreement",
            "commitments/src/profile.rs::spain_has_no_identification",
            "commitments/src/profile.rs::where_and_how_people_may_be_recognised",
            "commitments/src/profile.rs::lab_tries_everything_and_says_so",
        ];
        missing "";
    /// Words and honesty about error.
    HonestWords = "honest_words", "AI Act 13, recital 44",
        "Expression, never the emotion someone feels; calibrated probabilities, abstention, published error, and beside each figure for whom it was not measured.";
        code [
            "domain/src/expression.rs", "vision/src/expression/calibration.rs", "commitments/src/notice.rs",
            "chores/src/accuracy/expression_groups.rs", "chores/src/accuracy/expression_people.rs",
            "inference/src/catalog/entry.rs", "reports/src/papers/networks.rs",
            "cli/src/models.rs",
        ];
        tests [
            "vision/src/expression/calibration.rs::temperature_keeps_the_order_and_the_sum",
            "commitments/src/notice/tests.rs::it_says_what_the_commitments_say",
            "cli/src/audit/words.rs::the_notice_says_in_no_language_what_people_feel",
            "chores/src/accuracy/expression_groups.rs::groups_by_hand",
            "chores/src/accuracy/expression_groups.rs::changes_by_hand",
            "chores/src/accuracy/expression_people.rs::figures_of_groups_by_hand",
            "chores/src/accuracy/expression_people.rs::of_few_people_nothing_is_stated_and_of_whoever_said_nothing_nothing_is_known",
            "cli/src/papers/records.rs::every_measurement_is_on_record",
            "cli/src/papers/records.rs::cards_of_the_networks_that_run_say_what_papers_ask",
            "xtask/tests/claims.rs::no_text_claims_to_know_feelings_or_to_serve_everyone_alike",
            "xtask/tests/claims.rs::whoever_states_figures_about_faces_says_for_whom_they_are_not_measured",
            "inference/src/catalog/cards.rs::every_card_says_whether_error_by_group_was_measured",
            "reports/src/papers/tests.rs::every_paper_with_figures_says_for_whom_they_are_not_measured",
            "reports/src/papers/tests/assessment.rs::that_somebody_is_misread_remains_a_risk_until_error_is_measured_by_group",
            "cli/tests/it/models.rs::the_list_tells_the_truth_about_training_data",
        ];
        missing "error by group of people is measured by `cargo xtask accuracy` where faces with documented groups are at hand; none were, and none may be inferred; error by class, sharpness, light and size is published";
    /// Models.
    ModelLicences = "model_licences", "AI Act 11, annex IV",
        "Every model has a licence, its origin and hashes on record, and is checked against them.";
        code ["inference/src/catalog.rs", "models/manifest.toml"];
        tests [
            "inference/tests/it/catalog.rs::the_default_set_is_whole_and_licensed",
            "inference/tests/it/catalog.rs::altered_files_are_refused",
            "cli/tests/it/audit.rs::an_altered_model_is_found",
        ];
        missing "";
    /// Known weaknesses.
    KnownWeaknesses = "known_weaknesses", "GDPR 32; AI Act 15",
        "What the program is built from is on record and held against published advisories.";
        code ["cli/src/audit/dependencies.rs"];
        tests ["cli/tests/it/audit.rs::a_dependency_with_an_advisory_is_found"];
        missing "";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl RefusalCode {
    /// Where and how the refusal is kept.
    pub fn keeping(self) -> Keeping {
        refusals::keeping(self)
    }
}

#[cfg(test)]
mod tests;
