use regard_commitments::{Commitments, Notice, Profile, SiteKeys, Zeroizing};

use super::*;

fn notice(profile: &str) -> Notice {
    let mut document = Commitments::demo();
    document.profile = profile.to_owned();
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let verified = document.sign(&key).verify(&key.verifying_key()).unwrap();
    Notice::of(&verified, &Profile::named(profile).unwrap())
}

const URL: &str = "https://signage.example/screen/entrance/here/0123456789ab";

fn signs(notice: &Notice) -> Vec<Sign<'_>> {
    let sign = |(text, easy)| Sign {
        text,
        easy,
        url: URL,
        footer: "version 3",
    };
    let both = |text| [(text, false), (text, true)];
    notice.texts.iter().flat_map(both).map(sign).collect()
}

/// Everything a sheet says, line by line.
fn said(sheet: &Sheet) -> String {
    let mut all = Vec::new();
    for mark in &sheet.marks {
        if let Mark::Text(text) = mark {
            all.extend(text.lines.iter().map(|(_, line)| line.clone()));
        }
    }
    all.join(" ")
}

#[test]
fn every_language_fits_on_a_page_and_says_everything() {
    for profile in ["lab", "eu", "nl", "fr-public"] {
        let notice = notice(profile);
        for sign in signs(&notice) {
            let sheet = sheet(&sign).unwrap();
            let said = said(&sheet).replace(' ', "");
            for text in Words::of(&sign).all().chain([URL, "version 3"]) {
                assert!(said.contains(&text.replace(' ', "")), "{text}");
            }
        }
    }
}

/// Nothing lies over anything else, or outside the paper.
#[test]
fn lines_have_their_place() {
    let notice = notice("lab");
    for sign in signs(&notice) {
        let sheet = sheet(&sign).unwrap();
        let mut boxes = Vec::new();
        for mark in &sheet.marks {
            if let Mark::Text(text) = mark {
                let (left, size) = (text.left, text.size);
                for (baseline, line) in &text.lines {
                    let right = left + text.weight.width(line, size);
                    boxes.push((left, baseline - size * 0.8, right, baseline + size * 0.2));
                }
            }
            if let Mark::Drawing { shapes, .. } = mark
                && let Some(Shape::Rectangle {
                    left,
                    top,
                    width,
                    height,
                    color: WHITE,
                }) = shapes.first()
            {
                boxes.push((*left, *top, left + width, top + height));
            }
        }
        for (i, a) in boxes.iter().enumerate() {
            let on_paper =
                a.0 >= MARGIN - 0.1 && a.1 >= 0.0 && a.2 <= A4.0 - MARGIN + 0.1 && a.3 <= A4.1;
            assert!(on_paper, "{a:?}");
            for b in &boxes[i + 1..] {
                let apart = a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1;
                assert!(apart, "{a:?} and {b:?}");
            }
        }
    }
}

#[test]
fn the_code_of_the_drawing_reads_back() {
    let Mark::Drawing { shapes, .. } = code(URL, "x").unwrap() else {
        panic!("a drawing")
    };
    // Four pixels a point, as a printer would at 288 dots an inch.
    let side = (CODE_SIDE * 4.0) as usize;
    let mut pixels = vec![255_u8; side * side];
    let (left0, top0) = (MARGIN, A4.1 - MARGIN - 26.0 - CODE_SIDE);
    for shape in &shapes[1..] {
        let Shape::Rectangle {
            left,
            top,
            width,
            height,
            ..
        } = shape
        else {
            panic!("{shape:?}")
        };
        let pixel = |v: f32| ((v * 4.0).round() as usize).min(side);
        for y in pixel(top - top0)..pixel(top - top0 + height) {
            pixels[y * side + pixel(left - left0)..y * side + pixel(left - left0 + width)].fill(0);
        }
    }
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| pixels[y * side + x]);
    let grids = image.detect_grids();
    assert_eq!(grids[0].decode().unwrap().1, URL);
}

#[test]
fn drawings_are_well_formed_and_name_nothing_from_elsewhere() {
    let notice = notice("eu");
    for sign in signs(&notice) {
        for (paper, size) in [
            (Paper::A4, "width=\"210mm\""),
            (Paper::A3, "width=\"297mm\""),
        ] {
            let drawing = sign_svg(&sign, paper).unwrap();
            assert!(drawing.starts_with("<svg") && drawing.contains(size));
            assert!(!drawing.contains("href") && !drawing.contains("url("));
            for element in ["text", "tspan", "g", "svg", "title"] {
                let n = |mark: String| drawing.matches(&mark).count();
                let opened = n(format!("<{element}>")) + n(format!("<{element} "));
                assert_eq!(opened, n(format!("</{element}>")), "{element}");
            }
        }
    }
}

#[test]
fn a_page_a_sign_in_a_pdf_for_screen_readers() {
    let notice = notice("lab");
    let signs = signs(&notice);
    for paper in [Paper::A4, Paper::A3] {
        let bytes = sign_pdf(&signs, paper).unwrap();
        assert!(bytes.starts_with(b"%PDF-1.7"));
        let count = |mark: &[u8]| bytes.windows(mark.len()).filter(|w| *w == mark).count();
        assert_eq!(count(b"/Type/Page/") + count(b"/Type /Page\n"), signs.len());
        assert!(count(b"pdfuaid") > 0, "it says that it is PDF/UA");
        // The same every time.
        assert_eq!(sign_pdf(&signs, paper).unwrap(), bytes);
    }
    assert_eq!(sign_pdf(&[], Paper::A4), Err(SignError::Empty));
}

#[test]
fn what_cannot_be_printed_is_named() {
    let notice = notice("eu");
    let mut text = notice.texts[0].clone();
    let sign = |text: &NoticeText, url: &str| {
        let sign = Sign {
            text,
            easy: false,
            url,
            footer: "v1",
        };
        sign_svg(&sign, Paper::A4)
    };
    assert!(sign(&text, URL).is_ok());
    let long = format!("https://a.example/{}", "x".repeat(4_000));
    assert!(matches!(
        sign(&text, &long),
        Err(SignError::Address(_) | SignError::TooLong { .. })
    ));
    text.lines.push("Ω".to_owned());
    let error = sign(&text, URL).unwrap_err();
    assert_eq!(
        error,
        SignError::Letter {
            letter: 'Ω',
            text: "Ω".to_owned()
        }
    );
    text.lines.pop();
    text.lines.push("word ".repeat(900));
    assert_eq!(sign(&text, URL), Err(SignError::TooLong { language: "en" }));
    // Markup in a name is text.
    text.lines.pop();
    text.lines.push("<script>&\"'".to_owned());
    assert!(
        sign(&text, URL)
            .unwrap()
            .contains("&lt;script&gt;&amp;&quot;&#39;")
    );
}
