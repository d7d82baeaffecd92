//! Content security policies: what our pages, and what messages from outside, may reach.

/// Our own pages: own scripts, own styles, own pictures; nothing from anywhere else.
pub(crate) const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; frame-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A message that is a page: an origin of its own, no connection, no resource but what it carries.
pub(crate) const HTML_MESSAGE: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; img-src data:; media-src data:; font-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts";

/// Pictures and films, should anyone open them as a document: an SVG drawing is one.
pub(crate) const MEDIA: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    media-src 'self'; frame-ancestors 'none'; sandbox";

/// A report: it brings its own styles, and nothing else.
pub(crate) const REPORT: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";
