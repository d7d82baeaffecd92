//! Reads a form out of a document and finds every mistake, not only the first.
//!
//! A derived reader stops at the first mistake. Here each mistake is noted, mended (the word that was
//! probably meant, a filler for what is missing), and the document read again, until it reads through.
//! So the forms themselves say what is right, and nothing is written down twice.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use toml::Spanned;
use toml::de::{DeInteger, DeValue};
use toml::value::Datetime;

use super::document::{Document, Mistake};
use super::fault::Fault;
use super::filler::Filler;
use super::hint::closest;
use super::path::{Path, Step};
use super::repairs::{Complaint, Repairs, unknown_key, value_at};

/// Mistakes told of one file. When more are found, that is told instead of the rest.
const MAX_MISTAKES: usize = 100;

/// What was read.
pub(super) struct Reading<T> {
    /// The form; with mistakes it has fillers in it and may not be used.
    pub(super) value: Option<T>,
    /// The mistakes.
    pub(super) mistakes: Vec<Mistake>,
    repairs: Repairs,
}

impl<T> Reading<T> {
    /// Whether what stands at a path is what its author wrote.
    pub(super) fn is_as_written(&self, path: &Path) -> bool {
        !self.repairs.touch(path, false)
    }

    /// Whether that is so of everything beside it too, for rules about several values.
    pub(super) fn is_all_as_written(&self, path: &Path) -> bool {
        !self.repairs.touch(path, true)
    }

    /// Whether the `n` elements of an array in the document have the id their author gave them.
    pub(super) fn has_all_ids(&self, array: &Path, n: usize) -> bool {
        let is_mended = |i: usize| {
            let element = array.index(i);
            self.repairs.stands_in(&element) || self.repairs.stands_in(&element.key("id"))
        };
        !self.repairs.stands_in(array) && !(0..n).any(is_mended)
    }

    /// The path in the document for a path in the value, from which elements may be left out.
    pub(super) fn path_in_document(&self, path: &Path) -> Path {
        let mut here = Path::ROOT;
        for step in path.steps() {
            here = match step {
                Step::Key(_) => here.step(step.clone()),
                Step::Index(wanted) => {
                    let mut kept =
                        (0..).filter(|i| !self.repairs.dropped.contains(&here.index(*i)));
                    here.index(kept.nth(*wanted).unwrap_or(*wanted))
                }
            };
        }
        here
    }
}

/// Reads a form.
pub(super) fn read<T: DeserializeOwned>(document: &Document<'_>) -> Reading<T> {
    let root = document.root();
    let mut told = Told::default();
    let mut repairs = Repairs::default();
    let value = loop {
        let context = Context {
            repairs: &repairs,
            told: RefCell::new(told),
        };
        let result = T::deserialize(Node {
            context: &context,
            value: root,
            path: Path::ROOT,
        });
        told = context.told.into_inner();
        let fault = match result {
            Ok(value) => break Some(value),
            Err(fault) => fault,
        };
        let (complaint, goes_on) = repairs.mend(root, &fault);
        if let Some(complaint) = complaint {
            told.add(complaint);
        }
        if !goes_on || told.0.len() > MAX_MISTAKES {
            break None;
        }
    };
    Reading {
        value,
        mistakes: told.into_mistakes(document),
        repairs,
    }
}

/// Complaints by what they are about.
#[derive(Default)]
struct Told(BTreeMap<(Path, bool, String), ()>);

impl Told {
    fn add(&mut self, complaint: Complaint) {
        self.0
            .insert((complaint.path, complaint.about_key, complaint.message), ());
    }

    fn into_mistakes(self, document: &Document<'_>) -> Vec<Mistake> {
        let n = self.0.len();
        let mut mistakes: Vec<Mistake> = self
            .0
            .into_keys()
            .map(|(path, about_key, message)| {
                let at = if about_key {
                    key_place(document.root(), &path)
                } else {
                    None
                };
                match at {
                    Some(byte) => document.mistake_at_byte(byte, &path, message),
                    None => document.mistake(&path, message),
                }
            })
            .collect();
        mistakes.sort();
        if n > MAX_MISTAKES {
            mistakes.truncate(MAX_MISTAKES);
            let message = format!("there are more than {MAX_MISTAKES} mistakes; mend these first");
            mistakes.push(document.mistake(&Path::ROOT, message));
        }
        mistakes
    }
}

fn key_place(root: &Spanned<DeValue<'_>>, path: &Path) -> Option<usize> {
    let table = value_at(root, &path.parent()?)?.get_ref().as_table()?;
    match path.steps().last()? {
        Step::Key(key) => table
            .get_key_value(key.as_str())
            .map(|(key, _)| key.span().start),
        Step::Index(_) => None,
    }
}

struct Context<'c> {
    repairs: &'c Repairs,
    told: RefCell<Told>,
}

/// One value of the document.
struct Node<'c, 't> {
    context: &'c Context<'c>,
    value: &'c Spanned<DeValue<'t>>,
    path: Path,
}

fn integer<'de, V: Visitor<'de>>(number: &DeInteger<'_>, visitor: V) -> Result<V::Value, Fault> {
    if let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) {
        return visitor.visit_i64(number);
    }
    match u64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) => visitor.visit_u64(number),
        Err(_) => Err(Fault::custom(format!("{number} is too large a number"))),
    }
}

/// A date or time as the texts of our forms have it: hours and minutes without seconds.
fn datetime_text(time: &Datetime) -> String {
    let text = time.to_string();
    match text.strip_suffix(":00") {
        Some(short) if time.date.is_none() && short.len() == 5 => short.to_owned(),
        Some(_) | None => text,
    }
}

impl<'c, 't> Node<'c, 't> {
    fn filler(&self) -> Option<Filler> {
        self.context.repairs.filled.get(&self.path).copied()
    }

    fn visit<'de, V: Visitor<'de>>(
        &self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Some(word) = self.context.repairs.words.get(&self.path) {
            return visitor.visit_str(word);
        }
        match self.value.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => integer(number, visitor),
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(Fault::custom("this number cannot be read")),
            },
            DeValue::Boolean(flag) => visitor.visit_bool(*flag),
            DeValue::Datetime(time) => visitor.visit_string(datetime_text(time)),
            DeValue::Array(_) => visitor.visit_seq(Elements {
                node: self,
                next: 0,
            }),
            DeValue::Table(_) => visitor.visit_map(Entries::of(self, fields)),
        }
    }
}

/// Methods that ask for some sort of value: the visitor itself says when it is another.
macro_rules! as_it_is {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.filler() {
                Some(filler) => filler.$method(visitor),
                None => self.visit(None, visitor),
            }
            .map_err(|fault| fault.at(&self.path))
        })+
    };
}

impl<'de> Deserializer<'de> for Node<'_, '_> {
    type Error = Fault;

    as_it_is! {
        deserialize_any deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier
        deserialize_ignored_any
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.filler().is_some() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        visitor
            .visit_newtype_struct(self)
            .map_err(|fault| fault.at(&path))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.filler() {
            Some(filler) => filler.deserialize_struct(name, fields, visitor),
            None => self.visit(Some(fields), visitor),
        }
        .map_err(|fault| fault.at(&self.path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let word = self.context.repairs.words.get(&self.path).copied();
        let result = match (self.filler(), word.or(self.value.get_ref().as_str())) {
            (Some(filler), _) => filler.deserialize_enum(name, variants, visitor),
            (None, Some(word)) => {
                let word: StrDeserializer<'_, Fault> = word.into_deserializer();
                visitor.visit_enum(word)
            }
            (None, None) => self.visit(None, visitor),
        };
        result.map_err(|fault| fault.at(&self.path))
    }
}

/// The elements of an array.
struct Elements<'n, 'c, 't> {
    node: &'n Node<'c, 't>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_, '_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let context = self.node.context;
        loop {
            let Some(value) = self.node.value.get_ref().get(self.next) else {
                return Ok(None);
            };
            let path = self.node.path.index(self.next);
            self.next += 1;
            if !context.repairs.dropped.contains(&path) {
                let node = Node {
                    context,
                    value,
                    path: path.clone(),
                };
                return seed
                    .deserialize(node)
                    .map(Some)
                    .map_err(|fault| fault.at(&path));
            }
        }
    }
}

/// A key as the form has it, and its value; without one a filler.
struct Entry<'c, 't> {
    name: &'c str,
    value: Option<&'c Spanned<DeValue<'t>>>,
    path: Path,
}

/// The entries of a table.
struct Entries<'n, 'c, 't> {
    node: &'n Node<'c, 't>,
    left: std::vec::IntoIter<Entry<'c, 't>>,
    value: Option<Entry<'c, 't>>,
}

impl<'n, 'c, 't> Entries<'n, 'c, 't> {
    /// Where the form's keys are known, others are told and renamed or left out.
    fn of(node: &'n Node<'c, 't>, fields: Option<&'static [&'static str]>) -> Self {
        let repairs = node.context.repairs;
        let mut entries = Vec::new();
        let mut given: Vec<&str> = Vec::new();
        let table = node.value.get_ref().as_table().into_iter().flatten();
        let mut strange = Vec::new();
        for (key, value) in table {
            let path = node.path.key(key.get_ref());
            let name: &str = match repairs.renamed.get(&path) {
                Some(meant) => meant,
                None => key.get_ref(),
            };
            if repairs.dropped.contains(&path) {
                continue;
            }
            let value = Some(value);
            if fields.is_none_or(|fields| fields.contains(&name)) {
                given.push(name);
                entries.push(Entry { name, value, path });
            } else {
                strange.push(Entry { name, value, path });
            }
        }
        let fields = fields.unwrap_or_default();
        for entry in strange {
            let free = fields
                .iter()
                .copied()
                .filter(|field| !given.contains(field));
            let meant = closest(entry.name, free);
            let message = unknown_key(fields, meant);
            let complaint = Complaint {
                path: entry.path.clone(),
                about_key: true,
                message,
            };
            node.context.told.borrow_mut().add(complaint);
            if let Some(name) = meant {
                given.push(name);
                entries.push(Entry { name, ..entry });
            }
        }
        let added = repairs.added.get(&node.path).into_iter().flatten();
        for name in added.copied().filter(|name| !given.contains(name)) {
            entries.push(Entry {
                name,
                value: None,
                path: node.path.key(name),
            });
        }
        Self {
            node,
            left: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, '_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(entry) = self.left.next() else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Fault> = entry.name.into_deserializer();
        let result = seed
            .deserialize(key)
            .map_err(|fault| fault.at_key(&entry.path));
        self.value = Some(entry);
        result.map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let entry = self.value.take().expect("serde asks for the key first");
        let context = self.node.context;
        let path = entry.path.clone();
        match entry.value {
            Some(value) => seed.deserialize(Node {
                context,
                value,
                path: entry.path,
            }),
            None => seed.deserialize(Filler::AsAsked),
        }
        .map_err(|fault| fault.at(&path))
    }
}
