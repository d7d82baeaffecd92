//! Changes of a graph as a whole: before it is lowered, and after.

use std::collections::{BTreeMap, BTreeSet};

use crate::native::graph::{Convolution, Graph, Kind, Op};
use crate::native::onnx::{Model, Node};

/// How often each name is read, outputs of the graph included.
pub(super) fn uses(model: &Model) -> BTreeMap<String, usize> {
    let mut uses = BTreeMap::new();
    let read = model.nodes.iter().flat_map(|node| &node.inputs);
    for name in read.chain(model.outputs.iter().map(|port| &port.name)) {
        *uses.entry(name.clone()).or_insert(0) += 1;
    }
    uses
}

/// Drops nodes whose results nobody reads.
pub(super) fn remove_unused(model: &mut Model) {
    let mut wanted: BTreeSet<String> = model.outputs.iter().map(|port| port.name.clone()).collect();
    let mut kept = Vec::with_capacity(model.nodes.len());
    for node in std::mem::take(&mut model.nodes).into_iter().rev() {
        if node.outputs.iter().any(|name| wanted.contains(name)) {
            wanted.extend(node.inputs.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    model.nodes = kept;
    model.constants.retain(|(name, _)| wanted.contains(name));
}

/// `relu(x) - slope * relu(-x)`, as networks write it for runtimes that are slow on `PRelu`, as `PRelu`.
///
/// The nodes in between stay for whoever else reads them, and go with `remove_unused` where nobody does.
pub(super) fn prelu(model: &mut Model) {
    let by_output: BTreeMap<&str, usize> = model
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(index, node)| Some((node.outputs.first()?.as_str(), index)))
        .collect();
    let of = |name: &str, op: &str| -> Option<&Node> {
        let node = &model.nodes[*by_output.get(name)?];
        (node.op == op && node.domain.is_empty()).then_some(node)
    };
    let input = |node: &Node, index: usize| node.inputs.get(index).cloned();
    let found: Vec<(usize, [String; 2])> = model
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.op == "Sub" && node.domain.is_empty())
        .filter_map(|(index, node)| {
            let up = of(node.inputs.first()?, "Relu")?;
            let scaled = of(node.inputs.get(1)?, "Mul")?;
            let (down, slope) = [(0, 1), (1, 0)].into_iter().find_map(|(down, slope)| {
                Some((of(scaled.inputs.get(down)?, "Relu")?, input(scaled, slope)?))
            })?;
            let negative = of(down.inputs.first()?, "Neg")?;
            let x = input(up, 0)?;
            (negative.inputs.first() == Some(&x)).then_some((index, [x, slope]))
        })
        .collect();
    let constants: BTreeSet<&str> = model
        .constants
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let is_constant = |name: &str| constants.contains(name);
    let found: Vec<_> = found
        .into_iter()
        .filter(|(_, [_, slope])| is_constant(slope))
        .collect();
    for (index, inputs) in found {
        let node = &mut model.nodes[index];
        node.op = "PRelu".to_owned();
        node.inputs = inputs.to_vec();
        node.attributes.clear();
    }
}

/// Joins each depthwise convolution with the pointwise one after or before it, where nobody else reads what
/// is between: the rows in between then stay in the cache.
pub(super) fn pair(graph: &mut Graph) {
    let mut readers = vec![0_usize; graph.n_values];
    for op in &graph.ops {
        op.inputs.iter().for_each(|&value| readers[value] += 1);
    }
    graph
        .outputs
        .iter()
        .for_each(|&(_, value)| readers[value] += 1);
    // The first operator that computes from each value.
    let mut takers = vec![None; graph.n_values];
    for (index, op) in graph.ops.iter().enumerate().rev() {
        if let Some(&value) = op.inputs.first() {
            takers[value] = Some(index);
        }
    }
    let mut ops: Vec<Option<Op>> = std::mem::take(&mut graph.ops)
        .into_iter()
        .map(Some)
        .collect();
    for index in 0..ops.len() {
        let Some(first) = &ops[index] else {
            continue;
        };
        let is_between =
            readers[first.output] == 1 && first.plain.is_none() && first.inputs.len() == 1;
        let taker = takers[first.output].filter(|&taker| taker > index && is_between);
        let Some((taker, Some(second))) = taker.map(|taker| (taker, &ops[taker])) else {
            continue;
        };
        if !fit_together(&first.kind, &second.kind) {
            continue;
        }
        let (first, second) = (ops[index].take(), ops[taker].take());
        if let (Some(first), Some(mut second)) = (first, second) {
            let own = std::mem::replace(&mut second.kind, Kind::Same);
            let (Kind::Convolution(a), Kind::Convolution(b)) = (first.kind, own) else {
                unreachable!("only convolutions fit together");
            };
            second.inputs[0] = first.inputs[0];
            second.kind = Kind::Pair(Box::new((*a, *b)));
            ops[taker] = Some(second);
        }
    }
    graph.ops = ops.into_iter().flatten().collect();
}

fn fit_together(first: &Kind, second: &Kind) -> bool {
    let (Kind::Convolution(first), Kind::Convolution(second)) = (first, second) else {
        return false;
    };
    let pair: [&Convolution; 2] = [first, second];
    first.outputs() == second.channels()
        && (pair[0].is_depthwise && pair[1].is_pointwise()
            || pair[0].is_pointwise() && pair[1].is_depthwise)
}
