//! The screen inside the program: shows the notice, acknowledges what it is told to show.
//!
//! It lets the loop run where no browser plays, in the demo above all. It renders the real notice,
//! says so at the real rate, and is silent as soon as a browser plays the same screen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use regard_commitments::Notice;
use regard_domain::{PlayId, ScreenId, SlotId};
use tokio::time::MissedTickBehavior;

use crate::handle::Engine;
use crate::players::IN_PROCESS;
use crate::view::{Heartbeat, ScreenView};

/// How often the notice is reported in view; the gate waits for a second.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(250);

/// The notice as text, every language below the other; what a terminal or a print would show.
pub fn notice_text(notice: &Notice) -> String {
    let mut text = String::new();
    for words in &notice.texts {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", words.title);
        for line in &words.lines {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "  {}: {}", words.more, notice.privacy_path);
        if let Some(banner) = &words.lab_banner {
            let _ = writeln!(text, "  {banner}");
        }
    }
    text
}

/// The play of each slot; of a screen that is not parted, of nothing in particular.
type Plays = BTreeMap<Option<SlotId>, PlayId>;

/// Plays a screen until the engine stops.
pub(crate) async fn play_in_process(engine: Engine, screen: ScreenId) {
    let Ok(mut view) = engine.screen(&screen) else {
        return;
    };
    let mut beat = tokio::time::interval(HEARTBEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut on_glass = Plays::new();
    while !engine.shared.stopper.is_stopping() {
        tokio::select! {
            _ = beat.tick() => {
                let (notice, plays) = {
                    let view = view.borrow();
                    (std::sync::Arc::clone(&view.notice), plays_of(&view))
                };
                let heartbeat = Heartbeat {
                    player: IN_PROCESS.to_owned(),
                    notice_hash: notice.hash().to_string(),
                    in_view: !notice_text(&notice).is_empty(),
                };
                if engine.heartbeat(&screen, heartbeat).is_err() {
                    continue; // Busy or stopping; the next beat tells.
                }
                // After a browser left, what it showed is on this glass.
                acknowledge(&engine, &screen, plays, &mut on_glass);
            }
            changed = view.changed() => {
                if changed.is_err() {
                    return;
                }
                let plays = plays_of(&view.borrow_and_update());
                acknowledge(&engine, &screen, plays, &mut on_glass);
            }
        }
    }
}

fn plays_of(view: &ScreenView) -> Plays {
    let plays = view.showings().map(|s| (s.decision.slot.clone(), s.play));
    plays.collect()
}

/// Says of each slot that shows something else that it does.
fn acknowledge(engine: &Engine, screen: &ScreenId, plays: Plays, on_glass: &mut Plays) {
    for (slot, play) in plays {
        let now = engine.now();
        if on_glass.get(&slot) != Some(&play)
            && engine.shared.players.is_in_charge(screen, IN_PROCESS, now)
            && engine
                .shown(screen, play, IN_PROCESS.to_owned(), now)
                .is_ok()
        {
            on_glass.insert(slot, play);
        }
    }
}
