//! Changes of a graph as a whole: before it is lowered, and after.

use std::collections::{BTreeMap, BTreeSet};

use crate::native::graph::{Convolution, Graph, Kind, Op};
use crate::native::kernel::LANES;
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

/// Joins narrow pairs of a pointwise and a depthwise convolution that read the same value, as detectors have them for
/// what they tell of each place: together they fill the vectors that each of them leaves all but empty.
pub(super) fn merge(graph: &mut Graph) {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, op) in graph.ops.iter().enumerate() {
        if narrow_pair(op).is_some() {
            groups.entry(op.inputs[0]).or_default().push(index);
        }
    }
    let mut merged: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for group in groups.into_values() {
        let mut left = group.as_slice();
        while let [first, rest @ ..] = left {
            let n_alike = rest
                .iter()
                .take_while(|&&other| is_alike(&graph.ops[*first], &graph.ops[other]))
                .count();
            let mut n_channels = 0;
            let n_fitting = left[..=n_alike]
                .iter()
                .take_while(|&&index| {
                    n_channels += narrow_pair(&graph.ops[index]).map_or(LANES, |(_, n)| n);
                    n_channels <= LANES
                })
                .count();
            if n_fitting > 1 {
                merged.insert(*first, left[1..n_fitting].to_vec());
            }
            left = &left[n_fitting.max(1)..];
        }
    }
    let mut ops: Vec<Option<Op>> = std::mem::take(&mut graph.ops)
        .into_iter()
        .map(Some)
        .collect();
    for index in 0..ops.len() {
        let Some(mut op) = ops[index].take() else {
            continue;
        };
        let Some(others) = merged.get(&index) else {
            graph.ops.push(op);
            continue;
        };
        let whole = graph.n_values;
        graph.n_values += 1;
        let mut parts = Vec::new();
        let mut first = 0;
        let mut part = |label: &str, n: usize, output: usize| {
            parts.push(Op {
                label: label.to_owned(),
                kind: Kind::Channels(first..first + n),
                inputs: vec![whole],
                output,
                plain: None,
            });
            first += n;
        };
        let own = std::mem::replace(&mut op.output, whole);
        if let Kind::Pair(pair) = &mut op.kind {
            part(&op.label, pair.1.outputs(), own);
            for other in others.iter().filter_map(|&other| ops[other].take()) {
                if let Kind::Pair(more) = other.kind {
                    part(&other.label, more.1.outputs(), other.output);
                    pair.0.append(more.0);
                    pair.1.append(more.1);
                }
            }
        }
        graph.ops.push(op);
        graph.ops.extend(parts);
    }
}

/// A pointwise and then a depthwise convolution of less than a vector of channels to which nothing is done in between or
/// after; and the number of its channels.
fn narrow_pair(op: &Op) -> Option<(&(Convolution, Convolution), usize)> {
    let Kind::Pair(pair) = &op.kind else {
        return None;
    };
    let is_plain = pair.0.activation.is_none() && pair.1.activation.is_none();
    let is_alone = op.inputs.len() == 1 && op.plain.is_none();
    let n_channels = pair.1.outputs();
    let fits = pair.0.is_pointwise() && n_channels < LANES && is_plain && is_alone;
    fits.then_some((pair, n_channels))
}

fn is_alike(first: &Op, second: &Op) -> bool {
    let pairs = narrow_pair(first).zip(narrow_pair(second));
    pairs.is_some_and(|((first, _), (second, _))| {
        first.0.channels() == second.0.channels() && first.1.window == second.1.window
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::constant::Weights;
    use crate::native::kernel::{Activation, Window};

    const AROUND: Window = Window {
        kernel: [3, 3],
        strides: [1, 1],
        before: [1, 1],
        after: [1, 1],
    };

    fn convolution(shape: [usize; 4], window: Window, first_weight: f32) -> Convolution {
        let n: usize = shape.iter().product();
        Convolution {
            window,
            is_depthwise: shape[1] == 1,
            shape,
            weights: Weights::Floats((0..n).map(|i| first_weight + i as f32).collect()),
            factors: Vec::new(),
            bias: Vec::new(),
            activation: Activation::NONE,
            filter: None,
        }
    }

    fn pair_of(outputs: usize, output: usize) -> Op {
        let first = convolution([outputs, 32, 1, 1], Window::POINT, 1e3 * output as f32);
        let second = convolution([outputs, 1, 3, 3], AROUND, 1e6 * output as f32);
        Op {
            label: output.to_string(),
            kind: Kind::Pair(Box::new((first, second))),
            inputs: vec![0],
            output,
            plain: None,
        }
    }

    #[test]
    fn narrow_pairs_become_one() {
        let mut bent = pair_of(2, 4);
        if let Kind::Pair(pair) = &mut bent.kind {
            pair.1.activation = Activation::Clamp {
                low: 0.0,
                high: 6.0,
            };
        }
        let ops = vec![pair_of(1, 1), pair_of(10, 2), bent, pair_of(9, 3)];
        let mut graph = Graph {
            ops,
            n_values: 5,
            ..Graph::default()
        };
        merge(&mut graph);
        let told: Vec<String> = graph
            .ops
            .iter()
            .map(|op| match &op.kind {
                Kind::Pair(pair) => format!("{} of {}", op.output, pair.1.outputs()),
                Kind::Channels(range) => format!("{} is {range:?} of {}", op.output, op.inputs[0]),
                _ => String::new(),
            })
            .collect();
        // Two fit into a vector; the third would not, and nothing may be done to what is bent.
        let expected = [
            "5 of 11",
            "1 is 0..1 of 5",
            "2 is 1..11 of 5",
            "4 of 2",
            "3 of 9",
        ];
        assert_eq!(told, expected);
        let Kind::Pair(pair) = &graph.ops[0].kind else {
            panic!("a pair")
        };
        let (first, second) = (&pair.0, &pair.1);
        assert_eq!((first.shape, second.shape), ([11, 32, 1, 1], [11, 1, 3, 3]));
        let weights = |of: &Convolution, at: usize| {
            let mut two = [0.0; 2];
            of.weights.expand(at, &mut two);
            two
        };
        assert_eq!(weights(first, 31), [1_031.0, 2_000.0]);
        assert_eq!(weights(second, 8), [1_000_008.0, 2_000_000.0]);
        assert_eq!((first.bias.len(), second.bias.len()), (11, 11));
    }
}
