//! Where each refusal comes from, and the test that shows it.

use super::Keeping;
use crate::refusal::RefusalCode;

const RULES: &str = "commitments/src/sensing/rules.rs";
const CONSENT: &str = "commitments/src/consent.rs";
const STANDING: &str = "commitments/src/consent/standing.rs";
const RECOGNITION: &str = "commitments/src/recognition/gate.rs";
const AGREEMENT: &str = "commitments/src/sensing/agreement.rs";
const EACH_RULE: &str = "commitments/src/sensing/tests/rules.rs::each_rule_withholds_its_scope";
const HARMLESS: &str =
    "decision/tests/it/harmless.rs::what_is_refused_is_refused_wherever_it_hides";
const SERVICES: &str =
    "server/tests/it/compat/compreface.rs::without_an_attestation_nobody_is_compared";
const TARGETING: &str =
    "decision/src/validate/tests.rs::what_the_law_forbids_is_refused_by_its_code";

const fn kept(code: &'static [&'static str], tests: &'static [&'static str]) -> Keeping {
    Keeping {
        code,
        tests,
        missing: "",
    }
}

const fn open(missing: &'static str) -> Keeping {
    Keeping {
        code: &[],
        tests: &[],
        missing,
    }
}

/// Every code, in the order of the rules.
const TABLE: &[(RefusalCode, Keeping)] = &[
    (
        RefusalCode::NoticeMissing,
        kept(
            &[RULES],
            &[
                "commitments/src/sensing/tests.rs::without_a_live_notice_the_camera_stays_shut",
                "commitments/src/sensing/tests.rs::a_stale_notice_revokes_within_its_time",
                "engine/tests/it/gate.rs::without_the_notice_the_camera_stays_shut_and_says_why",
                "server/tests/it/compat/compreface.rs::what_a_face_shows_is_told_under_a_live_notice_alone",
            ],
        ),
    ),
    (
        RefusalCode::ConsentMissing,
        kept(
            &[AGREEMENT, RULES, CONSENT, RECOGNITION],
            &[
                "commitments/src/consent/tests.rs::consent_missing",
                "commitments/src/recognition/tests.rs::a_consent_to_one_thing_is_none_to_another",
                "commitments/src/recognition/tests.rs::a_service_needs_an_attestation_of_its_collection",
                SERVICES,
                "commitments/src/sensing/tests/agreement.rs::the_camera_opens_when_somebody_agrees_and_closes_after",
                EACH_RULE,
            ],
        ),
    ),
    (
        RefusalCode::ConsentExpired,
        kept(
            &[AGREEMENT, CONSENT],
            &[
                "commitments/src/consent/tests.rs::consent_expired",
                "commitments/src/sensing/tests/agreement.rs::the_camera_opens_when_somebody_agrees_and_closes_after",
            ],
        ),
    ),
    (
        RefusalCode::ConsentWithdrawn,
        kept(
            &[AGREEMENT, CONSENT],
            &[
                "commitments/src/consent/tests.rs::consent_withdrawn",
                "commitments/src/sensing/tests/agreement.rs::taking_it_back_closes_at_once",
            ],
        ),
    ),
    (
        RefusalCode::PurposeNotPromised,
        kept(
            &[AGREEMENT, RULES, CONSENT, "commitments/src/retention.rs"],
            &[
                "commitments/src/consent/tests.rs::purpose_not_promised",
                "commitments/src/sensing/tests/agreement.rs::purpose_not_promised",
                "commitments/src/retention.rs::what_is_not_promised_is_not_kept",
                EACH_RULE,
            ],
        ),
    ),
    (
        RefusalCode::WorkplaceOrEducation,
        kept(&[RULES], &[EACH_RULE]),
    ),
    (
        RefusalCode::StaffInView,
        kept(
            &[RULES],
            &[
                "commitments/src/sensing/tests.rs::staff_hours_begin_and_end",
                "commitments/src/sensing/tests.rs::staff_zones_need_a_camera_that_leaves_them_out",
                "engine/tests/it/gate.rs::expressions_are_analysed_again_when_staff_have_gone",
            ],
        ),
    ),
    (
        RefusalCode::VulnerabilityTargeting,
        kept(
            &[
                "decision/src/fault.rs",
                "decision/src/lint.rs",
                "decision/src/planner/steering.rs",
                "engine/src/personalizer/event.rs",
            ],
            &[
                TARGETING,
                HARMLESS,
                "engine/src/simulation/tests.rs::a_message_made_to_annoy_is_stopped_within_the_promise_and_no_other",
                "engine/src/personalizer/tests.rs::what_nobody_may_learn_is_refused_by_its_code",
            ],
        ),
    ),
    (
        RefusalCode::SignificantEffect,
        kept(
            &["decision/src/fault.rs", "decision/src/lint.rs"],
            &[TARGETING, HARMLESS],
        ),
    ),
    (
        RefusalCode::MinorProtection,
        kept(
            &[RULES, CONSENT],
            &[
                "commitments/src/consent/tests.rs::minor_protection",
                EACH_RULE,
            ],
        ),
    ),
    (
        RefusalCode::UntargetedCollection,
        kept(
            &[
                "commitments/src/library.rs",
                "engine/src/recognition/searches.rs",
                "library/src/learn/people.rs",
            ],
            &[
                "commitments/src/library.rs::without_a_statement_there_is_no_grant",
                "commitments/src/library.rs::unknown_people_are_not_grouped",
                "cli/tests/it/media.rs::nobody_is_looked_for_without_their_token",
                "cli/tests/it/media.rs::somebody_finds_their_own_photographs_and_stays_to_be_seen_in_them",
                "cli/tests/it/media.rs::somebody_finds_the_times_of_a_video_in_which_they_are_seen",
                "library/src/learn/people.rs::a_class_of_faces_is_refused_and_some_faces_among_things_are_not",
                "cli/tests/it/learn.rs::faces_are_not_learned",
                "cli/tests/it/learn.rs::hostile_archives_are_learned_from_with_the_same_care",
            ],
        ),
    ),
    (
        RefusalCode::LicenceUnknown,
        kept(
            &["inference/src/catalog.rs"],
            &["inference/tests/it/catalog.rs::unlicensed_models_are_refused"],
        ),
    ),
    (
        RefusalCode::ObjectionActive,
        kept(
            &[RULES],
            &[
                "commitments/src/sensing/tests.rs::an_objection_shuts_for_a_quarter_of_an_hour_at_most",
                "commitments/src/sensing/tests/agreement.rs::an_objection_outweighs_an_agreement",
            ],
        ),
    ),
    (
        RefusalCode::FeatureNotInProfile,
        kept(
            &[
                RULES,
                AGREEMENT,
                "commitments/src/profile.rs",
                "engine/src/lib.rs",
            ],
            &[
                EACH_RULE,
                "commitments/src/recognition/tests.rs::feature_not_in_profile",
                "cli/tests/browser/console.rs::without_profile_lab_there_is_no_picture",
            ],
        ),
    ),
    (
        RefusalCode::LedgerUnavailable,
        kept(
            &[RULES],
            &[
                "commitments/src/sensing/tests.rs::a_ledger_that_cannot_be_written_shuts_everything",
                "engine/tests/it/disk.rs::without_a_ledger_cameras_close_and_screens_show_the_default_message_until_it_is_back",
            ],
        ),
    ),
    (
        RefusalCode::NoReidentification,
        kept(
            &[RECOGNITION],
            &["commitments/src/recognition/tests.rs::no_reidentification"],
        ),
    ),
    (
        RefusalCode::NoAlternativePath,
        kept(
            &[STANDING],
            &[
                "commitments/src/consent/tests.rs::no_alternative_path",
                "commitments/src/recognition/tests.rs::no_alternative_path",
            ],
        ),
    ),
    (
        RefusalCode::ActMissing,
        kept(
            &[RECOGNITION, "commitments/src/recognition/act.rs"],
            &[
                "commitments/src/recognition/tests.rs::act_missing",
                "commitments/src/recognition/tests.rs::a_gallery_is_searched_only_armed_and_once_an_act",
                SERVICES,
            ],
        ),
    ),
    (
        RefusalCode::DpiaMissing,
        kept(
            &[STANDING],
            &[
                "commitments/src/consent/tests.rs::dpia_missing",
                "commitments/src/recognition/tests.rs::dpia_missing",
            ],
        ),
    ),
    (
        RefusalCode::SensitiveInference,
        kept(
            &[
                "domain/src/sensitive.rs",
                "inference/src/catalog.rs",
                "inference/src/runtime.rs",
                "decision/src/validate/condition.rs",
                "decision/src/facts.rs",
                "decision/src/context.rs",
                "library/src/learn/examples.rs",
            ],
            &[
                "domain/src/sensitive.rs::names_are_read_word_by_word",
                "inference/tests/it/catalog.rs::sensitive_inference",
                "inference/tests/it/runtimes.rs::a_network_with_a_sensitive_output_is_not_loaded",
                TARGETING,
                "decision/src/context.rs::what_is_sensitive_or_a_weakness_is_no_feature",
                "server/tests/it/api.rs::facts_come_back",
                "server/src/compat/rekognition/detail.rs::gender_by_name_is_denied_and_all_is_not",
                "library/src/learn/collected/tests.rs::what_has_no_classes_is_refused_with_a_remedy",
            ],
        ),
    ),
    (
        RefusalCode::FpsTooLowForMicroexpression,
        kept(
            &["commitments/src/study.rs", "commitments/src/study/rate.rs"],
            &[
                "commitments/src/study/tests.rs::fps_too_low_for_microexpression",
                "commitments/src/study/tests.rs::three_frames_fall_into_every_movement_that_is_claimed",
                "commitments/src/study/tests.rs::frames_that_do_not_come_in_time_count",
                "commitments/src/drill.rs::each_case_is_refused_by_its_name",
            ],
        ),
    ),
    (
        RefusalCode::LivenessFailed,
        kept(
            &[RECOGNITION, "engine/src/recognition/ends.rs"],
            &[
                "commitments/src/recognition/tests.rs::liveness_failed",
                "engine/tests/it/recognition.rs::liveness_failed",
            ],
        ),
    ),
    (
        RefusalCode::PrivacyBudgetSpent,
        kept(
            &["engine/src/statistics.rs"],
            &[
                "engine/src/statistics/tests.rs::privacy_budget_spent",
                "engine/src/statistics/tests.rs::many_at_once_never_spend_more_than_the_budget",
                "server/tests/it/statistics.rs::privacy_budget_spent",
            ],
        ),
    ),
];

pub(super) fn keeping(code: RefusalCode) -> Keeping {
    let found = TABLE.iter().find(|(known, _)| *known == code);
    found.map_or(open("not in the table"), |(_, keeping)| *keeping)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_row() {
        for &code in RefusalCode::ALL {
            let n = TABLE.iter().filter(|(known, _)| *known == code).count();
            assert_eq!(n, 1, "{code}");
        }
    }
}
