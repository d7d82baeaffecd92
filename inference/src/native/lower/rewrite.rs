//! Changes of a graph as a whole: before it is lowered, and after.

use std::collections::{BTreeMap, BTreeSet};

use crate::native::graph::{Convolution, Graph, Kind};
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
    let is_constant = |name: &str| model.constants.iter().any(|(known, _)| known == name);
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
    let mut index = 0;
    while index < graph.ops.len() {
        let first = &graph.ops[index];
        let second = graph
            .ops
            .iter()
            .position(|op| op.inputs.first() == Some(&first.output));
        let Some(second) = second.filter(|&second| second > index) else {
            index += 1;
            continue;
        };
        let is_between =
            readers[first.output] == 1 && first.plain.is_none() && first.inputs.len() == 1;
        if is_between && fit_together(&first.kind, &graph.ops[second].kind) {
            let first = graph.ops.remove(index);
            let second = &mut graph.ops[second - 1];
            let own = std::mem::replace(&mut second.kind, Kind::Same);
            if let (Kind::Convolution(a), Kind::Convolution(b)) = (first.kind, own) {
                second.inputs[0] = first.inputs[0];
                second.kind = Kind::Pair(Box::new((*a, *b)));
            }
        } else {
            index += 1;
        }
    }
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
