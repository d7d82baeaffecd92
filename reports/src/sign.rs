//! The printed sign of a camera, to be hung where people have not come into view yet.

use qrcode::{Color as Module, EcLevel, QrCode};
use regard_commitments::NoticeText;
use thiserror::Error;

use crate::font::Weight;
use crate::pdf;
use crate::sheet::{A4, Color, Mark, Paper, Role, Shape, Sheet, Text};
use crate::svg;

const INK: Color = [16, 24, 32];
const SOFT: Color = [84, 96, 108];
const BAND: Color = [11, 95, 122];
const WHITE: Color = [255, 255, 255];

/// Distance of everything from the edge of the paper. Origin: what common printers cannot print, 5 mm, three times.
const MARGIN: f32 = 42.5;

/// Height of the head with the picture and the title.
const BAND_HEIGHT: f32 = 150.0;

/// Side of the code with its quiet zone: 56 mm, read by phones from about half a metre, on A3 from 80 cm.
const CODE_SIDE: f32 = 159.0;

/// Size of text, tried from the largest to the smallest that may be: A4 is read at arm's length. Origin: 12 pt is what
/// guides for print accessible to people with low vision ask at least.
const SIZES: [f32; 7] = [21.0, 19.0, 17.0, 15.5, 14.0, 13.0, 12.0];

/// What a sign says, in one language.
#[derive(Clone, Debug)]
pub struct Sign<'a> {
    /// The notice.
    pub text: &'a NoticeText,
    /// Whether in easy words.
    pub easy: bool,
    /// Where its code leads.
    pub url: &'a str,
    /// Which promise it is about: version and fingerprint.
    pub footer: &'a str,
}

/// Why there is no sign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The built-in font has no such letter.
    #[error(
        "the letter {letter:?} in \"{text}\" is not in the built-in font; write that name in Latin letters"
    )]
    Letter {
        /// Which letter.
        letter: char,
        /// Where.
        text: String,
    },
    /// It does not fit on one page in letters that can be read.
    #[error(
        "the notice in {language} does not fit on one page; shorten names and contact in the commitments"
    )]
    TooLong {
        /// Language tag.
        language: &'static str,
    },
    /// The address does not fit into a code.
    #[error("the address {0:?} is too long for a code")]
    Address(String),
    /// Nothing to print.
    #[error("there is no notice in any language")]
    Empty,
    /// The PDF could not be written.
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
}

/// A sign as a drawing, its text as text.
///
/// # Errors
/// [`SignError`].
pub fn sign_svg(sign: &Sign<'_>, paper: Paper) -> Result<String, SignError> {
    Ok(svg::render(&sheet(sign)?, paper))
}

/// Signs as a PDF that screen readers can read (PDF/UA-1), one page each.
///
/// # Errors
/// [`SignError`].
pub fn sign_pdf(signs: &[Sign<'_>], paper: Paper) -> Result<Vec<u8>, SignError> {
    let sheets = signs.iter().map(sheet).collect::<Result<Vec<_>, _>>()?;
    if sheets.is_empty() {
        return Err(SignError::Empty);
    }
    pdf::render(&sheets, paper).map_err(SignError::Pdf)
}

/// The words of a sign, in order.
struct Words<'a> {
    title: &'a str,
    banner: Option<&'a str>,
    lines: Vec<&'a str>,
    object: &'a str,
}

impl<'a> Words<'a> {
    fn of(sign: &Sign<'a>) -> Self {
        let text = sign.text;
        let banner = text.lab_banner.as_deref();
        if sign.easy {
            let easy = &text.easy;
            let lines = easy.lines.iter().chain(&easy.ask);
            return Self {
                title: &easy.title,
                banner,
                lines: lines.map(String::as_str).collect(),
                object: &easy.object,
            };
        }
        Self {
            title: &text.title,
            banner,
            lines: text.lines.iter().map(String::as_str).collect(),
            object: &text.sign_object,
        }
    }

    fn all(&self) -> impl Iterator<Item = &'a str> + '_ {
        let banner = self.banner.into_iter();
        banner
            .chain([self.title, self.object])
            .chain(self.lines.iter().copied())
    }
}

fn sheet(sign: &Sign<'_>) -> Result<Sheet, SignError> {
    let language = sign.text.language.tag();
    let words = Words::of(sign);
    for text in words.all().chain([sign.url, sign.footer]) {
        let missing = Weight::Regular.missing(text);
        if let Some(letter) = missing.or_else(|| Weight::Bold.missing(text)) {
            let text = text.to_owned();
            return Err(SignError::Letter { letter, text });
        }
    }
    let code = code(sign.url, words.object)?;
    let top_of_code = A4.1 - MARGIN - 26.0 - CODE_SIDE;
    let body = SIZES
        .iter()
        .find_map(|size| body(&words, *size, top_of_code - 14.0))
        .ok_or(SignError::TooLong { language })?;
    let mut marks = Vec::from(head(&words));
    marks.extend(body);
    marks
        .extend(beside_code(&words, sign.url, top_of_code).ok_or(SignError::TooLong { language })?);
    marks.push(code);
    marks.push(Mark::Text(Text {
        role: Role::Footer,
        weight: Weight::Regular,
        size: 8.0,
        color: SOFT,
        left: MARGIN,
        lines: vec![(A4.1 - MARGIN, sign.footer.to_owned())],
    }));
    Ok(Sheet {
        language,
        title: words.title.to_owned(),
        marks,
    })
}

/// A paragraph from `top` on; the place below it.
fn paragraph(
    text: &str,
    (weight, size): (Weight, f32),
    color: Color,
    (left, top, width): (f32, f32, f32),
) -> (Text, f32) {
    let leading = size * 1.32;
    let lines = weight.wrap(text, size, width);
    let below = top + leading * lines.len() as f32;
    let lines = lines
        .into_iter()
        .enumerate()
        .map(|(i, line)| (top + leading * i as f32 + size, line));
    let text = Text {
        role: Role::Paragraph,
        weight,
        size,
        color,
        left,
        lines: lines.collect(),
    };
    (text, below)
}

/// The band with the picture of a camera and the title.
fn head(words: &Words<'_>) -> [Mark; 3] {
    let left = MARGIN + 120.0;
    let width = A4.0 - MARGIN - left;
    let ground = Shape::Rectangle {
        color: BAND,
        left: 0.0,
        top: 0.0,
        width: A4.0,
        height: BAND_HEIGHT,
    };
    let fits = |size: &f32| Weight::Bold.wrap(words.title, *size, width).len() <= 2;
    let size = [40.0, 36.0, 32.0, 28.0, 24.0, 20.0].into_iter().find(fits);
    let size = size.unwrap_or(18.0);
    let n_lines = Weight::Bold.wrap(words.title, size, width).len() as f32;
    let top = (BAND_HEIGHT - n_lines * size * 1.32) / 2.0 - size * 0.1;
    let (title, _) = paragraph(words.title, (Weight::Bold, size), WHITE, (left, top, width));
    let title = Text {
        role: Role::Heading,
        ..title
    };
    [Mark::Ground(ground), camera(), Mark::Text(title)]
}

/// A camera as everyone draws it: a body, a lens, a finder.
fn camera() -> Mark {
    let (x, y) = (MARGIN, BAND_HEIGHT / 2.0 - 31.0);
    let rectangle = |color, left, top, width, height| Shape::Rectangle {
        color,
        left: x + left,
        top: y + top,
        width,
        height,
    };
    let disc = |color, radius| Shape::Disc {
        color,
        x: x + 48.0,
        y: y + 37.0,
        radius,
    };
    Mark::Drawing {
        // The word is the same in all five languages, but for an accent.
        alt: "camera".to_owned(),
        shapes: vec![
            rectangle(WHITE, 26.0, 0.0, 44.0, 14.0),
            rectangle(WHITE, 0.0, 12.0, 96.0, 52.0),
            disc(BAND, 20.0),
            disc(WHITE, 13.0),
            disc(BAND, 6.0),
        ],
    }
}

/// What happens, in a size; nothing where it does not end above `bottom`.
fn body(words: &Words<'_>, size: f32, bottom: f32) -> Option<Vec<Mark>> {
    let width = A4.0 - 2.0 * MARGIN;
    let mut marks = Vec::new();
    let mut top = BAND_HEIGHT + 20.0;
    if let Some(banner) = words.banner {
        let (text, below) = paragraph(banner, (Weight::Bold, size), INK, (MARGIN, top, width));
        marks.push(Mark::Text(text));
        top = below + size * 0.6;
    }
    for line in &words.lines {
        let (text, below) = paragraph(line, (Weight::Regular, size), INK, (MARGIN, top, width));
        marks.push(Mark::Text(text));
        top = below + size * 0.6;
    }
    (top - size * 0.6 <= bottom).then_some(marks)
}

/// What the code is for, and its address in letters; nothing where it does not fit beside the code.
fn beside_code(words: &Words<'_>, url: &str, top: f32) -> Option<[Mark; 2]> {
    let left = MARGIN + CODE_SIDE + 14.0;
    let width = A4.0 - MARGIN - left;
    [17.0, 15.5, 14.0, 13.0, 12.0].into_iter().find_map(|size| {
        let place = (left, top + 8.0, width);
        let (object, below) = paragraph(words.object, (Weight::Bold, size), INK, place);
        let place = (left, below + 8.0, width);
        let (address, below) = paragraph(url, (Weight::Regular, 10.0), SOFT, place);
        (below <= top + CODE_SIDE + 4.0).then_some([object, address].map(Mark::Text))
    })
}

/// The code, black on white with its quiet zone of four modules.
fn code(url: &str, what: &str) -> Result<Mark, SignError> {
    let code = QrCode::with_error_correction_level(url, EcLevel::M)
        .map_err(|_| SignError::Address(url.to_owned()))?;
    let (modules, n) = (code.to_colors(), code.width());
    let side = CODE_SIDE / (n as f32 + 8.0);
    let (left, top) = (MARGIN, A4.1 - MARGIN - 26.0 - CODE_SIDE);
    let mut shapes = vec![Shape::Rectangle {
        color: WHITE,
        left,
        top,
        width: CODE_SIDE,
        height: CODE_SIDE,
    }];
    for (row, line) in modules.chunks(n).enumerate() {
        let mut column = 0;
        // Neighbours in a row become one rectangle, so that no seam shows between them.
        while column < n {
            let run = line[column..]
                .iter()
                .take_while(|m| **m == Module::Dark)
                .count();
            if run > 0 {
                shapes.push(Shape::Rectangle {
                    color: [0, 0, 0],
                    left: left + side * (column as f32 + 4.0),
                    top: top + side * (row as f32 + 4.0),
                    width: side * run as f32,
                    height: side,
                });
            }
            column += run.max(1);
        }
    }
    let alt = format!("QR: {url}. {what}");
    Ok(Mark::Drawing { alt, shapes })
}

#[cfg(test)]
mod tests;
