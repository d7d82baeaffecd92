//! Mistakes in one message.

use super::{Faults, WEIGHT_RANGE, condition};
use crate::{Content, Creative, FaultKind, planner::MAX_STARTS};

/// A change of the picture shorter than this is a flash that one does not notice seeing.
const FLASH_MILLIS: u32 = 50;

/// Least time between changes of the screen: no more than three flashes in a second.
///
/// # Source
/// WCAG 2.2, success criterion 2.3.1.
const MIN_SHOW_MILLIS: u32 = 334;

/// Longest play: a day.
const MAX_DURATION_MILLIS: u32 = 24 * 3600 * 1000;

/// Longest text of a message in bytes: more fits no screen.
const MAX_TEXT_LEN: usize = 10_000;

/// Longest page given inline, in bytes; larger ones are assets.
const MAX_INLINE_LEN: usize = 256 * 1024;

/// Longest address a scan may lead to: what browsers and servers take everywhere.
const MAX_TARGET_LEN: usize = 2_000;

pub(super) fn check(faults: &mut Faults, path: &str, creative: &Creative) {
    faults.name(&format!("{path}.name"), &creative.name);
    check_times(faults, path, creative);
    check_content(faults, path, creative);
    let weight_path = format!("{path}.weight");
    faults.number(&weight_path, creative.weight, WEIGHT_RANGE, "1 is usual");
    let caps = &creative.caps;
    if let Some(n) = caps.max_per_hour
        && !(1..=MAX_STARTS as u32).contains(&n)
    {
        let path = format!("{path}.caps.max_per_hour");
        faults.add(
            path,
            format!("1 to {MAX_STARTS}"),
            n,
            "leave it out for no cap",
        );
    }
    if caps.max_per_day == Some(0) {
        let path = format!("{path}.caps.max_per_day");
        faults.add(path, "at least 1", 0, "leave it out for no cap");
    }
    if creative.changes_price_or_access {
        faults.refuse(
            FaultKind::SignificantEffect,
            format!("{path}.changes_price_or_access"),
            (
                "a message that changes nobody's price, credit or access",
                true,
            ),
            "offer the same to everyone, and let a person decide about exceptions",
        );
    }
    if let Some(target) = &creative.target_url
        && let Err(expected) = check_target(target)
    {
        let path = format!("{path}.target_url");
        let found = format!("{target:?}");
        faults.add(path, expected, found, "such as https://example.org/spring");
    }
    if let Some(language) = creative.language.as_deref().filter(|tag| !is_language(tag)) {
        let path = format!("{path}.language");
        let found = format!("{:?}", language.chars().take(40).collect::<String>());
        faults.add(path, "a language tag", found, "such as en or pt-BR");
    }
    condition::check(faults, &format!("{path}.when"), &creative.when);
    check_features(faults, &format!("{path}.features"), creative);
}

/// A language, and perhaps script and place: the form of the tags of BCP 47, section 2.1, without their list.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    is_language
        && tag.len() <= 35
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// Most features of one message.
const MAX_FEATURES: usize = 32;

/// Longest name of a feature, in bytes.
const MAX_FEATURE_LEN: usize = 64;

fn check_features(faults: &mut Faults, path: &str, creative: &Creative) {
    if creative.features.len() > MAX_FEATURES {
        let found = creative.features.len();
        let expected = format!("up to {MAX_FEATURES} features");
        faults.add(path, expected, found, "keep those that messages share");
    }
    for (name, value) in &creative.features {
        let is_name = (1..=MAX_FEATURE_LEN).contains(&name.len())
            && name
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'));
        if !is_name || name.starts_with("id.") {
            let expected = format!(
                "names of 1 to {MAX_FEATURE_LEN} of a-z, 0-9, '_', '-' and '.', not beginning with id."
            );
            let found = format!(
                "{:?}",
                name.chars().take(MAX_FEATURE_LEN).collect::<String>()
            );
            faults.add(path, expected, found, "such as coffee or warm_colors");
        } else if crate::lint::names_a_weakness(name) {
            faults.refuse(
                FaultKind::VulnerabilityTargeting,
                path,
                ("what the message is like", name),
                "a policy may not learn to aim at distress, fatigue, age, disability or poverty",
            );
        }
        let suggestion = "from -1 to 1; 1 for yes";
        faults.number(&format!("{path}.{name}"), *value, (-1.0, 1.0), suggestion);
    }
}

/// Whether a scan may lead there: a web page of a named host, written so that a reader sees which.
fn check_target(target: &str) -> Result<(), String> {
    if target.len() > MAX_TARGET_LEN {
        return Err(format!("up to {MAX_TARGET_LEN} bytes"));
    }
    let rest = target
        .strip_prefix("https://")
        .or_else(|| target.strip_prefix("http://"))
        .ok_or("an address that begins with https:// or http://")?;
    // RFC 3986: everything else is to be written with percent signs.
    let is_plain = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    if !rest.bytes().all(is_plain) {
        return Err("an address without spaces and letters that need %".to_owned());
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err("an address without user name or password".to_owned());
    }
    let (name, port) = split_port(host);
    let is_named = !name.is_empty() && name.bytes().all(is_host_byte);
    let has_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if is_named && has_port {
        Ok(())
    } else {
        Err("an address with the name of a host".to_owned())
    }
}

/// The name of a host and what stands after its colon; colons inside brackets belong to an IPv6 address.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    }
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
}

fn check_times(faults: &mut Faults, path: &str, creative: &Creative) {
    let (duration, min_show) = (creative.duration_millis, creative.min_show_millis);
    let transition = creative.transition_millis;
    let times = [("duration_millis", duration), ("min_show_millis", min_show)];
    for (name, millis) in times {
        let path = format!("{path}.{name}");
        if millis < FLASH_MILLIS {
            refuse_flash(faults, path, millis);
        } else if millis < MIN_SHOW_MILLIS {
            let expected = format!("at least {MIN_SHOW_MILLIS} ms");
            let suggestion = "screens change at most three times a second, for those it makes ill";
            faults.add(path, expected, millis, suggestion);
        } else if millis > MAX_DURATION_MILLIS {
            let expected = format!("up to {MAX_DURATION_MILLIS} ms");
            faults.add(path, expected, millis, "milliseconds, not microseconds?");
        }
    }
    if min_show > duration {
        let path = format!("{path}.min_show_millis");
        faults.add(
            path,
            format!("up to the duration, {duration} ms"),
            min_show,
            "lower it",
        );
    }
    let transition_path = format!("{path}.transition_millis");
    if (1..FLASH_MILLIS).contains(&transition) {
        refuse_flash(faults, transition_path, transition);
    } else if transition > min_show {
        let expected = format!("up to min_show_millis, {min_show} ms");
        faults.add(transition_path, expected, transition, "300 is usual");
    }
}

fn refuse_flash(faults: &mut Faults, path: String, millis: u32) {
    let expected = if path.ends_with("transition_millis") {
        format!("0 for a cut, or at least {FLASH_MILLIS} ms")
    } else {
        format!("at least {MIN_SHOW_MILLIS} ms")
    };
    faults.refuse(
        FaultKind::VulnerabilityTargeting,
        path,
        (expected, millis),
        "what is too short to be noticed may not be shown",
    );
}

fn check_content(faults: &mut Faults, path: &str, creative: &Creative) {
    let content = format!("{path}.content");
    match &creative.content {
        Content::Text {
            title,
            body,
            background,
            color,
        } => {
            if title.trim().is_empty() {
                faults.add(
                    format!("{content}.title"),
                    "some text",
                    "nothing",
                    "say something",
                );
            }
            if title.len() + body.len() > MAX_TEXT_LEN {
                let found = title.len() + body.len();
                let expected = format!("up to {MAX_TEXT_LEN} bytes with the title");
                faults.add(format!("{content}.body"), expected, found, "shorten it");
            }
            for (name, value) in [("background", background), ("color", color)] {
                if !is_color(value) {
                    let path = format!("{content}.{name}");
                    faults.add(
                        path,
                        "a color as #rrggbb",
                        format!("{value:?}"),
                        "such as #1a2b3c",
                    );
                }
            }
        }
        Content::Image { asset } | Content::Video { asset } => check_asset(faults, &content, asset),
        Content::Html { asset, inline } => match (asset, inline) {
            (Some(asset), None) => check_asset(faults, &content, asset),
            (None, Some(inline)) if (1..=MAX_INLINE_LEN).contains(&inline.len()) => {}
            (None, Some(inline)) => {
                let path = format!("{content}.inline");
                let expected = format!("1 to {MAX_INLINE_LEN} bytes");
                faults.add(path, expected, inline.len(), "make it an asset");
            }
            (Some(_), Some(_)) => {
                faults.add(content, "`asset` or `inline`", "both", "remove one of them");
            }
            (None, None) => {
                faults.add(content, "`asset` or `inline`", "neither", "add one of them");
            }
        },
    }
    let is_text = matches!(creative.content, Content::Text { .. });
    if !is_text && creative.alt_text.trim().is_empty() {
        let suggestion = "say in words what it shows, for those who cannot see it";
        faults.add(
            format!("{path}.alt_text"),
            "some text",
            "nothing",
            suggestion,
        );
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A path that cannot leave the asset folder, on any system.
fn check_asset(faults: &mut Faults, content: &str, asset: &str) {
    let is_inside = !asset.contains(['\\', ':', '\0'])
        && asset.len() <= 1024
        && asset
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    if !is_inside {
        let path = format!("{content}.asset");
        let suggestion = "name a file of the asset folder, such as summer/coffee.jpg";
        faults.add(
            path,
            "a path inside the asset folder",
            format!("{asset:?}"),
            suggestion,
        );
    }
}
