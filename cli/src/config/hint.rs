//! What was probably meant.

/// Likeness from which a word is worth suggesting. Origin: chosen so that one slip in three letters
/// is mended ("fsp", "tpye") and words of other meaning are not offered.
const LEAST_LIKENESS: f64 = 0.65;

/// The candidate most like the word, if any is like it; of equals the first by name.
pub(super) fn closest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' ', '_'], "");
    let word = plain(word);
    let like = |candidate: &str| {
        let candidate = plain(candidate);
        // What was cut short, or said at more length, is meant as often as what was misspelt.
        let shares_start = word.len() >= 3
            && candidate.len() >= 3
            && (candidate.starts_with(&word) || word.starts_with(&candidate));
        let floor = if shares_start { LEAST_LIKENESS } else { 0.0 };
        strsim::normalized_damerau_levenshtein(&word, &candidate).max(floor)
    };
    let mut rated: Vec<(f64, &str)> = candidates.into_iter().map(|c| (like(c), c)).collect();
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let (likeness, best) = rated.first()?;
    (*likeness >= LEAST_LIKENESS).then_some(*best)
}

/// `; did you mean "x"?`, or nothing.
pub(super) fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion
        .map(|word| format!("; did you mean {word:?}?"))
        .unwrap_or_default()
}

/// `"a", "b" or "c"`.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
    }
}

/// The nearest text that can be an id, if there is one.
pub(super) fn as_id(text: &str) -> Option<String> {
    let dashed: String = text
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let id: String = dashed.trim_matches(['-', '_']).chars().take(64).collect();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_mended_and_others_left_alone() {
        let words = [
            "text",
            "image",
            "video",
            "html",
            "full_resolution",
            "screen_up_deg",
        ];
        for (word, meant) in [
            ("imgae", Some("image")),
            ("Image", Some("image")),
            ("full-resolution", Some("full_resolution")),
            ("fullres", Some("full_resolution")),
            ("screen_up", Some("screen_up_deg")),
            ("htlm", Some("html")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(closest(word, words), meant, "{word}");
        }
        assert_eq!(closest("x", []), None);
        assert_eq!(as_id("Front Door!").as_deref(), Some("front-door"));
        assert_eq!(as_id("!"), None);
        assert_eq!(one_of(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }
}
