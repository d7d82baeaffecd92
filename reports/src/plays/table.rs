//! Plays by message, screen, slot, hour or segment, with intervals.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regard_decision::{Count, Mean, Share};
use serde::Serialize;

/// One play with what was measured of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportPlay {
    /// On which screen.
    pub screen: String,
    /// In which slot of it; nothing where the message had all of the glass.
    pub slot: Option<String>,
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<String>,
    /// Which message.
    pub creative: String,
    /// Hour on the clock of the site, 0 to 23.
    pub hour: u8,
    /// Segments of the experiment of its campaign.
    pub segments: Vec<String>,
    /// How long it was shown.
    pub shown_secs: f32,
    /// Seconds with anyone in view; nothing where nobody looked.
    pub dwell_secs: Option<f32>,
    /// Seconds looked at, summed over visitors.
    pub attention_secs: Option<f32>,
    /// Mean probability of a smile less that before.
    pub smile_lift: Option<f32>,
    /// Scans of its code.
    pub n_scans: u32,
    /// Conversions.
    pub n_conversions: u32,
}

/// By what plays are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grouping {
    /// Campaign and message.
    #[default]
    Message,
    /// Screen.
    Screen,
    /// Slot of a screen; of a screen that is not parted, the screen.
    Slot,
    /// Hour of the day.
    Hour,
    /// Segment; a play may belong to several, or to none.
    Segment,
}

impl Grouping {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Message,
        Self::Screen,
        Self::Slot,
        Self::Hour,
        Self::Segment,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Screen => "screen",
            Self::Slot => "slot",
            Self::Hour => "hour",
            Self::Segment => "segment",
        }
    }

    fn keys(self, play: &ReportPlay) -> Vec<String> {
        match self {
            Self::Message => {
                let campaign = play.campaign.as_deref().unwrap_or("default message");
                vec![format!("{campaign} / {}", play.creative)]
            }
            Self::Screen => vec![play.screen.clone()],
            Self::Slot => vec![match &play.slot {
                Some(slot) => format!("{} / {slot}", play.screen),
                None => play.screen.clone(),
            }],
            Self::Hour => vec![format!("{:02}:00", play.hour)],
            Self::Segment if play.segments.is_empty() => vec!["no segment".to_owned()],
            Self::Segment => play.segments.clone(),
        }
    }
}

impl std::str::FromStr for Grouping {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|one| one.name() == text);
        known.ok_or_else(|| "expected message, screen, slot, hour or segment".to_owned())
    }
}

/// Plays put together.
///
/// The words of the Media Rating Council: a play with somebody in view is an opportunity to see; how likely it was then to be
/// seen is the part of those that somebody looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportRow {
    /// What they have in common.
    pub key: String,
    /// How many.
    pub n_plays: u64,
    /// How long altogether.
    pub shown_secs: f64,
    /// Plays with somebody in view, of all: those not measured are estimated.
    pub opportunities: Option<Count>,
    /// Plays with somebody in view, of those measured.
    pub opportunity_to_see: Option<Share>,
    /// Of those, plays that somebody looked at.
    pub likelihood_to_see: Option<Share>,
    /// Seconds with somebody in view a play.
    pub dwell_secs: Option<Mean>,
    /// Seconds looked at a play, summed over visitors.
    pub attention_secs: Option<Mean>,
    /// Smile lift a play.
    pub smile_lift: Option<Mean>,
    /// Plays with a scan.
    pub scanned: Share,
    /// Plays with a conversion.
    pub converted: Share,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlayTable {
    /// By what: `message`, `screen`, `slot`, `hour` or `segment`.
    pub by: &'static str,
    /// From when on, in words.
    pub from: String,
    /// Until when, in words.
    pub to: String,
    /// Whether what was measured of people is in it. Otherwise only what counts screens is, which may leave the site as it is.
    pub has_people: bool,
    /// The rows, in order of key.
    pub rows: Vec<ReportRow>,
}

fn row(key: String, plays: &[&ReportPlay]) -> ReportRow {
    let count = |has: &dyn Fn(&ReportPlay) -> bool| plays.iter().filter(|p| has(p)).count() as u64;
    let n_plays = plays.len() as u64;
    let was_seen = |p: &ReportPlay| p.dwell_secs.is_some_and(|secs| secs > 0.0);
    let n_measured = count(&|p| p.dwell_secs.is_some());
    let n_seen = count(&was_seen);
    let n_looked = count(&|p| was_seen(p) && p.attention_secs.is_some_and(|secs| secs > 0.0));
    ReportRow {
        key,
        n_plays,
        shown_secs: plays.iter().map(|p| f64::from(p.shown_secs)).sum(),
        opportunities: Count::of(n_seen, n_measured, n_plays),
        opportunity_to_see: (n_measured > 0).then(|| Share::of(n_seen, n_measured)),
        likelihood_to_see: (n_seen > 0).then(|| Share::of(n_looked, n_seen)),
        dwell_secs: Mean::of_shown(plays.iter().map(|p| (p.dwell_secs, p.shown_secs))),
        attention_secs: Mean::of(plays.iter().filter_map(|p| p.attention_secs)),
        smile_lift: Mean::of_lift(plays.iter().filter_map(|p| p.smile_lift)),
        scanned: Share::of(count(&|p| p.n_scans > 0), n_plays),
        converted: Share::of(count(&|p| p.n_conversions > 0), n_plays),
    }
}

impl PlayTable {
    /// The report of these plays; all intervals are of 95 %.
    pub fn new(plays: &[ReportPlay], by: Grouping, (from, to): (String, String)) -> Self {
        let mut groups: BTreeMap<String, Vec<&ReportPlay>> = BTreeMap::new();
        for play in plays {
            for key in by.keys(play) {
                groups.entry(key).or_default().push(play);
            }
        }
        Self {
            by: by.name(),
            from,
            to,
            has_people: true,
            rows: groups
                .into_iter()
                .map(|(key, plays)| row(key, &plays))
                .collect(),
        }
    }

    /// Without what was measured of people: that leaves the site with noise alone, see `regard statistics`.
    #[must_use]
    pub fn without_people(mut self) -> Self {
        self.has_people = false;
        for row in &mut self.rows {
            row.opportunities = None;
            row.opportunity_to_see = None;
            row.likelihood_to_see = None;
            row.dwell_secs = None;
            row.attention_secs = None;
            row.smile_lift = None;
        }
        self
    }

    /// A table with a header: each number with the ends of its interval.
    pub fn to_csv(&self) -> String {
        let mut text = format!("{},plays,shown_secs", self.by);
        for name in NUMBERS {
            // Writing to a string cannot fail.
            let _ = write!(text, ",{name},{name}_low,{name}_high");
        }
        text.push('\n');
        for row in &self.rows {
            let _ = write!(
                text,
                "{},{},{:.3}",
                quoted(&row.key),
                row.n_plays,
                row.shown_secs
            );
            for number in row.numbers() {
                let cell =
                    |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.6}"));
                let _ = write!(
                    text,
                    ",{},{},{}",
                    cell(number.value),
                    cell(number.low),
                    cell(number.high)
                );
            }
            text.push('\n');
        }
        text
    }
}

/// A text as CSV has it. What a spreadsheet would take for a formula begins with a space.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        " "
    } else {
        ""
    };
    let text = format!("{guard}{text}");
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Names of the numbers of a row, in the order of [`ReportRow::numbers`]; the ends of their intervals are called `NAME_low` and
/// `NAME_high`.
pub const NUMBERS: [&str; 8] = [
    "opportunities",
    "opportunity_to_see",
    "likelihood_to_see",
    "dwell_secs",
    "attention_secs",
    "smile_lift",
    "scanned",
    "converted",
];

/// A number with its interval; what is not known is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Number {
    /// The number.
    pub value: Option<f64>,
    /// Lower end of its interval of 95 %.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl From<Option<Count>> for Number {
    fn from(count: Option<Count>) -> Self {
        Self {
            value: count.map(|c| c.count),
            low: count.map(|c| c.interval.0),
            high: count.map(|c| c.interval.1),
        }
    }
}

impl From<Option<Mean>> for Number {
    fn from(mean: Option<Mean>) -> Self {
        Self {
            value: mean.map(|m| m.mean),
            low: mean.and_then(|m| m.interval).map(|i| i.0),
            high: mean.and_then(|m| m.interval).map(|i| i.1),
        }
    }
}

impl From<Option<Share>> for Number {
    fn from(share: Option<Share>) -> Self {
        Self {
            value: share.map(|s| s.share),
            low: share.map(|s| s.interval.0),
            high: share.map(|s| s.interval.1),
        }
    }
}

impl ReportRow {
    /// Its numbers, in the order of [`NUMBERS`].
    pub fn numbers(&self) -> [Number; NUMBERS.len()] {
        [
            self.opportunities.into(),
            self.opportunity_to_see.into(),
            self.likelihood_to_see.into(),
            self.dwell_secs.into(),
            self.attention_secs.into(),
            self.smile_lift.into(),
            Some(self.scanned).into(),
            Some(self.converted).into(),
        ]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn plays() -> Vec<ReportPlay> {
        let play = |screen: &str, creative: &str, hour, dwell, attention| ReportPlay {
            screen: screen.to_owned(),
            slot: (screen == "window").then(|| format!("{creative} corner")),
            campaign: Some("spring".to_owned()),
            creative: creative.to_owned(),
            hour,
            segments: if hour < 12 {
                vec!["morning".to_owned()]
            } else {
                Vec::new()
            },
            shown_secs: 10.0,
            dwell_secs: dwell,
            attention_secs: attention,
            smile_lift: attention.map(|_| 0.1),
            n_scans: 1,
            n_conversions: 0,
        };
        vec![
            play("window", "coffee", 9, Some(5.0), Some(2.0)),
            play("window", "coffee", 9, Some(5.0), Some(0.0)),
            play("window", "tea", 15, Some(0.0), Some(0.0)),
            play("door", "tea", 15, None, None),
        ]
    }

    fn table(by: Grouping) -> PlayTable {
        PlayTable::new(&plays(), by, ("Monday".to_owned(), "Tuesday".to_owned()))
    }

    #[test]
    fn plays_are_put_together_and_seen_or_not() {
        let by_message = table(Grouping::Message);
        let keys: Vec<&str> = by_message.rows.iter().map(|r| r.key.as_str()).collect();
        assert_eq!(keys, ["spring / coffee", "spring / tea"]);
        let [coffee, tea] = &by_message.rows[..] else {
            panic!("two rows")
        };
        assert_eq!(coffee.opportunity_to_see.unwrap(), Share::of(2, 2));
        assert_eq!(coffee.likelihood_to_see.unwrap(), Share::of(1, 2));
        assert_eq!(tea.opportunity_to_see.unwrap(), Share::of(0, 1));
        assert_eq!(coffee.opportunities.unwrap(), Count::of(2, 2, 2).unwrap());
        assert_eq!(tea.opportunities.unwrap().n, 2, "one of two was measured");
        assert_eq!(tea.likelihood_to_see, None, "nobody could");
        assert_eq!(coffee.attention_secs, Mean::of([2.0, 0.0]));
        let n = |by: Grouping| {
            table(by)
                .rows
                .iter()
                .map(|r| (r.key.clone(), r.n_plays))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            n(Grouping::Screen),
            [("door".to_owned(), 1), ("window".to_owned(), 3)]
        );
        assert_eq!(
            n(Grouping::Slot),
            [
                ("door".to_owned(), 1),
                ("window / coffee corner".to_owned(), 2),
                ("window / tea corner".to_owned(), 1)
            ]
        );
        assert_eq!(
            n(Grouping::Hour),
            [("09:00".to_owned(), 2), ("15:00".to_owned(), 2)]
        );
        assert_eq!(
            n(Grouping::Segment),
            [("morning".to_owned(), 2), ("no segment".to_owned(), 2)]
        );
    }

    #[test]
    fn a_table_has_as_many_cells_in_each_line_and_no_formula() {
        let mut plays = plays();
        plays[0].screen = "=1+1,\"x\"".to_owned();
        let table = PlayTable::new(&plays, Grouping::Screen, (String::new(), String::new()));
        let csv = table.to_csv();
        assert!(csv.contains("\" =1+1,\"\"x\"\"\","), "{csv}");
        let plain = self::table(Grouping::Hour).to_csv();
        let cells: Vec<usize> = plain.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(cells, [27; 3]);
    }

    #[test]
    fn without_people_only_screens_are_counted() {
        let table = table(Grouping::Message).without_people();
        assert!(!table.has_people);
        for row in &table.rows {
            let numbers = row.numbers();
            assert!(numbers[..6].iter().all(|n| *n == Number::default()));
            assert!(row.n_plays > 0 && numbers[6].value.is_some());
        }
    }
}
