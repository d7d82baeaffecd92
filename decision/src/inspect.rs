//! What a person should look at in a message before it is shown: whether it can be read, and by whom.

use serde::Serialize;

use crate::{Campaign, Content, Creative, Fit};

/// Least contrast of letters and their ground.
///
/// # Source
/// WCAG 2.2, success criterion 1.4.3 (level AA): 4.5, and 3 for letters of 24 pixels and more, as titles are.
const LEAST_CONTRAST: f64 = 4.5;
const LEAST_TITLE_CONTRAST: f64 = 3.0;

/// Sides of a screen by which pictures are usually made, longer by shorter.
const USUAL_ASPECT: f64 = 16.0 / 9.0;

/// How far the aspect may be off before bars or cuts are seen: a hundredth of the picture on each side.
const ASPECT_SLACK: f64 = 0.02;

/// Shorter side below which a picture is blurred on a screen of 1080 lines.
const LEAST_SIDE_PX: u32 = 720;

/// Shortest time for which something may light up or go dark: a briefer change is not noticed as seen.
const LEAST_FLASH_MILLIS: u32 = 50;

/// Most flashes within a second.
///
/// # Source
/// WCAG 2.2, success criterion 2.3.1.
const MOST_FLASHES_PER_SEC: u32 = 3;

/// What is known of the file that a message shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetFacts {
    /// Width and height in pixels, where the file says.
    pub size_px: Option<(u32, u32)>,
    /// Shortest time that one picture of an animation stays, in milliseconds.
    pub shortest_frame_millis: Option<u32>,
    /// What was found in a film; nothing where it is none or was not looked through.
    pub flashes: Option<FlashFacts>,
    /// Its size in bytes.
    pub n_bytes: u64,
}

/// What was found in a film that was looked through frame by frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlashFacts {
    /// How briefly a change of the light stayed before it was taken back, in milliseconds, of the briefest.
    pub shortest_millis: Option<u32>,
    /// Most flashes within one second.
    pub most_in_a_second: u32,
    /// Whether all of it was looked at.
    pub is_whole: bool,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// Where, such as `creative[0].content.color`.
    pub path: String,
    /// What was checked: `contrast`, `aspect`, `size`, `flash`, `language`, `alt_text`, `benefit` or `duration`.
    pub check: &'static str,
    /// What is the case, and what to do.
    pub advice: String,
}

/// Relative luminance of `#rrggbb`.
///
/// # Source
/// WCAG 2.2, definition of relative luminance.
fn luminance(color: &str) -> Option<f64> {
    let digits = color
        .strip_prefix('#')
        .filter(|d| d.len() == 6 && d.is_ascii())?;
    let channel = |from: usize| {
        let value = f64::from(u8::from_str_radix(&digits[from..from + 2], 16).ok()?) / 255.0;
        Some(if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        })
    };
    Some(0.2126 * channel(0)? + 0.7152 * channel(2)? + 0.0722 * channel(4)?)
}

/// Contrast of two colors as `#rrggbb`, 1 to 21; nothing when either is no color.
pub fn contrast(one: &str, other: &str) -> Option<f64> {
    let (a, b) = (luminance(one)?, luminance(other)?);
    Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

/// Words at 150 a minute, and two seconds to find the screen: what a message takes to be read.
fn reading_millis(text: &str) -> u32 {
    let n_words = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX / 400);
    2_000 + n_words * 400
}

/// What a person should look at in a campaign; `facts` says what is known of the file of a message.
pub fn inspect(
    campaign: &Campaign,
    facts: impl Fn(&Creative) -> Option<AssetFacts>,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if campaign.viewer_benefit.trim().is_empty() {
        remarks.push(Remark {
            path: "viewer_benefit".to_owned(),
            check: "benefit",
            advice: "say what the viewer gains, in one sentence; it stands on the privacy page"
                .to_owned(),
        });
    }
    for (i, creative) in campaign.creatives.iter().enumerate() {
        let mut add = |field: &str, check, advice: String| {
            remarks.push(Remark {
                path: format!("creative[{i}].{field}"),
                check,
                advice,
            });
        };
        if creative.language.is_none() {
            let advice =
                "say in which language it speaks, such as \"en\": pages are read aloud by it";
            add("language", "language", advice.to_owned());
        }
        match &creative.content {
            Content::Text {
                title,
                body,
                background,
                color,
            } => {
                let least = if body.trim().is_empty() {
                    LEAST_TITLE_CONTRAST
                } else {
                    LEAST_CONTRAST
                };
                if let Some(ratio) = contrast(color, background).filter(|ratio| *ratio < least) {
                    let advice = format!(
                        "letters and ground differ by {ratio:.1} to 1; at least {least} can be read"
                    );
                    add("content.color", "contrast", advice);
                }
                let needed = reading_millis(&format!("{title} {body}"));
                if creative.duration_millis < needed {
                    let advice = format!(
                        "takes about {needed} ms to read and is shown for {}",
                        creative.duration_millis
                    );
                    add("duration_millis", "duration", advice);
                }
            }
            Content::Image { .. } | Content::Video { .. } | Content::Html { .. } => {
                if creative.alt_text.split_whitespace().count() < 3 {
                    let advice =
                        "three words at least: what would somebody miss who cannot see it?";
                    add("alt_text", "alt_text", advice.to_owned());
                }
                match facts(creative) {
                    Some(facts) => look_at_file(creative, facts, &mut add),
                    None if matches!(creative.content, Content::Html { asset: None, .. }) => {}
                    None => add("content.asset", "size", "the file is not there".to_owned()),
                }
            }
        }
    }
    remarks.sort();
    remarks
}

fn look_at_file(
    creative: &Creative,
    facts: AssetFacts,
    add: &mut impl FnMut(&str, &'static str, String),
) {
    if let Some((width, height)) = facts.size_px.filter(|(w, h)| *w > 0 && *h > 0) {
        let (long, short) = (f64::from(width.max(height)), f64::from(width.min(height)));
        let off = (long / short / USUAL_ASPECT - 1.0).abs();
        if off > ASPECT_SLACK {
            let what = match creative.fit {
                Fit::Contain => "it gets bars",
                Fit::Cover => "its edges are cut",
            };
            let advice = format!(
                "{width} by {height} is not the shape of a usual screen: {what}; see the preview"
            );
            add("content.asset", "aspect", advice);
        }
        if width.min(height) < LEAST_SIDE_PX {
            let advice = format!("{width} by {height} pixels are blurred on a large screen");
            add("content.asset", "size", advice);
        }
    }
    if let Some(millis) = facts
        .shortest_frame_millis
        .filter(|millis| *millis < LEAST_FLASH_MILLIS)
    {
        let advice = format!(
            "a picture of it stays for {millis} ms: nothing may flash for less than {LEAST_FLASH_MILLIS} ms; look at it frame by frame"
        );
        add("content.asset", "flash", advice);
    }
    if matches!(creative.content, Content::Video { .. }) {
        look_at_film(facts.flashes, add);
    }
}

/// What is to be said of flashes in a film.
fn look_at_film(flashes: Option<FlashFacts>, add: &mut impl FnMut(&str, &'static str, String)) {
    let mut say = |advice: String| add("content.asset", "flash", advice);
    let Some(flashes) = flashes else {
        let advice = "this film was not looked through, or not yet, and it takes ffmpeg: look again in a moment, or make sure that nothing flashes, more than three times a second or for less than 50 ms";
        say(advice.to_owned());
        return;
    };
    if let Some(millis) = flashes
        .shortest_millis
        .filter(|millis| *millis < LEAST_FLASH_MILLIS)
    {
        say(format!(
            "something lights up or goes dark for {millis} ms: nothing may flash for less than {LEAST_FLASH_MILLIS} ms; look at it frame by frame"
        ));
    }
    let n = flashes.most_in_a_second;
    if n > MOST_FLASHES_PER_SEC {
        say(format!(
            "{n} flashes within a second: more than {MOST_FLASHES_PER_SEC} can bring on seizures (WCAG 2.3.1)"
        ));
    }
    if !flashes.is_whole {
        say("not all of this film could be looked through: look at the rest yourself".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrasts_are_those_of_the_standard() {
        // Published examples: black on white, and #767676 on white, the lightest grey that passes.
        assert!((contrast("#000000", "#ffffff").unwrap() - 21.0).abs() < 1e-9);
        assert!((contrast("#767676", "#ffffff").unwrap() - 4.54).abs() < 0.005);
        assert!((contrast("#ff0000", "#ffffff").unwrap() - 3.998).abs() < 0.005);
        assert_eq!(contrast("red", "#ffffff"), None);
    }

    fn campaign(creative: Creative) -> Campaign {
        Campaign {
            viewer_benefit: "warm hands".to_owned(),
            creatives: vec![creative],
            ..Campaign::named("c".parse().unwrap())
        }
    }

    fn checks(creative: Creative, facts: Option<AssetFacts>) -> Vec<&'static str> {
        let remarks = inspect(&campaign(creative), |_| facts);
        remarks.iter().map(|remark| remark.check).collect()
    }

    #[test]
    fn a_text_is_read_in_time_and_against_its_ground() {
        let good = Creative {
            language: Some("en".to_owned()),
            ..Creative::text("a".parse().unwrap(), "Coffee", "Two for one, today")
        };
        assert_eq!(checks(good.clone(), None), [] as [&str; 0]);
        let mut pale = good.clone();
        pale.content = Content::Text {
            title: "Coffee".to_owned(),
            body: "Two for one".to_owned(),
            background: "#ffffff".to_owned(),
            color: "#aaaaaa".to_owned(),
        };
        pale.duration_millis = 1_000;
        pale.language = None;
        assert_eq!(checks(pale, None), ["contrast", "duration", "language"]);
        let nameless = Campaign::named("c".parse().unwrap());
        assert_eq!(inspect(&nameless, |_| None)[0].check, "benefit");
    }

    #[test]
    fn a_film_is_said_to_flash_or_not_to_be_looked_through() {
        let film = Creative {
            content: Content::Video {
                asset: "a.mp4".to_owned(),
            },
            alt_text: "a cup of coffee".to_owned(),
            language: Some("en".to_owned()),
            ..Creative::text("a".parse().unwrap(), "x", "")
        };
        let said = |flashes: Option<FlashFacts>| {
            let facts = AssetFacts {
                flashes,
                ..AssetFacts::default()
            };
            let remarks = inspect(&campaign(film.clone()), |_| Some(facts));
            remarks.into_iter().map(|r| r.advice).collect::<Vec<_>>()
        };
        let found = |shortest_millis, most_in_a_second, is_whole| {
            said(Some(FlashFacts {
                shortest_millis,
                most_in_a_second,
                is_whole,
            }))
        };
        assert!(said(None)[0].contains("was not looked through"));
        assert_eq!(found(None, 0, true), [] as [&str; 0]);
        assert_eq!(found(Some(50), 3, true), [] as [&str; 0]);
        assert!(found(Some(49), 1, true)[0].contains("for 49 ms"));
        assert!(found(Some(100), 4, true)[0].contains("4 flashes within a second"));
        assert!(found(None, 0, false)[0].contains("not all of this film"));
    }

    #[test]
    fn a_picture_has_a_shape_a_size_and_words() {
        let picture = Creative {
            content: Content::Image {
                asset: "a.gif".to_owned(),
            },
            alt_text: "a cup of coffee".to_owned(),
            language: Some("en".to_owned()),
            ..Creative::text("a".parse().unwrap(), "x", "")
        };
        let facts = |width, height, frame| {
            Some(AssetFacts {
                size_px: Some((width, height)),
                shortest_frame_millis: frame,
                n_bytes: 1,
                flashes: None,
            })
        };
        assert_eq!(
            checks(picture.clone(), facts(1920, 1080, None)),
            [] as [&str; 0]
        );
        assert_eq!(
            checks(picture.clone(), facts(1080, 1920, Some(100))),
            [] as [&str; 0]
        );
        assert_eq!(
            checks(picture.clone(), facts(400, 400, Some(40))),
            ["aspect", "flash", "size"]
        );
        assert_eq!(checks(picture.clone(), None), ["size"]);
        let mute = Creative {
            alt_text: "cup".to_owned(),
            ..picture
        };
        assert_eq!(checks(mute, facts(1920, 1080, None)), ["alt_text"]);
    }
}
