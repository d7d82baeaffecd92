//! Who may speak to the server at all, and what every answer carries.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::problem::Problem;
use crate::{ServerConfig, csp};

/// Turns requests away whose `Host` is not ours: a name that an attacker points at loopback (DNS
/// rebinding) would otherwise make their page same-origin with ours. Then turns changes away that
/// another site's page asks for.
pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(host) = host_of(&request) else {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "host_missing",
            "no usable Host header",
        )
        .into_response();
    };
    if !is_own_host(&app.config, &host) {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "foreign_host",
            "not a name of this server",
        )
        .remedy("add the name to host_names in the configuration")
        .into_response();
    }
    let is_change = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let is_upgrade = request.headers().contains_key(header::UPGRADE);
    if (is_change || is_upgrade) && !is_same_origin(request.headers(), &host) {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "asked for by a page of another site",
        )
        .into_response();
    }
    next.run(request).await
}

/// `host` or `host:port` as the client wrote it, lower case.
fn host_of(request: &Request) -> Option<String> {
    let from_header = request
        .headers()
        .get(header::HOST)
        .and_then(|h| h.to_str().ok());
    let from_uri = request
        .uri()
        .authority()
        .map(axum::http::uri::Authority::as_str);
    from_header
        .or(from_uri)
        .map(str::to_ascii_lowercase)
        .filter(|host| !host.is_empty())
}

/// Without port and brackets.
pub(crate) fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

fn is_own_host(config: &ServerConfig, host: &str) -> bool {
    let name = name_of(host);
    let listed = config.names_by_lookup();
    let public = config
        .public_url
        .as_deref()
        .and_then(|url| url.split("://").nth(1))
        .map(name_of);
    if name == "localhost"
        || listed
            .chain(public)
            .any(|known| known.eq_ignore_ascii_case(name))
    {
        return true;
    }
    // Rebinding needs a name; an address cannot be pointed elsewhere.
    match (name.parse::<IpAddr>(), config.listen.ip()) {
        (Ok(ip), _) if ip.is_loopback() => true,
        (Ok(_), own) if own.is_unspecified() => true,
        (Ok(ip), own) => ip == own,
        (Err(_), _) => false,
    }
}

/// Browsers say where a request comes from; other programs hold no cookie that could be abused.
fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(origin) = text(header::ORIGIN) {
        return origin
            .split_once("://")
            .is_some_and(|(_, own)| own.eq_ignore_ascii_case(host));
    }
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => !headers.contains_key(header::COOKIE),
    }
}

/// Puts the headers on every answer that its handler did not set for itself.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let allows_camera =
        matches!(path, "/console" | "/enroll" | "/verify") || path.starts_with("/study/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let permissions = if allows_camera {
        "camera=(self), microphone=(), geolocation=(), screen-wake-lock=()"
    } else {
        "camera=(), microphone=(), geolocation=(), screen-wake-lock=(self)"
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, csp::PAGE),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Nothing to others. Under `no-referrer` browsers would send forms, the login above all, with
        // `Origin: null`, which is what foreign pages in a sandbox send too.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), permissions),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn config(listen: &str) -> ServerConfig {
        ServerConfig {
            listen: listen.parse().unwrap(),
            host_names: vec!["signage.example".to_owned()],
            public_url: Some("https://shop.example:8443".to_owned()),
            ..ServerConfig::new(PathBuf::new(), [0; 32])
        }
    }

    #[test]
    fn only_own_names_are_served() {
        for (listen, host, own) in [
            ("127.0.0.1:8787", "127.0.0.1:8787", true),
            ("127.0.0.1:8787", "localhost", true),
            ("127.0.0.1:8787", "[::1]:8787", true),
            ("127.0.0.1:8787", "signage.example:8787", true),
            ("127.0.0.1:8787", "shop.example:8443", true),
            ("127.0.0.1:8787", "evil.example:8787", false),
            ("127.0.0.1:8787", "localhost.evil.example", false),
            ("127.0.0.1:8787", "192.168.0.7", false),
            ("192.168.0.7:80", "192.168.0.7", true),
            ("0.0.0.0:80", "192.168.0.7", true),
            ("0.0.0.0:80", "evil.example", false),
        ] {
            assert_eq!(is_own_host(&config(listen), host), own, "{listen} {host}");
        }
    }

    #[test]
    fn changes_come_from_our_own_pages() {
        let origin = header::ORIGIN.as_str();
        for (name, value, good) in [
            (origin, "http://localhost:1", true),
            (origin, "https://localhost:1", true),
            (origin, "http://localhost:2", false),
            (origin, "null", false),
            (origin, "http://evil.example", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "cross-site", false),
            ("cookie", "regard_session=1", false),
            ("user-agent", "curl", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            assert_eq!(
                is_same_origin(&headers, "localhost:1"),
                good,
                "{name}: {value}"
            );
        }
    }
}
