//! The same frames where less is promised.

use super::*;

/// A run of the recorded frames under other uses: what was decided, what was learned, and the rows that were kept.
fn under(uses: Uses, withdrawn_at: Option<usize>) -> (Vec<Decision>, usize, usize) {
    let (_, text) = live();
    let mut reader = RecordingReader::open(Cursor::new(text.as_bytes())).unwrap();
    let (head, remembered) = (&reader.0, &reader.1);
    let mut head = head.clone();
    head.uses = vec![(Some(camera()), uses)];
    let mut conductor = conductor_of(&head, remembered).unwrap();
    let mut crowds = crowds_of(&head).unwrap();
    let (mut decisions, mut n_learned, mut n_minutes) = (Vec::new(), 0, 0);
    let mut n = 0;
    while let Some((now, input)) = reader.2.next_input().unwrap() {
        n += 1;
        if withdrawn_at == Some(n) {
            conductor.withdrawn(&camera());
            conductor.set_uses(Some(&camera()), Uses::default(), now);
        }
        let effects = match input {
            Input::Seen { sighting } => {
                let sighting = sighting.to_sighting();
                let (crowd, rng) = crowds.get_mut(&sighting.camera).unwrap();
                let Ok(digest) = crowd.observe(&sighting, rng) else {
                    continue;
                };
                conductor.seen(&sighting.camera, &digest, sighting.captured_at, now)
            }
            Input::Shown { screen, play, at } => conductor.shown(&screen, play, at),
            Input::Tick => conductor.tick(now),
            Input::Finished => conductor.finish(now),
            _ => Vec::new(),
        };
        let mut plays = Vec::new();
        for effect in effects {
            match effect {
                Effect::Keep(Row::Decision(row)) => decisions.push(row.0),
                Effect::Keep(Row::Policy(_)) => n_learned += 1,
                Effect::Keep(Row::Minute(_)) => n_minutes += 1,
                Effect::Show { showing, .. } => plays.push(showing.play),
                Effect::Keep(_) | Effect::OnGlass { .. } => {}
            }
        }
        for play in plays {
            conductor.shown(&screen(), play, now);
        }
    }
    (decisions, n_learned, n_minutes)
}

#[test]
fn what_is_not_promised_is_not_done() {
    let for_someone = |decisions: &[Decision]| {
        let n_visitors = |d: &Decision| {
            d.features
                .iter()
                .any(|(name, value)| name.starts_with("n_visitors") && *value > 0.0)
        };
        decisions
            .iter()
            .filter(|d| n_visitors(d) || d.policy == "linucb")
            .count()
    };
    let (decisions, n_learned, n_minutes) = under(Uses::ALL, None);
    assert!(for_someone(&decisions) > 0 && n_learned > 0 && n_minutes > 0);
    let no = |change: fn(&mut Uses)| {
        let mut uses = Uses::ALL;
        change(&mut uses);
        under(uses, None)
    };
    let (decisions, _, n_minutes) = no(|uses| uses.selection = false);
    assert_eq!(for_someone(&decisions), 0, "chosen as if nobody were there");
    assert!(!decisions.is_empty() && n_minutes > 0);
    let (decisions, n_learned, _) = no(|uses| uses.learning = false);
    assert!(for_someone(&decisions) > 0);
    assert_eq!(n_learned, 0);
    assert_eq!(no(|uses| uses.measurement = false).2, 0);
}

#[test]
fn nothing_is_learned_of_who_took_their_agreement_back() {
    let learned = under(Uses::ALL, None).1;
    let (_, after_half, _) = under(Uses::ALL, Some(600));
    assert!(after_half < learned, "{after_half} of {learned}");
    // Withdrawn before anything was shown: what an earlier run awaits is all that can be learned.
    let (decisions, at_once, _) = under(Uses::ALL, Some(1));
    assert_eq!(at_once, 0);
    assert!(decisions.iter().all(|d| d.policy != "linucb"));
}
