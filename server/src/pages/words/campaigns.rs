//! The words of the pages on which campaigns are made, in every language of the notice.

mod de;
mod en;
mod es;
mod fr;
mod nl;

page_words! {
    /// The words of one language.
    CampaignWords, campaign_words:
    campaigns, lead, console, new_campaign, campaign, state, plays, today, nothing_yet,
    live, scheduled, ended, stopped, switched_off, never, draft, waiting, sent_back, is_stopped,
    edited_by, submitted_by, revision, no_script, read_only, needs_other,
    about, id, id_note, name, benefit, benefit_note, contact, contact_note, enabled,
    when, screens, screens_note, slots, slots_note, from, to, weekdays, weekdays_note, mon, tue, wed, thu, fri, sat, sun,
    dayparts, dayparts_note, begins, ends, add_daypart, remove,
    often, per_day, in_all, pacing, asap, even, priority, weight,
    messages, add_message, message, message_id, kind, text, image, video, html, title, body, background, color,
    file, upload, uploaded, page, alt, alt_note, language, duration, min_show, cap_hour, cap_day, gap, target, fit, contain, cover,
    checks, nothing_found, mistakes, findings, remarks,
    preview, preview_note, shape, landscape, portrait, place, all_glass, no_message, no_file, screen, seconds, show, showing, save_first,
    acts, save, saved, submit, submitted, approve, approved, send_back, note, went_back, throw_away, thrown_away,
    put_in_force, in_force, take_out, taken_out, unsaved, sure,
    versions, version, since, by, open_version, opened, no_versions,
    all_of_it, all_note, apply, bad_json, failed,
}
