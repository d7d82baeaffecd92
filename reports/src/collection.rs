//! What a collection of pictures shows, as one page that loads nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regard_evaluation::are_told;

use crate::svg::escaped;

/// Least number of pictures or faces that a plot tells apart from none. Smaller groups could be single people, or one party.
///
/// # Source
/// The least group that most states of the USA publish about pupils: National Center for Education Statistics, NCES 2011-603,
/// "Statistical methods for protecting personally identifiable information in aggregate reporting", 2010.
pub const MIN_GROUP: u64 = 10;

/// Bars of attention, and of brightness: tenths of the unit.
const N_TENTHS: usize = 10;

/// Upper edges of sharpness, each twice the one before: blur of a lens or of motion lies below the first, noise above the last.
const SHARPNESS_EDGES: [u32; 7] = [16, 32, 64, 128, 256, 512, 1_024];

/// Most faces of a photograph that have a bar of their own.
const MAX_FACES_TOLD_APART: usize = 10;

/// What is counted of an item.
#[derive(Clone, Copy, Debug, Default)]
pub struct SummarizedItem<'a> {
    /// A photograph.
    pub is_photo: bool,
    /// A video.
    pub is_video: bool,
    /// Faces found.
    pub n_faces: u64,
    /// Variance of the Laplacian.
    pub sharpness: Option<f64>,
    /// Mean luma, in `[0, 1]`.
    pub brightness: Option<f64>,
    /// Hour of the day on the clock of the camera, 0 to 23.
    pub hour: Option<usize>,
    /// It has the bytes of another.
    pub is_copy: bool,
    /// It looks almost as another.
    pub is_near_copy: bool,
    /// What was wrong with it, in words to be counted.
    pub fault: Option<&'a str>,
}

/// Counts of a collection. Holds no name of any file and nothing of any single face.
///
/// # Privacy
/// Counts alone; groups of fewer than [`MIN_GROUP`] are not told.
#[derive(Clone, Debug, Default)]
pub struct CollectionSummary {
    n_photos: u64,
    n_videos: u64,
    n_faces: u64,
    n_copies: u64,
    n_near_copies: u64,
    n_known: u64,
    faults: BTreeMap<String, u64>,
    faces_a_photo: [u64; MAX_FACES_TOLD_APART + 1],
    expressions: BTreeMap<String, u64>,
    attention: [u64; N_TENTHS],
    sharpness: [u64; SHARPNESS_EDGES.len() + 1],
    brightness: [u64; N_TENTHS],
    hours: [u64; 24],
}

/// The tenth of the unit that a number lies in.
fn tenth(value: f64) -> usize {
    ((value * N_TENTHS as f64) as usize).min(N_TENTHS - 1)
}

impl CollectionSummary {
    /// Counts a face: what it shows and how much it is turned to the camera, in `[0, 1]`.
    pub fn add_face(&mut self, expression: Option<&str>, attention: Option<f64>) {
        self.n_faces += 1;
        if let Some(expression) = expression {
            *self.expressions.entry(expression.to_owned()).or_default() += 1;
        }
        if let Some(attention) = attention {
            self.attention[tenth(attention)] += 1;
        }
    }

    /// How many items another job had looked at, of which nothing was computed anew.
    pub const fn set_known(&mut self, n_known: u64) {
        self.n_known = n_known;
    }

    /// Counts an item.
    pub fn add_item(&mut self, item: &SummarizedItem<'_>) {
        self.n_photos += u64::from(item.is_photo);
        self.n_videos += u64::from(item.is_video);
        self.n_copies += u64::from(item.is_copy);
        self.n_near_copies += u64::from(item.is_near_copy);
        if let Some(fault) = item.fault {
            *self.faults.entry(fault.to_owned()).or_default() += 1;
        }
        if item.is_photo {
            let n_faces = usize::try_from(item.n_faces).unwrap_or(usize::MAX);
            self.faces_a_photo[n_faces.min(MAX_FACES_TOLD_APART)] += 1;
        }
        if let Some(sharpness) = item.sharpness {
            let bar = SHARPNESS_EDGES
                .iter()
                .take_while(|edge| sharpness >= f64::from(**edge));
            self.sharpness[bar.count()] += 1;
        }
        if let Some(brightness) = item.brightness {
            self.brightness[tenth(brightness)] += 1;
        }
        if let Some(count) = item.hour.and_then(|hour| self.hours.get_mut(hour)) {
            *count += 1;
        }
    }

    fn plots(&self) -> Vec<Plot> {
        let tenths = |counts: &[u64]| -> Vec<(String, u64)> {
            let label =
                |i: usize| format!("{:.1} to {:.1}", i as f64 / 10.0, (i + 1) as f64 / 10.0);
            counts
                .iter()
                .enumerate()
                .map(|(i, n)| (label(i), *n))
                .collect()
        };
        let faces = self.faces_a_photo.iter().enumerate().map(|(i, n)| {
            let more = if i == MAX_FACES_TOLD_APART {
                " and more"
            } else {
                ""
            };
            (format!("{i}{more}"), *n)
        });
        let sharpness = self.sharpness.iter().enumerate().map(|(i, n)| {
            let label = match i {
                0 => format!("below {}", SHARPNESS_EDGES[0]),
                i if i == SHARPNESS_EDGES.len() => format!("{} and more", SHARPNESS_EDGES[i - 1]),
                i => format!("{} to {}", SHARPNESS_EDGES[i - 1], SHARPNESS_EDGES[i]),
            };
            (label, *n)
        });
        let hours = self.hours.iter().enumerate();
        let plot = |title, what, note, bars| Plot {
            title,
            what,
            note,
            bars,
        };
        vec![
            plot("Faces in a photograph", "photographs", "", faces.collect()),
            plot(
                "Expressions",
                "faces",
                "What faces show, as far as a network is sure of it: facial movement, not what anybody feels.",
                self.expressions.clone().into_iter().collect(),
            ),
            plot(
                "Attention",
                "faces",
                "How much a face is turned to the camera: 0 away from it, 1 straight at it.",
                tenths(&self.attention),
            ),
            plot(
                "Sharpness",
                "photographs",
                "Variance of the Laplacian at a longer side of 512 pixels: greater is sharper, noise counts as sharp.",
                sharpness.collect(),
            ),
            plot(
                "Brightness",
                "photographs",
                "Mean luma: 0 black, 1 white.",
                tenths(&self.brightness),
            ),
            plot(
                "Time of day",
                "photographs",
                "Hour on the clock of the camera, where it wrote one down.",
                hours.map(|(hour, n)| (format!("{hour:02}"), *n)).collect(),
            ),
        ]
    }

    /// One page, complete in itself.
    pub fn to_html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n{}<title>A collection of pictures</title>\n</head>\n<body>\n<h1>A collection of pictures</h1>\n",
            include_str!("../templates/head.html"),
        );
        let mut facts = vec![
            ("Photographs", told(self.n_photos)),
            ("Videos", told(self.n_videos)),
            ("Faces", told(self.n_faces)),
            ("Files with the bytes of another", told(self.n_copies)),
            ("Photographs almost like another", told(self.n_near_copies)),
        ];
        let faults: Vec<(String, String)> = self
            .faults
            .iter()
            // Of files, not of people: told however few.
            .map(|(kind, n)| (format!("Not done: {kind}"), n.to_string()))
            .collect();
        if self.n_known > 0 {
            // Of files, too: how much work there was.
            facts.push(("Known from the cache", self.n_known.to_string()));
        }
        facts.extend(faults.iter().map(|(kind, n)| (kind.as_str(), n.clone())));
        page.push_str("<table>\n<tbody>\n");
        for (name, value) in facts {
            // Writing to a string cannot fail.
            let _ = writeln!(
                page,
                "<tr><th scope=\"row\">{}</th><td>{value}</td></tr>",
                escaped(name)
            );
        }
        page.push_str("</tbody>\n</table>\n");
        self.plots().iter().for_each(|plot| plot.write(&mut page));
        let _ = write!(
            page,
            "<p>Groups of fewer than {MIN_GROUP} are left out, and the next smallest with them where it could be told from the sum. \
             A person in several pictures counts in each; nobody is recognised, and nobody is told apart from others.</p>\n</body>\n</html>\n"
        );
        page
    }
}

/// A number of the whole collection; a small one is not told.
fn told(n: u64) -> String {
    if n > 0 && n < MIN_GROUP {
        format!("fewer than {MIN_GROUP}")
    } else {
        n.to_string()
    }
}

/// A plot of bars.
struct Plot {
    title: &'static str,
    what: &'static str,
    note: &'static str,
    bars: Vec<(String, u64)>,
}

impl Plot {
    fn write(&self, page: &mut String) {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(self.title));
        if !self.note.is_empty() {
            let _ = writeln!(page, "<p>{}</p>", escaped(self.note));
        }
        let counts: Vec<u64> = self.bars.iter().map(|(_, n)| *n).collect();
        let is_told = are_told(&counts, MIN_GROUP);
        let told = || {
            counts
                .iter()
                .zip(&is_told)
                .filter(|(n, told)| **told && **n > 0)
        };
        let most = told().map(|(n, _)| *n).max().unwrap_or(0);
        if most == 0 {
            let _ = writeln!(
                page,
                "<p>Nothing to show in groups of {MIN_GROUP} and more.</p>"
            );
            return;
        }
        const ROW: usize = 24;
        const LEFT: usize = 130;
        const WIDTH: usize = 420;
        let height = self.bars.len() * ROW + 8;
        let _ = writeln!(
            page,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 {height}\" width=\"680\" role=\"img\" aria-label=\"{}: {} by group\">",
            escaped(self.title),
            self.what
        );
        for (i, ((label, n), is_told)) in self.bars.iter().zip(&is_told).enumerate() {
            let y = i * ROW + 4;
            let text_y = y + 15;
            let bar = if *is_told {
                *n as f64 / most as f64 * WIDTH as f64
            } else {
                0.0
            };
            let value = if *is_told {
                n.to_string()
            } else {
                "left out".to_owned()
            };
            let value_x = LEFT as f64 + bar + 8.0;
            let _ = writeln!(
                page,
                "<text x=\"{}\" y=\"{text_y}\" text-anchor=\"end\" font-size=\"13\" fill=\"currentColor\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{y}\" width=\"{bar:.1}\" height=\"{}\" fill=\"#3b6ea5\"/>\
                 <text x=\"{value_x:.1}\" y=\"{text_y}\" font-size=\"13\" fill=\"currentColor\">{value}</text>",
                LEFT - 8,
                escaped(label),
                ROW - 6,
            );
        }
        page.push_str("</svg>\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whoever knows the sum and all bars that are told knows no group of fewer than ten, and none alone.
        #[test]
        fn small_groups_cannot_be_told(counts in proptest::collection::vec(0_u64..40, 1..12)) {
            let told = are_told(&counts, MIN_GROUP);
            for (n, told) in counts.iter().zip(&told) {
                prop_assert!(!told || *n == 0 || *n >= MIN_GROUP);
                prop_assert!(*told || *n > 0);
            }
            let hidden: Vec<u64> = counts.iter().zip(&told).filter(|(_, t)| !**t).map(|(n, _)| *n).collect();
            let rest = hidden.iter().sum::<u64>();
            let all_hidden = counts.iter().zip(&told).all(|(n, t)| *n == 0 || !t);
            prop_assert!(hidden.is_empty() || rest >= MIN_GROUP || all_hidden);
        }
    }

    fn summary() -> CollectionSummary {
        let mut summary = CollectionSummary::default();
        for i in 0..100_u64 {
            let n_faces = i % 3;
            summary.add_item(&SummarizedItem {
                is_photo: true,
                n_faces,
                sharpness: Some(i as f64 * 3.0),
                brightness: Some(1.0),
                hour: Some(usize::from(i < 5) + 11),
                fault: (i == 7).then_some("<cut short>"),
                ..SummarizedItem::default()
            });
            for _ in 0..n_faces {
                let expression = if i < 4 { "sad" } else { "happy" };
                summary.add_face(Some(expression), Some(i as f64 / 99.0));
            }
        }
        summary
    }

    #[test]
    fn a_page_is_complete_in_itself_and_leaves_small_groups_out() {
        let page = summary().to_html();
        for foreign in ["src=", "href=", "url(", "@import", "<script"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("&lt;cut short&gt;") && page.contains("Time of day"));
        // Four faces are sad, and the happy ones would tell how many.
        let expressions = page.split("<h2>Expressions").nth(1).unwrap();
        let expressions = expressions.split("<h2>").next().unwrap();
        assert!(expressions.contains("Nothing to show"), "{expressions}");
        // So do those of the one hour of all but five.
        assert_eq!(page.matches("<svg").count(), 4);
    }

    #[test]
    fn nothing_is_a_page_too() {
        let page = CollectionSummary::default().to_html();
        assert_eq!(page.matches("Nothing to show").count(), 6);
    }
}
