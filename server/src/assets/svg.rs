//! Drawings from outside, made harmless.

use svg_hush::{Filter, data_url_filter};
use thiserror::Error;

/// Longest drawing, in bytes: what larger ones hold are pictures, better sent as such.
pub(crate) const MAX_SVG_LEN: usize = 2 << 20;

/// A drawing that cannot be made harmless.
#[derive(Debug, Error)]
pub(crate) enum SvgError {
    /// More than 2 MiB.
    #[error("the drawing is larger than {MAX_SVG_LEN} bytes")]
    TooLong,
    /// Not well-formed, or of an external document type.
    #[error("the drawing cannot be read")]
    Malformed(#[source] svg_hush::FError),
    /// Nothing was left of it.
    #[error("nothing of the drawing may be shown")]
    Empty,
}

/// The drawing without scripts, events, foreign markup, and references to other hosts.
///
/// # Errors
/// [`SvgError`] when it is too long, not well-formed, or not a drawing.
pub(crate) fn sanitize(svg: &[u8]) -> Result<Vec<u8>, SvgError> {
    if svg.len() > MAX_SVG_LEN {
        return Err(SvgError::TooLong);
    }
    let mut filter = Filter::new();
    filter.set_data_url_filter(data_url_filter::allow_standard_images);
    let mut out = Vec::with_capacity(svg.len());
    filter.filter(svg, &mut out).map_err(SvgError::Malformed)?;
    if out.windows(4).any(|w| w == b"<svg") {
        Ok(out)
    } else {
        Err(SvgError::Empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_calls_out_is_gone() {
        let hostile = br##"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"
            xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)" width="4" height="4">
            <script>alert(2)</script><script xlink:href="https://evil.example/a.js"/>
            <foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><iframe src="https://evil.example"/></body></foreignObject>
            <image xlink:href="https://evil.example/track.png" width="4" height="4"/>
            <use xlink:href="https://evil.example/x.svg#a"/>
            <style>@import url(https://evil.example/a.css); rect { fill: url(https://evil.example/b) }</style>
            <a href="javascript:alert(3)"><rect width="4" height="4" fill="red" onclick="alert(4)"/></a>
            <set attributeName="onmouseover" to="alert(5)"/>
            </svg>"##;
        let clean = String::from_utf8(sanitize(hostile).unwrap()).unwrap();
        // What is left may hold words of the attack, but nothing that runs or fetches them.
        for word in [
            "<script",
            "onload",
            "onclick",
            "attributeName",
            "foreignObject",
            "iframe",
            "javascript:",
            "@import",
            "url(http",
            "href=\"http",
            "src=",
        ] {
            assert!(!clean.contains(word), "{word} in {clean}");
        }
        assert!(clean.contains("<rect"), "{clean}");
    }

    #[test]
    fn what_is_no_drawing_is_refused() {
        for bytes in [
            &b"<svg"[..],
            b"",
            b"words",
            b"<html><script>1</script></html>",
        ] {
            assert!(
                sanitize(bytes).is_err(),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
        let bomb = br#"<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
            <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
            <!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">
            <!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;"><!ENTITY h "&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;">]>
            <svg xmlns="http://www.w3.org/2000/svg"><text>&h;</text></svg>"#;
        assert!(sanitize(bomb).map_or(true, |out| out.len() < MAX_SVG_LEN));
        assert!(matches!(
            sanitize(&vec![b' '; MAX_SVG_LEN + 1]),
            Err(SvgError::TooLong)
        ));
    }
}
