//! The parts of an ONNX file that an executor needs.
//!
//! In: bytes that `wire` found whole. What is read takes a small multiple of the memory of the file: the
//! narrowest number is a byte and becomes eight, the shortest message two and becomes some hundred. Narrow weights stay
//! as they are stored.
//!
//! # Source
//! ONNX, `onnx/onnx.proto` (field numbers and types).

use crate::wire::{Damage, Field, Reader};

use super::constant::{Constant, Values};
use super::stored::{Element, Stored};

/// Why a file is not a graph that we can read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ReadError {
    /// The format itself.
    #[error("damaged")]
    Damaged(#[from] Damage),
    /// A text that is not UTF-8.
    #[error("a name is not UTF-8")]
    NotText,
    /// A tensor of a type that no network here has.
    #[error(
        "tensor {name:?} has elements of type {data_type}, which the native runtime does not read"
    )]
    ElementType {
        /// Which.
        name: String,
        /// Its number in `TensorProto.DataType`.
        data_type: u64,
    },
    /// A tensor whose values do not fill its shape.
    #[error("the values of tensor {name:?} do not fill its shape")]
    Unfilled {
        /// Which.
        name: String,
    },
    /// No graph.
    #[error("the file holds no graph")]
    NoGraph,
}

/// A model as the file tells it.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Version of the standard operators.
    pub(crate) opset: u64,
    pub(crate) nodes: Vec<Node>,
    /// Weights and other constants by name.
    pub(crate) constants: Vec<(String, Constant)>,
    pub(crate) inputs: Vec<ValueInfo>,
    pub(crate) outputs: Vec<ValueInfo>,
}

/// One operator.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) op: String,
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<(String, Attribute)>,
}

/// The value of an attribute.
#[derive(Debug)]
pub(crate) enum Attribute {
    Real(f32),
    Whole(i64),
    Text(String),
    Wholes(Vec<i64>),
    Tensor(Constant),
    /// Of a kind that no operator here takes.
    Other,
}

/// Name, type and shape of an input or output.
#[derive(Debug, Default)]
pub(crate) struct ValueInfo {
    pub(crate) name: String,
    /// As in `TensorProto.DataType`; nought where the file does not say.
    pub(crate) element_type: u64,
    /// `None` for a size that is open.
    pub(crate) shape: Option<Vec<Option<usize>>>,
}

/// `TensorProto.DataType.FLOAT`.
pub(crate) const FLOAT: u64 = 1;

impl Model {
    /// The model in `bytes`.
    ///
    /// # Errors
    /// What is damaged, or is a tensor of a type that no network here has.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let mut model = Self::default();
        let mut has_graph = false;
        each(bytes, &mut |field, content| {
            match field.number {
                7 => {
                    has_graph = true;
                    model.read_graph(content)?;
                }
                8 => model.read_opset(content)?,
                _ => {}
            }
            Ok(())
        })?;
        if has_graph {
            Ok(model)
        } else {
            Err(ReadError::NoGraph)
        }
    }

    fn read_opset(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let (mut domain, mut version) = (String::new(), 0);
        each(bytes, &mut |field, content| {
            match field.number {
                1 => domain = text(content)?,
                2 => version = field.value,
                _ => {}
            }
            Ok(())
        })?;
        if domain.is_empty() || domain == "ai.onnx" {
            self.opset = version;
        }
        Ok(())
    }

    fn read_graph(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        each(bytes, &mut |field, content| {
            match field.number {
                1 => self.nodes.push(node(content)?),
                5 => self.constants.push(tensor(content)?),
                11 => self.inputs.push(value_info(content)?),
                12 => self.outputs.push(value_info(content)?),
                _ => {}
            }
            Ok(())
        })
    }
}

impl Node {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }

    /// What people call it: its name, or that of its first output.
    pub(crate) fn label(&self) -> &str {
        match self.outputs.first() {
            Some(output) if self.name.is_empty() => output,
            _ => &self.name,
        }
    }
}

type EachField<'f> = dyn FnMut(&Field, &[u8]) -> Result<(), ReadError> + 'f;

/// Hands each field of a message to `take`, with its bytes where it has some.
fn each(bytes: &[u8], take: &mut EachField<'_>) -> Result<(), ReadError> {
    let mut reader = Reader { bytes, at: 0 };
    while let Some(field) = reader.field(bytes.len())? {
        let content = bytes.get(reader.at..field.end).unwrap_or_default();
        take(&field, content)?;
        reader.at = field.end;
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<String, ReadError> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| ReadError::NotText)
}

fn node(bytes: &[u8]) -> Result<Node, ReadError> {
    let mut node = Node::default();
    each(bytes, &mut |field, content| {
        match field.number {
            1 => node.inputs.push(text(content)?),
            2 => node.outputs.push(text(content)?),
            3 => node.name = text(content)?,
            4 => node.op = text(content)?,
            5 => node.attributes.push(attribute(content)?),
            7 => node.domain = text(content)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(node)
}

fn attribute(bytes: &[u8]) -> Result<(String, Attribute), ReadError> {
    let (mut name, mut value, mut wholes) = (String::new(), Attribute::Other, None);
    each(bytes, &mut |field, content| {
        match field.number {
            1 => name = text(content)?,
            2 => value = real(content).map_or(Attribute::Other, Attribute::Real),
            3 => value = Attribute::Whole(field.value.cast_signed()),
            4 => value = text(content).map_or(Attribute::Other, Attribute::Text),
            5 => value = Attribute::Tensor(tensor(content)?.1),
            8 => numbers(field, content, wholes.get_or_insert_with(Vec::new))?,
            _ => {}
        }
        Ok(())
    })?;
    if let Some(wholes) = wholes {
        value = Attribute::Wholes(wholes);
    }
    Ok((name, value))
}

fn real(bytes: &[u8]) -> Option<f32> {
    Some(f32::from_le_bytes(bytes.try_into().ok()?))
}

/// Whole numbers, packed or one by one.
fn numbers(field: &Field, content: &[u8], into: &mut Vec<i64>) -> Result<(), ReadError> {
    if !field.is_message {
        into.push(field.value.cast_signed());
        return Ok(());
    }
    let mut reader = Reader {
        bytes: content,
        at: 0,
    };
    while reader.at < content.len() {
        into.push(reader.varint(content.len())?.cast_signed());
    }
    Ok(())
}

/// Parts of a tensor before they are put together.
#[derive(Default)]
struct Parts<'a> {
    dims: Vec<i64>,
    data_type: u64,
    name: String,
    raw: &'a [u8],
    reals: Vec<f32>,
    wholes: Vec<i64>,
}

fn tensor(bytes: &[u8]) -> Result<(String, Constant), ReadError> {
    let mut stored = Parts::default();
    let mut reader = Reader { bytes, at: 0 };
    while let Some(field) = reader.field(bytes.len())? {
        let content = bytes.get(reader.at..field.end).unwrap_or_default();
        match field.number {
            1 => numbers(&field, content, &mut stored.dims)?,
            2 => stored.data_type = field.value,
            4 => stored
                .reals
                .extend(content.chunks_exact(4).filter_map(real)),
            5 | 7 => numbers(&field, content, &mut stored.wholes)?,
            8 => stored.name = text(content)?,
            9 => stored.raw = content,
            _ => {}
        }
        reader.at = field.end;
    }
    stored.into_constant()
}

impl Parts<'_> {
    fn into_constant(self) -> Result<(String, Constant), ReadError> {
        let values = match (self.data_type, self.raw.is_empty()) {
            (FLOAT, true) => Values::Real(self.reals),
            (FLOAT, false) => {
                let chunks = self.raw.as_chunks().0.iter();
                Values::Real(chunks.map(|&bytes| f32::from_le_bytes(bytes)).collect())
            }
            (2, false) => Values::Narrow(Stored::new(Element::Unsigned, self.raw)),
            (3, false) => Values::Narrow(Stored::new(Element::Signed, self.raw)),
            (10, false) => Values::Narrow(Stored::new(Element::Half, self.raw)),
            // As numbers: whole ones, or the bits of halves.
            (2 | 3 | 10, true) => {
                let element = match self.data_type {
                    2 => Element::Unsigned,
                    3 => Element::Signed,
                    _ => Element::Half,
                };
                let bytes = self.wholes.iter().map(|n| n.to_le_bytes());
                let bytes: Vec<u8> = bytes
                    .flat_map(|bytes| bytes.into_iter().take(element.size()))
                    .collect();
                Values::Narrow(Stored::new(element, &bytes))
            }
            (6 | 7, true) => Values::Whole(self.wholes),
            (6, false) => Values::Whole(whole::<4>(self.raw, |b| i32::from_le_bytes(b).into())),
            (7, false) => Values::Whole(whole::<8>(self.raw, i64::from_le_bytes)),
            (data_type, _) => {
                let name = self.name;
                return Err(ReadError::ElementType { name, data_type });
            }
        };
        let dims: Option<Vec<usize>> = self
            .dims
            .iter()
            .map(|&size| usize::try_from(size).ok())
            .collect();
        match dims.and_then(|dims| Constant::new(dims, values)) {
            Some(constant) => Ok((self.name, constant)),
            None => Err(ReadError::Unfilled { name: self.name }),
        }
    }
}

fn whole<const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> i64) -> Vec<i64> {
    raw.as_chunks::<N>()
        .0
        .iter()
        .map(|&bytes| read(bytes))
        .collect()
}

fn value_info(bytes: &[u8]) -> Result<ValueInfo, ReadError> {
    let mut info = ValueInfo::default();
    each(bytes, &mut |field, content| {
        match field.number {
            1 => info.name = text(content)?,
            2 => each(content, &mut |field, content| match field.number {
                1 => tensor_type(content, &mut info),
                _ => Ok(()),
            })?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(info)
}

fn tensor_type(bytes: &[u8], info: &mut ValueInfo) -> Result<(), ReadError> {
    each(bytes, &mut |field, content| {
        match field.number {
            1 => info.element_type = field.value,
            2 => {
                let dims = info.shape.insert(Vec::new());
                each(content, &mut |_, content| {
                    let mut size = None;
                    each(content, &mut |field, _| {
                        if field.number == 1 {
                            // A size of -1 is an old way to leave it open.
                            size = usize::try_from(field.value.cast_signed()).ok();
                        }
                        Ok(())
                    })?;
                    dims.push(size);
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_filled() {
        // dims [2], INT8, raw_data of two bytes and of one.
        let good = [0x08, 2, 0x10, 3, 0x4a, 2, 0xff, 7];
        let (_, constant) = tensor(&good).unwrap();
        assert_eq!(constant.dims(), [2]);
        assert!(matches!(constant.values(), Values::Narrow(v) if v.to_floats() == [-1.0, 7.0]));
        let short = [0x08, 2, 0x10, 3, 0x4a, 1, 0xff];
        assert!(matches!(tensor(&short), Err(ReadError::Unfilled { .. })));
        // Packed dims, INT64 one by one.
        let packed = [0x0a, 2, 1, 2, 0x10, 7, 0x38, 5, 0x38, 6];
        let (_, constant) = tensor(&packed).unwrap();
        assert_eq!(constant.dims(), [1, 2]);
        assert!(matches!(constant.values(), Values::Whole(v) if v == &[5, 6]));
        // A type that is none.
        assert!(matches!(
            tensor(&[0x10, 99]),
            Err(ReadError::ElementType { data_type: 99, .. })
        ));
    }
}
