//! The words of the notice.

use regard_commitments::{
    Commitments, Digest, Evidence, Notice, Profile, SignedCommitments, VerifyingKey,
};

use super::listed;
use crate::printable::on_one_line;

/// Words for what people feel, in the languages of notices; beginnings, in small letters. A camera sees what faces show.
const FEELINGS: [&str; 14] = [
    "emotion",
    "émotion",
    "emoción",
    "emocion",
    "emotie",
    "gefühl",
    "gevoel",
    "feeling",
    "sentiment",
    "sentimiento",
    "mood",
    "stimmung",
    "stemming",
    "humeur",
];

/// Whether the notice that came into force is that of the commitments, and what it says. `published`: its hash as the ledger
/// tells it, where it can be believed.
pub(super) fn look(
    stored: Option<&SignedCommitments>,
    key: &VerifyingKey,
    published: Option<Option<Digest>>,
) -> Evidence {
    let faulty = |fault: String| Evidence::NoticeText {
        n_languages: 0,
        is_of_commitments: published.map(|_| false),
        found: Vec::new(),
        fault: Some(fault),
    };
    let verified = match stored.map(|signed| signed.verify(key)) {
        Some(Ok(verified)) => verified,
        Some(Err(error)) => return faulty(on_one_line(&error)),
        None => return faulty("there are no commitments in the store".to_owned()),
    };
    let profile = match Profile::named(&verified.document().profile) {
        Ok(profile) => profile,
        Err(error) => return faulty(on_one_line(&error)),
    };
    let notice = Notice::of(&verified, &profile);
    Evidence::NoticeText {
        n_languages: notice.texts.len() as u64,
        is_of_commitments: published.map(|last| last == Some(notice.hash())),
        found: listed(feelings(&notice, verified.document())),
        fault: None,
    }
}

/// Words for feelings in a notice, by language. Names are not words of it: a firm may be called what it likes.
fn feelings(notice: &Notice, document: &Commitments) -> Vec<String> {
    let mut names = vec![
        &document.controller.name,
        &document.controller.contact,
        &document.site.name,
    ];
    names.extend(document.recipients.iter().map(|recipient| &recipient.name));
    let mut found = Vec::new();
    for text in &notice.texts {
        let easy = &text.easy;
        let lines = [&text.title, &text.more, &easy.title, &easy.object];
        let lines = lines.into_iter().chain(&text.lines).chain(&easy.lines);
        for line in lines.chain(&easy.ask) {
            let said = names.iter().fold(line.clone(), |line, name| {
                if name.is_empty() {
                    line
                } else {
                    line.replace(name.as_str(), "")
                }
            });
            let said = said.to_lowercase();
            let words = FEELINGS.iter().filter(|word| said.contains(*word));
            found.extend(words.map(|word| format!("{}: {word}", text.language.tag())));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use regard_commitments::{CheckState, Language, SiteKeys, Zeroizing};

    use super::*;

    fn signed(change: impl FnOnce(&mut Commitments)) -> (SignedCommitments, VerifyingKey) {
        let key = SiteKeys::from_seed(Zeroizing::new([7; 32])).commitments_key();
        let mut document = Commitments::demo();
        document.notice.languages = Language::ALL.to_vec();
        change(&mut document);
        (document.sign(&key), key.verifying_key())
    }

    fn notice(signed: &SignedCommitments, key: &VerifyingKey) -> Notice {
        let verified = signed.verify(key).unwrap();
        Notice::of(&verified, &Profile::named("lab").unwrap())
    }

    #[test]
    fn the_notice_says_in_no_language_what_people_feel() {
        let (signed, key) = signed(|document| {
            document.controller.name = "Emotion & Stimmung GmbH".to_owned();
        });
        let notice = notice(&signed, &key);
        let hash = notice.hash();
        let good = look(Some(&signed), &key, Some(Some(hash)));
        assert_eq!(good.state(), CheckState::Pass, "{good:?}");
        let Evidence::NoticeText { n_languages, .. } = good else {
            panic!("another kind");
        };
        assert_eq!(n_languages, 5);
        // Another notice came into force, or none, or nobody can tell.
        let other = Digest::of(&[b"other"]);
        for (published, state) in [
            (Some(Some(other)), CheckState::Fail),
            (Some(None), CheckState::Fail),
            (None, CheckState::Unknown),
        ] {
            assert_eq!(look(Some(&signed), &key, published).state(), state);
        }
        let mut feeling = notice;
        feeling.texts[1]
            .easy
            .lines
            .push("On voit vos émotions.".to_owned());
        let document = signed.verify(&key).unwrap();
        let found = feelings(&feeling, document.document());
        assert_eq!(
            found,
            [format!("{}: émotion", feeling.texts[1].language.tag())]
        );
    }
}
