//! A sheet as SVG.

use std::fmt::Write as _;

use crate::font::Weight;
use crate::sheet::{A4, Color, Mark, Paper, Role, Shape, Sheet, Text};

/// Fonts of the reader; the built-in one where it is installed.
const FAMILIES: &str = "'Atkinson Hyperlegible', Verdana, 'DejaVu Sans', Arial, sans-serif";

pub(crate) fn render(sheet: &Sheet, paper: Paper) -> String {
    let (width, height) = paper.millimetres();
    let mut out = String::new();
    let mut put = |text: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{text}");
    };
    put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" viewBox=\"0 0 {} {}\" xml:lang=\"{}\" lang=\"{}\">",
        A4.0, A4.1, sheet.language, sheet.language
    ));
    put(format_args!("<title>{}</title>", escaped(&sheet.title)));
    put(format_args!(
        "<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>",
        A4.0, A4.1
    ));
    for mark in &sheet.marks {
        put(format_args!("{}", drawn(mark)));
    }
    put(format_args!("</svg>"));
    out
}

fn drawn(mark: &Mark) -> String {
    match mark {
        Mark::Text(text) => written(text),
        Mark::Ground(ground) => shape(ground),
        Mark::Drawing { alt, shapes } => {
            let shapes: String = shapes.iter().map(shape).collect();
            format!(
                "<g role=\"img\" aria-label=\"{}\" shape-rendering=\"crispEdges\">{shapes}</g>",
                escaped(alt)
            )
        }
    }
}

fn written(text: &Text) -> String {
    let (left, size) = (text.left, text.size);
    let weight = match text.weight {
        Weight::Regular => "400",
        Weight::Bold => "700",
    };
    let hidden = match text.role {
        Role::Footer => " aria-hidden=\"true\"",
        Role::Heading | Role::Paragraph => "",
    };
    let line = |(baseline, line): &(f32, String)| {
        // Whatever font the reader has: no line is wider than it was laid out for.
        let width = text.weight.width(line, size);
        format!(
            "<tspan x=\"{left}\" y=\"{baseline:.2}\" textLength=\"{width:.2}\" lengthAdjust=\"spacingAndGlyphs\">{}</tspan>",
            escaped(line)
        )
    };
    let lines: String = text.lines.iter().map(line).collect();
    format!(
        "<text font-family=\"{FAMILIES}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{}\"{hidden}>{lines}</text>",
        hex(text.color)
    )
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Rectangle {
            color,
            left,
            top,
            width,
            height,
        } => format!(
            "<rect x=\"{left:.3}\" y=\"{top:.3}\" width=\"{width:.3}\" height=\"{height:.3}\" fill=\"{}\"/>",
            hex(*color)
        ),
        Shape::Disc {
            color,
            x,
            y,
            radius,
        } => format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{}\" shape-rendering=\"geometricPrecision\"/>",
            hex(*color)
        ),
    }
}

fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A text between tags, or in an attribute, of SVG and HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        out
    })
}
