//! What both interfaces take beside what their services take: the act behind a search.

use axum::http::HeaderMap;
use regard_commitments::AttestedSource;
use regard_domain::ActId;
use regard_engine::Caller;

/// Header that names the act of the person who is looked for.
const ACT_HEADER: &str = "x-regard-act";

/// Header by which a client says that its picture comes from a camera: such pictures are refused.
const SOURCE_HEADER: &str = "x-regard-source";

/// An act that is named and cannot be read: no such act was ever done.
const NO_ACT: ActId = ActId::from_bits(0);

/// Who calls. A text that is no act counts as one that stands no more.
pub(super) fn caller(service: &str, source: AttestedSource, headers: &HeaderMap) -> Caller {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let source = match text(SOURCE_HEADER) {
        Some(said) if said.eq_ignore_ascii_case("camera") => AttestedSource::Camera,
        _ => source,
    };
    Caller {
        service: service.to_owned(),
        source,
        act: text(ACT_HEADER).map(|act| act.trim().parse().unwrap_or(NO_ACT)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_can_only_make_its_source_worse() {
        let mut headers = HeaderMap::new();
        let of = |source, headers: &HeaderMap| caller("s", source, headers).source;
        assert_eq!(of(AttestedSource::Upload, &headers), AttestedSource::Upload);
        headers.insert(SOURCE_HEADER, HeaderValue::from_static("Camera"));
        assert_eq!(of(AttestedSource::Upload, &headers), AttestedSource::Camera);
        headers.insert(SOURCE_HEADER, HeaderValue::from_static("upload"));
        assert_eq!(of(AttestedSource::Camera, &headers), AttestedSource::Camera);
    }

    #[test]
    fn an_act_that_cannot_be_read_is_no_leave_to_search() {
        let mut headers = HeaderMap::new();
        assert_eq!(caller("s", AttestedSource::Upload, &headers).act, None);
        headers.insert(ACT_HEADER, HeaderValue::from_static("nonsense"));
        let act = caller("s", AttestedSource::Upload, &headers).act;
        assert_eq!(act, Some(NO_ACT));
        let id = ActId::from_bits(7);
        headers.insert(ACT_HEADER, HeaderValue::from_str(&id.to_string()).unwrap());
        assert_eq!(caller("s", AttestedSource::Upload, &headers).act, Some(id));
    }
}
