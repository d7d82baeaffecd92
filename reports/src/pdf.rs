//! Sheets as an accessible PDF.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Accessibility, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, SpanTag, Tag, TagGroup, TagTree};
use krilla::text::{Font, TextDirection};

use crate::font::Weight;
use crate::sheet::{A4, Color, Mark, Paper, Role, Shape, Sheet, Text};

/// Control points of a quarter of a circle, as a share of the radius.
const QUARTER: f32 = 0.552_284_8;

struct Fonts {
    regular: Font,
    bold: Font,
}

impl Fonts {
    fn of(&self, weight: Weight) -> Font {
        match weight {
            Weight::Regular => self.regular.clone(),
            Weight::Bold => self.bold.clone(),
        }
    }
}

/// # Errors
/// In words, where the rules of PDF/UA-1 are not met.
pub(crate) fn render(sheets: &[Sheet], paper: Paper) -> Result<Vec<u8>, String> {
    let configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| format!("{error:?}"))?;
    let mut document = Document::new_with(SerializeSettings {
        configuration,
        ..SerializeSettings::default()
    });
    let font = |weight: Weight| {
        Font::new(weight.bytes().into(), 0).ok_or("the built-in font cannot be read")
    };
    let fonts = Fonts {
        regular: font(Weight::Regular)?,
        bold: font(Weight::Bold)?,
    };
    let first = sheets.first().ok_or("no page")?;
    let mut tree = TagTree::new().with_lang(Some(first.language.to_owned()));
    let mut outline = Outline::new();
    let scale = paper.scale();
    for (index, sheet) in sheets.iter().enumerate() {
        let settings = PageSettings::from_wh(A4.0 * scale, A4.1 * scale).ok_or("page size")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        surface.push_transform(&Transform::from_scale(scale, scale));
        for mark in &sheet.marks {
            if let Some(group) = draw(&mut surface, mark, sheet.language, &fonts) {
                tree.push(group);
            }
        }
        surface.pop();
        surface.finish();
        page.finish();
        let top = XyzDestination::new(index, Point::from_xy(0.0, 0.0));
        outline.push_child(OutlineNode::new(sheet.title.clone(), top));
    }
    document.set_outline(outline);
    document.set_tag_tree(tree);
    let metadata = Metadata::new()
        .title(first.title.clone())
        .language(first.language.to_owned())
        .creator("Regard".to_owned());
    document.set_metadata(metadata);
    document.finish().map_err(|error| format!("{error:?}"))
}

fn draw(
    surface: &mut Surface<'_>,
    mark: &Mark,
    language: &'static str,
    fonts: &Fonts,
) -> Option<TagGroup> {
    match mark {
        Mark::Ground(shape) => {
            let artifact = Artifact::with_kind(ArtifactType::Other);
            surface.start_tagged(ContentTag::Artifact(artifact));
            draw_shape(surface, shape);
            surface.end_tagged();
            None
        }
        Mark::Drawing { alt, shapes } => {
            let mut group = TagGroup::new(Tag::Figure(Some(alt.clone())));
            group.push(surface.start_tagged(ContentTag::Other));
            for shape in shapes {
                draw_shape(surface, shape);
            }
            surface.end_tagged();
            Some(group)
        }
        Mark::Text(text) => write(surface, text, language, fonts),
    }
}

fn write(
    surface: &mut Surface<'_>,
    text: &Text,
    language: &'static str,
    fonts: &Fonts,
) -> Option<TagGroup> {
    let mut group = match text.role {
        Role::Heading => {
            let lines: Vec<&str> = text.lines.iter().map(|(_, line)| line.as_str()).collect();
            Some(TagGroup::new(Tag::Hn(
                NonZeroU16::MIN,
                Some(lines.join(" ")),
            )))
        }
        Role::Paragraph => Some(TagGroup::new(Tag::P)),
        Role::Footer => None,
    };
    for (i, (baseline, line)) in text.lines.iter().enumerate() {
        let id = surface.start_tagged(match &group {
            Some(_) => ContentTag::Span(SpanTag::empty().with_lang(Some(language))),
            None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)),
        });
        fill(surface, text.color);
        // A space where the line breaks, so that read aloud the words stay apart.
        let space = if i + 1 == text.lines.len() { "" } else { " " };
        let line = format!("{line}{space}");
        let (at, font) = (Point::from_xy(text.left, *baseline), fonts.of(text.weight));
        surface.draw_text(
            at,
            font,
            text.size,
            &line,
            false,
            TextDirection::LeftToRight,
        );
        surface.end_tagged();
        if let Some(group) = &mut group {
            group.push(id);
        }
    }
    group
}

fn fill(surface: &mut Surface<'_>, [red, green, blue]: Color) {
    surface.set_fill(Some(Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::default(),
    }));
}

fn draw_shape(surface: &mut Surface<'_>, shape: &Shape) {
    match shape {
        Shape::Rectangle {
            color,
            left,
            top,
            width,
            height,
        } => {
            fill(surface, *color);
            let mut path = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(*left, *top, *width, *height) {
                path.push_rect(rect);
            }
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
        Shape::Disc {
            color,
            x,
            y,
            radius,
        } => {
            fill(surface, *color);
            let (x, y, r, k) = (*x, *y, *radius, *radius * QUARTER);
            let mut path = PathBuilder::new();
            path.move_to(x + r, y);
            path.cubic_to(x + r, y + k, x + k, y + r, x, y + r);
            path.cubic_to(x - k, y + r, x - r, y + k, x - r, y);
            path.cubic_to(x - r, y - k, x - k, y - r, x, y - r);
            path.cubic_to(x + k, y - r, x + r, y - k, x + r, y);
            path.close();
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
}
