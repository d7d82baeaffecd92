//! Whether a file is an ONNX model from its first byte to its last, before any runtime sees it.
//!
//! Runtimes read this format with trust: a length that reaches past the end is taken for the end,
//! one that wraps around sends the reader back to where it was, for ever, and one that is merely
//! huge is allocated, which ends the process. Here every length is held against what contains it,
//! so a runtime only ever sees files that are whole. What they mean is left to the runtime.
//!
//! # Source
//! Protocol Buffers, "Encoding"; ONNX, `onnx/onnx.proto` (field numbers).

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Damage {
    /// A field reaches past the end of what contains it: truncated, or not this format.
    #[error("a field at byte {offset} reaches past its end: truncated, or not an ONNX model")]
    PastEnd {
        /// Where the field begins.
        offset: usize,
    },
    /// Bytes that begin no field.
    #[error("no field begins at byte {offset}: damaged, or not an ONNX model")]
    NoField {
        /// Where.
        offset: usize,
    },
    /// Graphs within graphs, deeper than any real network.
    #[error("graphs are nested deeper than {MAX_DEPTH} levels at byte {offset}")]
    TooDeep {
        /// Where.
        offset: usize,
    },
    /// Weights that are said to be in another file.
    #[error("weights are kept in another file, which is not supported")]
    ExternalData,
    /// No graph in the file, or no version of the operators it is written in.
    #[error("the file holds no graph or no operator version: truncated, or not an ONNX model")]
    Incomplete,
}

/// Messages within messages. A plain network needs 7; each `If` or `Loop` around it 3 more.
const MAX_DEPTH: usize = 40;

#[derive(Clone, Copy, Eq, PartialEq)]
enum Message {
    Model,
    OperatorSet,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    Dimension,
    Function,
    Pair,
}

impl Message {
    /// What the length-delimited field of that number holds, where that is a message.
    fn child(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 8) | (Self::Function, 9) => Self::OperatorSet,
            (Self::Model, 25) => Self::Function,
            (Self::Model, 14) | (Self::Graph, 16) | (Self::Node, 9) => Self::Pair,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::ValueInfo,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Attribute, 14 | 15) | (Self::ValueInfo, 2) => Self::Type,
            (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Type, 1 | 8) => Self::TensorType,
            (Self::Type, 4 | 9) => Self::SequenceType,
            (Self::SequenceType, 1) => Self::Type,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Shape, 1) => Self::Dimension,
            _ => return None,
        })
    }
}

/// `TensorProto.external_data`.
const EXTERNAL_DATA_FIELD: u64 = 13;
/// `ModelProto.graph` and `ModelProto.opset_import`.
const GRAPH_FIELD: u64 = 7;
const OPERATORS_FIELD: u64 = 8;

/// Checks that `bytes` are a whole model: every field within its message, to any depth.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Damage> {
    let (mut has_graph, mut has_operators) = (false, false);
    let mut reader = Reader { bytes, at: 0 };
    while let Some(field) = reader.field(bytes.len())? {
        has_graph |= field.number == GRAPH_FIELD;
        has_operators |= field.number == OPERATORS_FIELD;
        walk_field(&mut reader, Message::Model, &field, 1)?;
    }
    if has_graph && has_operators {
        Ok(())
    } else {
        Err(Damage::Incomplete)
    }
}

fn walk(reader: &mut Reader<'_>, message: Message, end: usize, depth: usize) -> Result<(), Damage> {
    if depth > MAX_DEPTH {
        return Err(Damage::TooDeep { offset: reader.at });
    }
    while let Some(field) = reader.field(end)? {
        if message == Message::Tensor && field.number == EXTERNAL_DATA_FIELD {
            return Err(Damage::ExternalData);
        }
        walk_field(reader, message, &field, depth)?;
    }
    Ok(())
}

fn walk_field(
    reader: &mut Reader<'_>,
    message: Message,
    field: &Field,
    depth: usize,
) -> Result<(), Damage> {
    match message.child(field.number) {
        Some(child) if field.is_message => walk(reader, child, field.end, depth + 1)?,
        Some(_) | None => reader.at = field.end,
    }
    Ok(())
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) number: u64,
    /// Whether it has a length, so that it may hold a message.
    pub(crate) is_message: bool,
    /// The number it holds, where it holds a plain number; else nought.
    pub(crate) value: u64,
    /// First byte after it.
    pub(crate) end: usize,
}

/// Reads fields one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl Reader<'_> {
    /// The next field before `end`, its content still to be read; `None` at `end`.
    pub(crate) fn field(&mut self, end: usize) -> Result<Option<Field>, Damage> {
        let offset = self.at;
        if offset == end {
            return Ok(None);
        }
        let key = self.varint(end)?;
        let number = key >> 3;
        if number == 0 {
            return Err(Damage::NoField { offset });
        }
        let mut value = 0;
        let (is_message, length) = match key & 7 {
            0 => {
                value = self.varint(end)?;
                (false, 0)
            }
            1 => (false, 8),
            2 => (true, self.varint(end)?),
            5 => (false, 4),
            _ => return Err(Damage::NoField { offset }),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match self.at.checked_add(length) {
            Some(field_end) if field_end <= end => Ok(Some(Field {
                number,
                is_message,
                value,
                end: field_end,
            })),
            _ => Err(Damage::PastEnd { offset }),
        }
    }

    /// A number of up to ten bytes, seven bits each, the lowest first.
    pub(crate) fn varint(&mut self, end: usize) -> Result<u64, Damage> {
        let offset = self.at;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            if self.at >= end {
                return Err(Damage::PastEnd { offset });
            }
            let byte = self.bytes[self.at];
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damage::NoField { offset })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Model with a graph of one empty node and one operator set.
    const SMALL: &[u8] = &[0x08, 7, 0x3a, 2, 0x0a, 0, 0x42, 2, 0x10, 13];

    #[test]
    fn whole_and_damaged() {
        fn check_is(bytes: &[u8], expected: Result<(), Damage>) {
            assert_eq!(check(bytes), expected, "{bytes:02x?}");
        }
        check_is(SMALL, Ok(()));
        check_is(&[], Err(Damage::Incomplete));
        check_is(&SMALL[..6], Err(Damage::Incomplete));
        check_is(&SMALL[..5], Err(Damage::PastEnd { offset: 2 }));
        check_is(&[0x00], Err(Damage::NoField { offset: 0 }));
        check_is(&[0x0b], Err(Damage::NoField { offset: 0 }));
        check_is(&[0xff; 12], Err(Damage::NoField { offset: 0 }));
        // A length just short of 2^64, which would wrap around.
        let mut wrapping = vec![0x3a];
        wrapping.extend([0xff; 9]);
        wrapping.push(0x01);
        check_is(&wrapping, Err(Damage::PastEnd { offset: 0 }));
        // The node within the graph reaches past the graph, though not past the file.
        check_is(
            &[0x3a, 2, 0x0a, 1, 0x42, 0],
            Err(Damage::PastEnd { offset: 2 }),
        );
        // graph.initializer.external_data
        check_is(
            &[0x3a, 4, 0x2a, 2, 0x6a, 0, 0x42, 0],
            Err(Damage::ExternalData),
        );
    }

    #[test]
    fn nesting_has_a_limit() {
        // attribute.g of a node of a graph of an attribute ...
        let nest = |levels: usize| {
            let mut graph = Vec::new();
            for _ in 0..levels {
                for tag in [0x32_u8, 0x2a, 0x0a] {
                    let mut outer = vec![
                        tag,
                        0x80 | (graph.len() & 0x7f) as u8,
                        (graph.len() >> 7) as u8,
                    ];
                    outer.extend(&graph);
                    graph = outer;
                }
            }
            let mut model = vec![
                0x3a,
                0x80 | (graph.len() & 0x7f) as u8,
                (graph.len() >> 7) as u8,
            ];
            model.extend(&graph);
            model.extend([0x42, 0]);
            model
        };
        assert_eq!(check(&nest(10)), Ok(()));
        assert!(matches!(check(&nest(20)), Err(Damage::TooDeep { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }

        #[test]
        fn no_prefix_is_whole(length in 0..SMALL.len()) {
            prop_assert!(check(&SMALL[..length]).is_err());
        }
    }
}
