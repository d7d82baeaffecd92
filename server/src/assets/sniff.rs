//! What a file is, by its bytes. Names and declared types are not believed.

use serde::Serialize;
use utoipa::ToSchema;

/// Bytes at the beginning of a file that tell what it is.
pub const SNIFF_LEN: usize = 8_192;

/// Longest side of a picture, in pixels: players decode it whole (16384² is the largest texture
/// that browsers draw).
pub(crate) const MAX_SIDE: usize = 16_384;

/// Most pixels of a picture: 64 million take 256 MB in a player.
pub(crate) const MAX_PIXELS: usize = 64_000_000;

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AssetKind {
    Png,
    Jpeg,
    Gif,
    Webp,
    Svg,
    Mp4,
    Webm,
    Html,
}

impl AssetKind {
    /// Extension in the address.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Svg => "svg",
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
            Self::Html => "html",
        }
    }

    /// Value of `Content-Type`.
    pub(crate) const fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Svg => "image/svg+xml",
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// As which kind of message it can be shown: `image`, `video` or `html`.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Png | Self::Jpeg | Self::Gif | Self::Webp | Self::Svg => "image",
            Self::Mp4 | Self::Webm => "video",
            Self::Html => "html",
        }
    }

    /// Whether it is read whole before it is served.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self, Self::Svg | Self::Html)
    }

    /// The kind that this beginning of a file shows, if it is one we serve.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let by_magic = infer::get(head).map(|kind| kind.mime_type());
        match by_magic {
            Some("image/png") => Some(Self::Png),
            Some("image/jpeg") => Some(Self::Jpeg),
            Some("image/gif") => Some(Self::Gif),
            Some("image/webp") => Some(Self::Webp),
            Some("video/mp4" | "video/x-m4v") => Some(Self::Mp4),
            Some("video/webm") => Some(Self::Webm),
            Some("text/html") => Some(Self::Html),
            Some("text/xml" | "image/svg+xml") | None => is_svg(head).then_some(Self::Svg),
            Some(_) => None,
        }
    }
}

/// As which kind of message a file can be shown, by its first [`SNIFF_LEN`] bytes: `image` (PNG, JPEG,
/// GIF, WebP, SVG), `video` (MP4, WebM) or `html`; `None` for everything else.
pub fn message_kind(head: &[u8]) -> Option<&'static str> {
    AssetKind::of(head).map(AssetKind::message)
}

/// Whether the first element is `svg`, after declaration, comments and white space.
fn is_svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<?") => "?>",
            _ if rest.starts_with("<!--") => "-->",
            _ if rest
                .get(..9)
                .is_some_and(|t| t.eq_ignore_ascii_case("<!doctype")) =>
            {
                ">"
            }
            _ => break,
        };
        let Some((_, after)) = rest.split_once(end) else {
            return false;
        };
        rest = after.trim_start();
    }
    rest.strip_prefix("<svg")
        .is_some_and(|after| after.starts_with([' ', '\t', '\r', '\n', '>', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_what_a_file_is() {
        // The type of the document within an EBML header, then any data.
        let webm = [
            b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm".as_slice(),
            &[0; 300],
        ]
        .concat();
        let cases: [(&[u8], Option<AssetKind>); 12] = [
            (b"\x89PNG\r\n\x1a\n0000", Some(AssetKind::Png)),
            (b"\xff\xd8\xff\xe0aaaa", Some(AssetKind::Jpeg)),
            (b"GIF89a....", Some(AssetKind::Gif)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(AssetKind::Webp)),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", Some(AssetKind::Mp4)),
            (&webm, Some(AssetKind::Webm)),
            (b"<!DOCTYPE html><title>x</title>", Some(AssetKind::Html)),
            (
                b"<?xml version='1.0'?>\n<!-- x -->\n<svg xmlns='a'/>",
                Some(AssetKind::Svg),
            ),
            (b"<svg>", Some(AssetKind::Svg)),
            (b"plain words", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ];
        for (bytes, kind) in cases {
            assert_eq!(
                AssetKind::of(bytes),
                kind,
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}
