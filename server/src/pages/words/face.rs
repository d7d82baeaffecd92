//! The words of the pages before a camera, where somebody enrols or shows that they are who they say, in every language of the
//! notice.

mod de;
mod en;
mod es;
mod fr;
mod nl;

page_words! {
    /// The words of one language.
    FaceWords, face_words:
    enroll_title, enroll_lead, needs_code, agree_to, agree_note, keep_at, identify_needs_site, minors, agree_button,
    record_token, record_token_note, to_own_page, receipts,
    camera, camera_note, start_camera, no_camera, photo, colors_note, start_colors, certificate, stop, again,
    not_offered,
    verify_title, verify_lead, face_token, face_token_file, verify_button, same_person, other_person, assertion,
    enrolled, face_token_note, download, held_by_site, welcome, no_welcome,
    // What to do.
    look_ahead, turn_left, turn_right, turn_up, turn_down, hold_still, wait, nobody,
    // What would make a picture better.
    other_faces, too_far, out_of_frame, turned_left, turned_right, looking_up, looking_down, leaning, eyes_covered,
    mouth_covered, too_dark, too_bright, low_contrast, uneven_light, blurred,
    // Why it came to nothing.
    not_live, refused, timed_out, wrong_turn, face_lost, no_response, failed,
}
