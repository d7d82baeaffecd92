//! Somebody who is called as their own description says, and refuses every other call.
//!
//! The description is data: for each route its method, path, parameters, kind of body, fields with their types, and the answer.
//! Nothing of the connector goes into what is expected.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::outbound::OutboundUrl;
use crate::outbound::tests::heard;

const PATIENCE: Duration = Duration::from_secs(30);

const FORM: &str = "application/x-www-form-urlencoded";

/// What a product says of itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    product: String,
    /// Where every fact is from.
    sources: Vec<String>,
    routes: Vec<Route>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    method: String,
    path: String,
    #[serde(default)]
    path_parameters: BTreeMap<String, Schema>,
    authorization: Authorization,
    content_type: Option<String>,
    body: Option<Schema>,
    status: String,
    answer: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Authorization {
    None,
    /// The token that the product gave out.
    Bearer,
    /// A user, if one is set.
    Basic,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Schema {
    Object {
        required: Vec<String>,
        properties: BTreeMap<String, Schema>,
    },
    Array {
        items: Box<Schema>,
    },
    String {
        /// Whether an empty one is refused, and "0", which PHP takes for one.
        #[serde(default)]
        is_never_empty: bool,
        /// One of these; `{…}` stands for some text.
        #[serde(default)]
        one_of: Vec<String>,
    },
    Integer {
        least: i64,
    },
}

/// A call as it came.
pub(super) struct Told {
    /// Method and path, as they were sent.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    /// The fields of the body; numbers of a form are texts.
    pub(super) body: Value,
}

/// The product.
pub(super) struct Mock {
    pub(super) url: OutboundUrl,
    calls: Receiver<Result<Told, String>>,
}

impl Mock {
    /// Listens as the description says, until the test ends.
    pub(super) fn of(description: &str) -> Self {
        let description: Description = serde_json::from_str(description).unwrap();
        assert!(!description.sources.is_empty(), "{}", description.product);
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let (sender, calls) = channel();
        std::thread::spawn(move || serve(&socket, &description, &sender));
        let url = url.parse().unwrap();
        Self { url, calls }
    }

    /// The next call, which has to be as described.
    pub(super) fn told(&self) -> Told {
        let call = self.calls.recv_timeout(PATIENCE).expect("a call");
        call.unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// What is wrong with the next call.
    pub(super) fn fault(&self) -> String {
        let call = self.calls.recv_timeout(PATIENCE).expect("a call");
        match call {
            Ok(told) => panic!("{} is as described", told.line),
            Err(fault) => fault,
        }
    }

    /// Whether nobody called since.
    pub(super) fn is_quiet(&self) -> bool {
        self.calls.try_recv().is_err()
    }
}

fn serve(socket: &TcpListener, description: &Description, calls: &Sender<Result<Told, String>>) {
    for stream in socket.incoming() {
        let mut stream = stream.unwrap();
        let (head, body) = heard(&stream);
        let (status, text, call) = match description.call(&head, &body) {
            Ok((route, told)) => {
                let text = route.answer.as_ref().map(ToString::to_string);
                (route.status.as_str(), text.unwrap_or_default(), Ok(told))
            }
            Err(fault) => {
                let fault = format!("{}: {fault}", description.product);
                ("400 Bad Request", String::new(), Err(fault))
            }
        };
        // Whoever asks after the answer finds the call.
        if calls.send(call).is_err() {
            return;
        }
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
        );
        let _ = stream.write_all(answer.as_bytes());
    }
}

/// The value of a header.
fn header<'h>(head: &'h [String], wanted: &str) -> Option<&'h str> {
    let mut fields = head.iter().filter_map(|line| line.split_once(": "));
    fields
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value)
}

impl Description {
    fn call(&self, head: &[String], body: &[u8]) -> Result<(&Route, Told), String> {
        let first = head.first().ok_or("no request")?;
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(format!("no request: {first}"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !query.is_empty() {
            return Err(format!("unknown query {query}"));
        }
        let mut there = self
            .routes
            .iter()
            .filter_map(|route| Some((route, route.parameters(path)?)))
            .peekable();
        if there.peek().is_none() {
            return Err(format!("unknown path {path}"));
        }
        let found = there.find(|(route, _)| route.method == method);
        let (route, parameters) =
            found.ok_or_else(|| format!("unknown method {method} of {path}"))?;
        for (name, value) in parameters {
            let schema = route.path_parameters.get(name);
            let schema = schema.ok_or_else(|| format!("{name} is not described"))?;
            schema.check(&Value::String(value), true, name)?;
        }
        let authorization = header(head, "authorization");
        self.check_authorization(route.authorization, authorization)?;
        let kind = header(head, "content-type");
        if kind != route.content_type.as_deref() {
            return Err(format!("content type {kind:?}"));
        }
        let is_form = kind == Some(FORM);
        let body = match &route.body {
            None if body.is_empty() => Value::Null,
            None => return Err("there is a body".to_owned()),
            Some(schema) => {
                let value = if is_form {
                    fields(body)?
                } else {
                    serde_json::from_slice(body).map_err(|error| error.to_string())?
                };
                schema.check(&value, is_form, "body")?;
                value
            }
        };
        let told = Told {
            line: format!("{method} {path}"),
            authorization: authorization.map(str::to_owned),
            body,
        };
        Ok((route, told))
    }

    fn check_authorization(
        &self,
        wanted: Authorization,
        found: Option<&str>,
    ) -> Result<(), String> {
        let is_good = match (wanted, found) {
            (Authorization::None, None) | (Authorization::Basic, None) => true,
            (Authorization::None, Some(_)) | (Authorization::Bearer, None) => false,
            (Authorization::Basic, Some(found)) => found.starts_with("Basic "),
            (Authorization::Bearer, Some(found)) => {
                let answers = self.routes.iter().filter_map(|route| route.answer.as_ref());
                let mut tokens = answers.filter_map(|answer| answer["access_token"].as_str());
                tokens.any(|token| found == format!("Bearer {token}"))
            }
        };
        if is_good {
            Ok(())
        } else {
            Err(format!("authorization {found:?}"))
        }
    }
}

impl Route {
    /// The parameters in a path, if it is one of this route.
    fn parameters(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let (described, found) = (self.path.split('/'), path.split('/'));
        if described.clone().count() != found.clone().count() {
            return None;
        }
        let mut parameters = Vec::new();
        for (described, found) in described.zip(found) {
            match described.strip_prefix('{') {
                Some(name) => parameters.push((name.strip_suffix('}')?, decoded(found).ok()?)),
                None if described == found => {}
                None => return None,
            }
        }
        Some(parameters)
    }
}

impl Schema {
    /// Whether a value is as described, down to the last field. In a form, and in a path, numbers are texts.
    fn check(&self, value: &Value, is_text: bool, at: &str) -> Result<(), String> {
        match self {
            Self::Object {
                required,
                properties,
            } => {
                let fields = value.as_object();
                let fields = fields.ok_or_else(|| format!("{at} is no object"))?;
                if let Some(missing) = required.iter().find(|name| !fields.contains_key(*name)) {
                    // What is there in its place says more, if there is something.
                    let unknown = fields.keys().find(|name| !properties.contains_key(*name));
                    let unknown = unknown.map(|name| format!(", {at}.{name} is unknown"));
                    let unknown = unknown.unwrap_or_default();
                    return Err(format!("{at}.{missing} is missing{unknown}"));
                }
                for (name, value) in fields {
                    let schema = properties.get(name);
                    let schema = schema.ok_or_else(|| format!("{at}.{name} is unknown"))?;
                    schema.check(value, is_text, &format!("{at}.{name}"))?;
                }
                Ok(())
            }
            Self::Array { items } => {
                let values = value.as_array();
                let values = values.ok_or_else(|| format!("{at} is no array"))?;
                if values.is_empty() {
                    return Err(format!("{at} is empty"));
                }
                for (i, value) in values.iter().enumerate() {
                    items.check(value, is_text, &format!("{at}[{i}]"))?;
                }
                Ok(())
            }
            Self::String {
                is_never_empty,
                one_of,
            } => {
                let text = value.as_str().ok_or_else(|| format!("{at} is no text"))?;
                if *is_never_empty && matches!(text, "" | "0") {
                    return Err(format!("{at} is empty"));
                }
                if !one_of.is_empty() && !one_of.iter().any(|one| is_like(one, text)) {
                    return Err(format!("{at} is none of {one_of:?}: {text}"));
                }
                Ok(())
            }
            Self::Integer { least } => {
                let number = match value {
                    Value::String(text) if is_text => text.parse().ok(),
                    Value::Number(number) if !is_text => number.as_i64(),
                    _ => None,
                };
                let number: i64 = number.ok_or_else(|| format!("{at} is no whole number"))?;
                if number < *least {
                    return Err(format!("{at} is less than {least}"));
                }
                Ok(())
            }
        }
    }
}

/// Whether a text is the one that was described, `{…}` standing for some text at its end.
fn is_like(described: &str, text: &str) -> bool {
    match described.split_once('{') {
        None => described == text,
        Some((begin, _)) => text
            .strip_prefix(begin)
            .is_some_and(|rest| !rest.is_empty()),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|error| error.to_string())
}

/// The fields of a form, `a[0][b]=c` as PHP reads them.
fn fields(body: &[u8]) -> Result<Value, String> {
    let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut root = Map::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("a field without a value")?;
        let name = decoded(&name.replace('+', " "))?;
        let value = decoded(&value.replace('+', " "))?;
        let path: Vec<&str> = name
            .split('[')
            .map(|part| part.trim_end_matches(']'))
            .collect();
        place(&mut root, &path, value)?;
    }
    Ok(with_arrays(Value::Object(root)))
}

fn place(fields: &mut Map<String, Value>, path: &[&str], value: String) -> Result<(), String> {
    match path {
        [] => Err("a field without a name".to_owned()),
        [name] => match fields.insert((*name).to_owned(), Value::String(value)) {
            None => Ok(()),
            Some(_) => Err(format!("{name} is there twice")),
        },
        [name, rest @ ..] => {
            let inner = fields
                .entry(*name)
                .or_insert_with(|| Value::Object(Map::new()));
            let inner = inner.as_object_mut();
            place(
                inner.ok_or_else(|| format!("{name} is there twice"))?,
                rest,
                value,
            )
        }
    }
}

/// Fields that are numbered from zero on are an array.
fn with_arrays(value: Value) -> Value {
    let Value::Object(mut fields) = value else {
        return value;
    };
    let n = fields.len();
    if n > 0 && (0..n).all(|i| fields.contains_key(&i.to_string())) {
        let items = (0..n).filter_map(|i| fields.remove(&i.to_string()));
        return Value::Array(items.map(with_arrays).collect());
    }
    let fields = fields.into_iter();
    Value::Object(
        fields
            .map(|(name, value)| (name, with_arrays(value)))
            .collect(),
    )
}
