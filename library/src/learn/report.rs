//! The report of a go at learning: one page that needs nothing else.

mod drawing;

use std::fmt::Write as _;

use regard_domain::wilson;
use regard_vision::Photo;

use self::drawing::{curve_svg, reliability_svg};
use super::choose::HeadKind;
use super::conformal::{Promise, n_to_promise};
use super::curve::Needed;
use super::embedder::thumbnail_of;
use super::findings::Findings;

/// Most classes of which every pair is shown.
const MAX_MATRIX: usize = 20;

/// Most classes, confusions and photographs that are listed.
const MAX_LISTED: usize = 25;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;color:#1d2733;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .5rem}p{max-width:46rem}\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;margin:1.2rem 0}\
.tile{border:1px solid #d5dce4;border-radius:.5rem;padding:.7rem .9rem}.tile b{display:block;font-size:1.5rem;line-height:1.2}\
.tile span{color:#4b5766;font-size:.85rem}.warn{border-left:4px solid #be4b00;background:#fff6ef;padding:.6rem .9rem}\
table{border-collapse:collapse;font-size:.9rem;margin:.5rem 0}th,td{padding:.25rem .6rem;border-bottom:1px solid #e1e6ec;text-align:left;vertical-align:middle}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85rem;overflow-wrap:anywhere}\
.wide{overflow-x:auto}svg{max-width:100%;height:auto}img{display:block;max-height:96px}footer{margin-top:3rem;color:#4b5766;font-size:.85rem}";

/// Text as it stands between tags and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// A share in percent, with as many digits as it needs.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let text = if value >= 10.0 || value == 0.0 {
        format!("{value:.1}")
    } else if value >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

/// A number in groups of three.
pub(super) fn grouped(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Two digits that count, the rest noughts.
pub(super) fn rounded(n: f64) -> String {
    let scale = 10.0_f64.powf(n.max(1.0).log10().floor() - 1.0).max(1.0);
    grouped((n / scale).round() * scale)
}

/// The page. `picture` gives a picture of a doubtful photograph as a `data:` address, where pictures were asked for.
///
/// # Privacy
/// Names photographs by their paths, and shows none unless asked to.
pub fn report_page(
    findings: &Findings,
    title: &str,
    picture: &mut dyn FnMut(&str) -> Option<String>,
) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>",
        escaped(title)
    );
    let parts = [
        head(findings),
        tiles(findings),
        warnings(findings),
        charts(findings),
        classes(findings),
        confusions(findings),
        doubts(findings, picture),
        unread(findings),
        means(findings),
    ];
    page.extend(parts);
    page += "</body></html>\n";
    page
}

fn head(f: &Findings) -> String {
    let kind = match f.kind() {
        HeadKind::Prototypes => "the mean of each class".to_owned(),
        HeadKind::Logistic(penalty) => format!("logistic regression (penalty {penalty:e})"),
    };
    format!(
        "<p>{} photographs in {} classes; network <code>{}</code> ({} values); {kind}. {} taught, {} calibrated, {} tested: no \
         photograph did two of these.</p>",
        grouped(f.n_of_class.iter().sum::<usize>() as f64),
        f.classes.len(),
        escaped(&f.network.0),
        f.network.1,
        grouped(f.n_taught as f64),
        grouped(f.n_calibrating as f64),
        grouped(f.tested.n as f64),
    )
}

fn tile(value: &str, what: &str) -> String {
    format!("<div class=\"tile\"><b>{value}</b><span>{what}</span></div>")
}

fn between((low, high): (f64, f64)) -> String {
    format!("{} to {}", percent(low), percent(high))
}

fn tiles(f: &Findings) -> String {
    let t = &f.tested;
    let share = |n: usize| percent(n as f64 / t.n.max(1) as f64);
    let mut out = String::from("<div class=\"tiles\">");
    out += &tile(
        &share(t.n_wrong),
        &format!(
            "taken for another class when it has to say one (95 %: {})",
            between(wilson(t.n_wrong as u64, t.n as u64))
        ),
    );
    out += &tile(
        &share(t.n_decided),
        &format!("decided; on {} it abstains", share(t.n - t.n_decided)),
    );
    let wrong = percent(t.n_decided_wrong as f64 / t.n_decided.max(1) as f64);
    out += &tile(
        &wrong,
        &format!(
            "of the decisions wrong ({} of {})",
            t.n_decided_wrong, t.n_decided
        ),
    );
    out += &tile(
        &share(t.n_missed),
        &format!(
            "of the sets miss the true class; promised: at most {}",
            percent(f.error)
        ),
    );
    out += &tile(
        &format!("{:.3}", t.calibration_error),
        &format!("calibration error (temperature {:.3})", f.temperature),
    );
    out += &tile(
        &needed_short(&f.curve.needed),
        &format!("for {} right", percent(f.curve.target)),
    );
    out + "</div>"
}

fn needed_short(needed: &Needed) -> String {
    match needed {
        Needed::Reached => "enough".to_owned(),
        Needed::About { n, .. } => format!("≈ {}", rounded(*n)),
        Needed::OutOfReach => "out of reach".to_owned(),
        Needed::CannotSay => "cannot say".to_owned(),
    }
}

/// What the learning curve says, in a sentence.
pub fn needed_in_words(needed: &Needed, target: f64) -> String {
    let target = percent(target);
    match needed {
        Needed::Reached => format!("{target} right is reached with what there is"),
        Needed::About { n, low, high } => {
            let high = high.map_or_else(
                || "more than a hundred times what there is".to_owned(),
                rounded,
            );
            format!(
                "you would need about {} photographs for {target} right (90 %: {} to {high}), if the error goes on falling as it does",
                rounded(*n),
                rounded(*low)
            )
        }
        Needed::OutOfReach => format!(
            "more photographs of this kind will not bring {target} right: the error falls too slowly; better photographs, another network or clearer classes may"
        ),
        Needed::CannotSay => format!(
            "too few wrong answers or photographs to say how many it would take for {target} right"
        ),
    }
}

/// What stands in the way of the promise, a sentence each.
pub fn obstacles(f: &Findings) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(needed) = f.n_needed {
        let what = match f.promise {
            Promise::Overall => format!(
                "{} photographs calibrate, and an error of {} needs {}: about {} photographs in all",
                f.n_calibrating,
                percent(f.error),
                grouped(n_to_promise(f.error) as f64),
                grouped(needed as f64)
            ),
            Promise::EachClass => format!(
                "an error of {} promised to each class needs {} photographs of each that calibrate, about {} in all; short: {}",
                percent(f.error),
                grouped(n_to_promise(f.error) as f64),
                grouped(needed as f64),
                f.short_classes
                    .iter()
                    .take(MAX_LISTED)
                    .map(|(name, n)| format!("{name} ({n})"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        found.push(format!(
            "{what}. Until then the model decides nothing at that error; the least that can be promised is {}",
            percent(f.least_error)
        ));
    }
    if f.n_moved > 0 {
        found.push(format!(
            "{} photographs drawn to calibrate had to teach, since their class has so few: the promise is kept less exactly",
            f.n_moved
        ));
    }
    if f.n_duplicates > 0 {
        found.push(format!(
            "{} photographs are the same as another of their class, and count once",
            f.n_duplicates
        ));
    }
    if !f.contradictions.is_empty() {
        found.push(format!(
            "{} photographs lie in two classes, and count in the first",
            f.contradictions.len()
        ));
    }
    found
}

fn warnings(f: &Findings) -> String {
    obstacles(f).iter().fold(String::new(), |mut out, text| {
        let _ = write!(out, "<p class=\"warn\">{}.</p>", escaped(text));
        out
    })
}

fn charts(f: &Findings) -> String {
    format!(
        "<h2>Are its probabilities true?</h2><p>Of photographs about which it is so sure, as many ought to be right.</p>{}\
         <h2>How the error falls</h2><p>{}.</p>{}",
        reliability_svg(&f.tested.bins),
        escaped(&capital(&needed_in_words(&f.curve.needed, f.curve.target))),
        curve_svg(&f.curve),
    )
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn classes(f: &Findings) -> String {
    let mut order: Vec<usize> = (0..f.classes.len()).collect();
    let rate = |class: usize| {
        let own = &f.tested.of_class[class];
        own.n_wrong as f64 / own.n.max(1) as f64
    };
    order.sort_by(|a, b| rate(*b).total_cmp(&rate(*a)).then(a.cmp(b)));
    let mut out = String::from(
        "<h2>Classes, the worst first</h2><div class=\"wide\"><table><tr><th>class</th><th class=\"n\">photographs</th>\
         <th class=\"n\">tested</th><th class=\"n\">taken for another</th><th class=\"n\">95 %</th><th class=\"n\">decided</th>\
         <th class=\"n\">decided wrongly</th></tr>",
    );
    for class in order.iter().take(MAX_LISTED).copied() {
        let own = &f.tested.of_class[class];
        let _ = write!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escaped(&f.classes[class]),
            grouped(f.n_of_class[class] as f64),
            own.n,
            own.n_wrong,
            between(wilson(own.n_wrong as u64, own.n as u64)),
            own.n_decided,
            own.n_decided_wrong,
        );
    }
    out += "</table></div>";
    if order.len() > MAX_LISTED {
        let _ = write!(
            out,
            "<p>{} more classes did better.</p>",
            order.len() - MAX_LISTED
        );
    }
    out
}

fn confusions(f: &Findings) -> String {
    let mut out = String::from("<h2>What is taken for what</h2>");
    if f.tested.confusions.is_empty() {
        return out + "<p>Nothing, among the photographs that tested.</p>";
    }
    if f.classes.len() <= MAX_MATRIX {
        return out + &matrix(f);
    }
    out += "<table><tr><th>class</th><th>taken for</th><th class=\"n\">times</th></tr>";
    for (class, taken_for, n) in f.tested.confusions.iter().take(MAX_LISTED) {
        let name = |class: u32| escaped(&f.classes[class as usize]);
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{n}</td></tr>",
            name(*class),
            name(*taken_for)
        );
    }
    out + "</table>"
}

fn matrix(f: &Findings) -> String {
    let n = f.classes.len();
    let mut cells = vec![0; n * n];
    for (class, taken_for, times) in &f.tested.confusions {
        cells[*class as usize * n + *taken_for as usize] = *times;
    }
    for (class, own) in f.tested.of_class.iter().enumerate() {
        cells[class * n + class] = own.n - own.n_wrong;
    }
    let mut out = String::from("<div class=\"wide\"><table><tr><th>is \\ taken for</th>");
    for name in &f.classes {
        let _ = write!(out, "<th class=\"n\">{}</th>", escaped(name));
    }
    out += "</tr>";
    for (class, row) in cells.chunks_exact(n).enumerate() {
        let all = row.iter().sum::<usize>().max(1);
        let _ = write!(out, "<tr><th>{}</th>", escaped(&f.classes[class]));
        for (taken_for, times) in row.iter().enumerate() {
            let share = *times as f64 / all as f64;
            let color = if class == taken_for {
                "0,121,86"
            } else {
                "190,75,0"
            };
            let text = if *times == 0 {
                String::new()
            } else {
                times.to_string()
            };
            let _ = write!(
                out,
                "<td class=\"n\" style=\"background:rgba({color},{:.2})\">{text}</td>",
                share * 0.55
            );
        }
        out += "</tr>";
    }
    out + "</table></div>"
}

fn doubts(f: &Findings, picture: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::from("<h2>Photographs it doubts</h2>");
    if f.doubts.is_empty() && f.contradictions.is_empty() {
        return out + "<p>None.</p>";
    }
    let _ = write!(
        out,
        "<p>{} look more like another class than like their own, the most doubtful first: in the wrong folder, badly cut, or hard.</p>\
         <div class=\"wide\"><table><tr><th>photograph</th><th>lies in</th><th>looks like</th><th class=\"n\">own class</th></tr>",
        f.n_doubts
    );
    for doubt in &f.doubts {
        let shown = picture(&doubt.name).map_or_else(String::new, |address| {
            format!("<img alt=\"\" src=\"{}\">", escaped(&address))
        });
        let _ = write!(
            out,
            "<tr><td>{shown}<code>{}</code></td><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
            escaped(&doubt.name),
            escaped(&doubt.class),
            escaped(&doubt.taken_for),
            percent(doubt.probability)
        );
    }
    for (name, class) in f.contradictions.iter().take(MAX_LISTED) {
        let _ = write!(
            out,
            "<tr><td><code>{}</code></td><td>two classes</td><td>{}</td><td class=\"n\">left out</td></tr>",
            escaped(name),
            escaped(class)
        );
    }
    out + "</table></div>"
}

fn unread(f: &Findings) -> String {
    if f.n_unread == 0 && f.n_passed_over == 0 {
        return String::new();
    }
    let mut out = format!(
        "<h2>Left out</h2><p>{} photographs could not be read; {} files are no pictures.</p><ul>",
        f.n_unread, f.n_passed_over
    );
    for (name, reason) in f.unread.iter().take(MAX_LISTED) {
        let _ = write!(
            out,
            "<li><code>{}</code>: {}</li>",
            escaped(name),
            escaped(reason)
        );
    }
    out + "</ul>"
}

fn means(f: &Findings) -> String {
    let whom = match f.promise {
        Promise::Overall => "over all photographs together; rare classes may be missed more often",
        Promise::EachClass => "for each class by itself",
    };
    format!(
        "<h2>What is promised</h2><p>As long as what comes is drawn as the photographs here were, the set of classes that the model \
         gives misses the true one at most {} of the time, {whom}. That holds in the mean over what could have calibrated, whatever \
         the network and the head are worth; a worse model abstains more. It does not hold for photographs of another kind: other \
         light, other cameras, other shares of the classes. <code>regard classify --check-drift</code> says when that is so.</p>\
         <footer>Written by <code>regard learn</code>. It shows no picture unless asked to, and loads nothing from elsewhere.</footer>",
        percent(f.error)
    )
}

/// A small picture of a photograph, as a `data:` address.
pub fn thumbnail(photo: &Photo) -> Option<String> {
    thumbnail_of(photo.view())
}

#[cfg(test)]
mod tests;
