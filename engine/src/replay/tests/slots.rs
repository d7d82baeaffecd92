//! A screen that is parted into slots.

use super::*;
use crate::layout::{Layout, SlotArea};

fn parted() -> EngineConfig {
    let mut config = config();
    let areas = [("main", 0), ("side", 50)].map(|(slot, left_percent)| SlotArea {
        slot: slot.parse().unwrap(),
        left_percent,
        top_percent: 0,
        width_percent: 50,
        height_percent: 100,
    });
    config.screens[0].layout = Some(Layout::new(areas.into()).unwrap());
    config
}

#[test]
fn a_run_in_slots_is_replayed_bit_for_bit() {
    let config = parted();
    let seats = [Seat {
        screen: screen(),
        camera: Some(camera()),
        slots: config.screens[0].slots(),
    }];
    let (live, text) = live_of(&config, &seats);
    assert_eq!(replayed(&text).unwrap(), live);
    let n_in = |slot: &str| {
        let is_in = |d: &&Decision| d.slot.as_ref().is_some_and(|own| own.as_str() == slot);
        live.decisions.iter().filter(is_in).count()
    };
    assert!(n_in("main") > 5 && n_in("side") > 5);
    assert_eq!(n_in("main") + n_in("side"), live.decisions.len());

    // Taken for a screen that is not parted, it is another run.
    let whole = with_head(&text, |head| {
        head.as_object_mut().unwrap().remove("slots").unwrap();
    });
    let whole = replayed(&whole).unwrap();
    assert!(whole.decisions.iter().all(|d| d.slot.is_none()));
    assert!(whole.decisions.len() < live.decisions.len());
}

#[test]
fn a_recording_of_a_screen_that_is_not_parted_is_as_it_was() {
    let (_, text) = live();
    assert!(!text.contains("slot"));
}
