//! The words of the page behind an invitation to a study, in every language of the notice.

mod de;
mod en;
mod es;
mod fr;
mod nl;

page_words! {
    /// The words of one language.
    StudyWords, study_words:
    not_good_title, not_good, made_by, takes, minutes,
    measured_title, measured_attention, measured_expression, measured_movements,
    not_measured_title, not_pictures, not_recognised, not_sound, not_feelings, not_shared,
    free_title, free_choice, free_stop, free_erase, kept,
    agree_title, agree, adult, agree_button,
    camera_title, camera_note, camera_button, no_camera, light, no_face, face_seen, measuring,
    frames_per_sec, movements_on, movements_off, begin_note, begin,
    rest_title, look_at_cross, again, no_rest, showing, stop, stopped,
    question_title, of, not_at_all, very_much, skip_note, next,
    done_title, done, nothing_kept, token_title, token_note, receipt, own_page, erase, erase_note, erased_title, erased, proof,
    refused, failed,
}
