//! From the operators of a file to those that we compute.
//!
//! What depends on constants alone is computed here. Scales, activations and sums go into the operator
//! before them where that is the only one to see the value in between.

use std::collections::{BTreeMap, BTreeSet};

use crate::runtime::{Dim, Port};

use super::constant::{Arithmetic, Constant, VALUES_PER_FILE_BYTE, Values, Weights};
use super::graph::{BytesOp, Convolution, Graph, Kind, Link, MapOp, Op, ValueId};
use super::kernel::{Activation, Aligned, ByteFilter, LANES, MAX_RESIDUALS, Window};
use super::onnx::{Attribute, FLOAT, Model, Node};

mod chain;
mod operators;
mod rewrite;

/// An operator that the native runtime does not have, or not in that form.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("node {node:?}: operator {op}: {reason}")]
pub(crate) struct Unsupported {
    /// The node's name in the file.
    pub(crate) node: String,
    /// Its operator.
    pub(crate) op: String,
    /// What is not supported.
    pub(crate) reason: String,
}

impl Unsupported {
    fn new(node: &Node, reason: impl Into<String>) -> Self {
        Self {
            node: node.label().to_owned(),
            op: node.op.clone(),
            reason: reason.into(),
        }
    }
}

/// An element of an input or output that is not a float; the name and what it is.
pub(crate) struct NotFloat(pub(crate) String, pub(crate) u64);

/// Ports of a model: inputs that are not constants, and outputs.
pub(crate) fn ports(model: &Model) -> Result<(Vec<Port>, Vec<Port>), NotFloat> {
    let port = |info: &super::onnx::ValueInfo| {
        if info.element_type != FLOAT && info.element_type != 0 {
            return Err(NotFloat(info.name.clone(), info.element_type));
        }
        let dim = |size: &Option<usize>| size.map_or(Dim::Open, Dim::Fixed);
        Ok(Port {
            name: info.name.clone(),
            shape: info
                .shape
                .as_ref()
                .map(|sizes| sizes.iter().map(dim).collect()),
        })
    };
    let constants: BTreeSet<&str> = model
        .constants
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let is_constant = |name: &str| constants.contains(name);
    let inputs = model.inputs.iter().filter(|info| !is_constant(&info.name));
    let inputs: Result<Vec<Port>, NotFloat> = inputs.map(port).collect();
    let outputs: Result<Vec<Port>, NotFloat> = model.outputs.iter().map(port).collect();
    Ok((inputs?, outputs?))
}

/// The graph of `model`, weights packed.
///
/// # Errors
/// The first node that is not supported.
pub(crate) fn lower(
    mut model: Model,
    (inputs, outputs): (Vec<Port>, Vec<Port>),
    file_bytes: usize,
) -> Result<Graph, Unsupported> {
    rewrite::prelu(&mut model);
    rewrite::remove_unused(&mut model);
    let mut lowering = Lowering {
        opset: model.opset,
        uses: rewrite::uses(&model),
        constants: model.constants.into_iter().collect(),
        values: BTreeMap::new(),
        producers: Vec::new(),
        graph: Graph::default(),
        max_values: file_bytes.saturating_mul(VALUES_PER_FILE_BYTE),
    };
    for port in inputs {
        let value = lowering.name(&port.name, None);
        lowering.graph.inputs.push((port, value));
    }
    for node in &model.nodes {
        lowering.node(node)?;
    }
    for port in outputs {
        let Some(&value) = lowering.values.get(&port.name) else {
            return Err(Unsupported {
                node: port.name,
                op: "output".to_owned(),
                reason: "no operator computes it".to_owned(),
            });
        };
        lowering.graph.outputs.push((port, value));
    }
    let mut graph = lowering.graph;
    graph.n_values = lowering.producers.len();
    rewrite::pair(&mut graph);
    rewrite::merge(&mut graph);
    chain::chain(&mut graph);
    graph.ops.iter_mut().for_each(pack);
    Ok(graph)
}

/// Puts the weights of an operator into the order in which they are read.
pub(crate) fn pack(op: &mut Op) {
    match &mut op.kind {
        Kind::Convolution(convolution) | Kind::Gemm(convolution) => convolution.pack(),
        Kind::Pair(pair) => {
            pair.0.pack();
            pair.1.pack();
        }
        Kind::Chain(links) => {
            for link in links {
                if let Link::Convolution(convolution) = link {
                    convolution.pack();
                }
            }
        }
        Kind::Map(_)
        | Kind::GemmBytes(_)
        | Kind::Pool { .. }
        | Kind::GlobalMean
        | Kind::Binary(_)
        | Kind::Sigmoid
        | Kind::Softmax { .. }
        | Kind::Reshape(_)
        | Kind::Flatten { .. }
        | Kind::Transpose(_)
        | Kind::Upsample(_)
        | Kind::PadChannels(_)
        | Kind::Channels(_)
        | Kind::Same => {}
    }
}

struct Lowering {
    opset: u64,
    constants: BTreeMap<String, Constant>,
    values: BTreeMap<String, ValueId>,
    /// How often each name is read, outputs of the graph included.
    uses: BTreeMap<String, usize>,
    /// Which operator makes each value; `None` for inputs.
    producers: Vec<Option<usize>>,
    graph: Graph,
    /// Most values of a constant.
    max_values: usize,
}

impl Lowering {
    fn name(&mut self, name: &str, producer: Option<usize>) -> ValueId {
        self.producers.push(producer);
        let value = self.producers.len() - 1;
        self.values.insert(name.to_owned(), value);
        value
    }

    fn constant(&self, node: &Node, index: usize) -> Option<&Constant> {
        self.constants.get(node.inputs.get(index)?)
    }

    fn value(&self, node: &Node, index: usize) -> Result<ValueId, Unsupported> {
        let name = node
            .inputs
            .get(index)
            .map(String::as_str)
            .unwrap_or_default();
        self.values.get(name).copied().ok_or_else(|| {
            Unsupported::new(node, format!("input {name:?} is not computed before it"))
        })
    }

    /// A new operator for `node`.
    fn push(&mut self, node: &Node, kind: Kind, inputs: Vec<ValueId>) -> Result<(), Unsupported> {
        let Some(name) = node.outputs.first() else {
            return Err(Unsupported::new(node, "it has no output"));
        };
        let output = self.name(name, Some(self.graph.ops.len()));
        self.graph.ops.push(Op {
            label: node.label().to_owned(),
            kind,
            inputs,
            output,
            plain: None,
        });
        Ok(())
    }

    /// The operator that makes input `index` of `node`, where nobody else reads that value.
    fn sole_producer(&self, node: &Node, index: usize) -> Option<usize> {
        let name = node.inputs.get(index)?;
        if self.uses.get(name).copied() != Some(1) {
            return None;
        }
        self.producers[*self.values.get(name)?]
    }

    /// Lets operator `op` make the output of `node` as well.
    fn redirect(&mut self, node: &Node, op: usize) -> Result<(), Unsupported> {
        let Some(name) = node.outputs.first() else {
            return Err(Unsupported::new(node, "it has no output"));
        };
        self.graph.ops[op].output = self.name(name, Some(op));
        Ok(())
    }

    fn node(&mut self, node: &Node) -> Result<(), Unsupported> {
        if !node.domain.is_empty() && node.domain != "ai.onnx" {
            return Err(Unsupported::new(
                node,
                format!("from domain {:?}", node.domain),
            ));
        }
        if node
            .outputs
            .iter()
            .skip(1)
            .any(|name| self.uses.contains_key(name))
        {
            return Err(Unsupported::new(node, "more than one output is used"));
        }
        if self.fold(node)? {
            return Ok(());
        }
        self.operator(node)
    }

    /// Computes `node` where all it reads is constant; whether it did.
    fn fold(&mut self, node: &Node) -> Result<bool, Unsupported> {
        if node.op == "Constant" {
            return match (node.attribute("value"), node.outputs.first()) {
                (Some(Attribute::Tensor(constant)), Some(output)) => {
                    self.constants.insert(output.clone(), constant.clone());
                    Ok(true)
                }
                _ => Err(Unsupported::new(node, "without a tensor")),
            };
        }
        let all_constant = node
            .inputs
            .iter()
            .all(|name| name.is_empty() || self.constants.contains_key(name));
        let foldable = matches!(node.op.as_str(), "Cast" | "Identity" | "Reshape")
            || Arithmetic::named(&node.op).is_some();
        if !(all_constant && foldable) {
            return Ok(false);
        }
        let [Some(first), Some(output)] = [node.inputs.first(), node.outputs.first()] else {
            return Err(Unsupported::new(node, "without input or output"));
        };
        // Taken rather than copied where nobody else wants it: weights are large.
        let first = if self.uses.get(first).copied() == Some(1) {
            self.constants.remove(first)
        } else {
            self.constants.get(first).cloned()
        };
        let folded = first.and_then(|first| match node.op.as_str() {
            "Identity" => Some(first),
            "Cast" => match (node.attribute("to"), first.values()) {
                (Some(Attribute::Whole(1)), _) => Some(first.into_real()),
                (Some(Attribute::Whole(7)), Values::Whole(_)) => Some(first),
                _ => None,
            },
            "Reshape" => {
                let shape = self.constant(node, 1)?.whole()?.to_vec();
                first.reshaped(&shape)
            }
            op => {
                let arithmetic = Arithmetic::named(op)?;
                first.combined(self.constant(node, 1)?, arithmetic, self.max_values)
            }
        });
        let folded = folded
            .ok_or_else(|| Unsupported::new(node, "of constants that do not fit together"))?;
        self.constants.insert(output.clone(), folded);
        Ok(true)
    }

    /// Puts an activation into the operator before `node`, or makes one of its own.
    fn activate(&mut self, node: &Node, activation: Activation) -> Result<(), Unsupported> {
        if let Some(op) = self.sole_producer(node, 0) {
            let own = match &mut self.graph.ops[op].kind {
                Kind::Convolution(convolution) | Kind::Gemm(convolution) => {
                    Some(&mut convolution.activation)
                }
                Kind::GemmBytes(gemm) if matches!(activation, Activation::Clamp { .. }) => {
                    Some(&mut gemm.activation)
                }
                Kind::Map(map) => Some(&mut map.activation),
                _ => None,
            };
            if let Some(own) = own.filter(|own| own.is_none()) {
                *own = activation;
                return self.redirect(node, op);
            }
        }
        let input = self.value(node, 0)?;
        let map = MapOp::activate(activation);
        self.push(node, Kind::Map(Box::new(map)), vec![input])
    }

    /// Scale and shift of each channel, or one for all.
    fn scale_and_shift(
        &mut self,
        node: &Node,
        index: usize,
        (scale, shift): (Vec<f32>, Vec<f32>),
    ) -> Result<(), Unsupported> {
        if let Some(op) = self.sole_producer(node, index) {
            let producer = &mut self.graph.ops[op];
            let is_alone = producer.inputs.len() == 1 && producer.plain.is_none();
            let fits = |n: usize, channels: usize| n == 1 || n == channels;
            match &mut producer.kind {
                Kind::Convolution(convolution)
                    if is_alone
                        && convolution.activation.is_none()
                        && fits(scale.len(), convolution.outputs())
                        && fits(shift.len(), convolution.outputs()) =>
                {
                    convolution.absorb(&scale, &shift);
                    return self.redirect(node, op);
                }
                Kind::Map(map) if is_alone && map.activation.is_none() && !map.scale.is_empty() => {
                    if let Some((scale, shift)) = chained(map, &scale, &shift) {
                        (map.scale, map.shift) = (scale, shift);
                        return self.redirect(node, op);
                    }
                }
                _ => {}
            }
        }
        let input = self.value(node, index)?;
        let mut map = MapOp::activate(Activation::NONE);
        (map.scale, map.shift) = (scale, shift);
        self.push(node, Kind::Map(Box::new(map)), vec![input])
    }

    /// The sum of two computed values: into the convolution that makes one of them, where the other is
    /// there before it.
    fn add(&mut self, node: &Node) -> Result<(), Unsupported> {
        let values = [self.value(node, 0)?, self.value(node, 1)?];
        for (own, other) in [(1, 0), (0, 1)] {
            let (Some(op), other_op) = (self.producers[values[own]], self.producers[values[other]])
            else {
                continue;
            };
            let producer = &self.graph.ops[op];
            let Kind::Convolution(convolution) = &producer.kind else {
                continue;
            };
            let is_sole = self.uses.get(&node.inputs[own]).copied() == Some(1);
            let is_there = other_op.is_none_or(|other_op| other_op < op);
            let keeps_plain = !is_sole && producer.inputs.len() == 1 && producer.plain.is_none();
            if producer.output == values[own]
                && convolution.activation.is_none()
                && producer.inputs.len() <= MAX_RESIDUALS
                && is_there
                && (is_sole || keeps_plain)
            {
                let producer = &mut self.graph.ops[op];
                producer.inputs.push(values[other]);
                if keeps_plain {
                    producer.plain = Some(values[own]);
                }
                return self.redirect(node, op);
            }
        }
        let map = MapOp::activate(Activation::NONE);
        self.push(node, Kind::Map(Box::new(map)), values.to_vec())
    }
}

/// Scale and shift of `map` and then these.
fn chained(map: &MapOp, scale: &[f32], shift: &[f32]) -> Option<(Vec<f32>, Vec<f32>)> {
    let lens = [map.scale.len(), map.shift.len(), scale.len(), shift.len()];
    let n = lens.into_iter().max()?;
    if lens.iter().any(|&len| len != 1 && len != n) {
        return None;
    }
    let of = |values: &[f32], i: usize| values[i % values.len()];
    Some((
        (0..n).map(|i| of(&map.scale, i) * of(scale, i)).collect(),
        (0..n)
            .map(|i| of(&map.shift, i) * of(scale, i) + of(shift, i))
            .collect(),
    ))
}

/// The values of a constant that has one, or one for each channel of a picture.
fn per_channel(constant: &Constant) -> Option<Vec<f32>> {
    let values = constant.real()?;
    let is_column = match *constant.dims() {
        [] | [1] => true,
        [_, 1, 1] | [1, _, 1, 1] => true,
        _ => values.len() == 1,
    };
    (is_column && !values.is_empty()).then(|| values.to_vec())
}

/// Slopes for the kernels: one a channel, padded; one for all is repeated.
fn slopes(values: &[f32], channels: usize) -> Aligned {
    let mut padded = Aligned::zeros(channels.next_multiple_of(LANES));
    for (index, slope) in padded.as_mut_slice().iter_mut().take(channels).enumerate() {
        *slope = values[index % values.len()];
    }
    padded
}
