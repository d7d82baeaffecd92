//! Joins operators at the wide end of a network, where what lies between them is largest.

use crate::native::graph::{Convolution, Graph, Kind, Link, Op};
use crate::native::kernel::{LANES, MAX_LINKS};

/// Most weights of a pointwise convolution that stay in the first cache while single rows pass by, in floats.
const NEAR_WEIGHTS: usize = 8 << 10;

/// Joins a convolution of few channels, as networks begin with, with what follows it, a pooling with the pair of
/// convolutions before it, and pairs of one vector a pixel with each other, where nobody else reads what is between.
pub(super) fn chain(graph: &mut Graph) {
    let mut readers = vec![0_usize; graph.n_values];
    let mut takers = vec![None; graph.n_values];
    for (index, op) in graph.ops.iter().enumerate().rev() {
        op.inputs.iter().for_each(|&value| readers[value] += 1);
        if let Some(&value) = op.inputs.first() {
            takers[value] = Some(index);
        }
    }
    graph
        .outputs
        .iter()
        .for_each(|&(_, value)| readers[value] += 1);
    let mut ops: Vec<Option<Op>> = std::mem::take(&mut graph.ops)
        .into_iter()
        .map(Some)
        .collect();
    for index in 0..ops.len() {
        let mut chain = vec![index];
        let mut last = index;
        while let Some(next) = next(&ops, last, (&readers, &takers)) {
            let so_far = chain.iter().chain([&next]);
            let n_links: usize = so_far
                .filter_map(|&i| Some(n_links(ops[i].as_ref()?)))
                .sum();
            if n_links > MAX_LINKS {
                break;
            }
            chain.push(next);
            last = next;
        }
        if chain.len() == 1 {
            continue;
        }
        let taken: Vec<Op> = chain.iter().filter_map(|&i| ops[i].take()).collect();
        ops[last] = joined(taken);
    }
    graph.ops = ops.into_iter().flatten().collect();
}

/// Operators of the chain that `op` would be.
fn n_links(op: &Op) -> usize {
    match &op.kind {
        Kind::Pair(_) => 2,
        Kind::Chain(links) => links.len(),
        _ => 1,
    }
}

/// The operator that may be joined with that one.
fn next(
    ops: &[Option<Op>],
    index: usize,
    (readers, takers): (&[usize], &[Option<usize>]),
) -> Option<usize> {
    let op = ops[index].as_ref()?;
    let is_between = readers[op.output] == 1 && op.plain.is_none() && op.inputs.len() == 1;
    let taker = takers[op.output].filter(|&taker| taker > index && is_between)?;
    let next = ops[taker].as_ref()?;
    let fits = match (&op.kind, &next.kind) {
        (Kind::Convolution(first), Kind::Pair(pair)) => begins(first) && is_near(pair),
        (Kind::Pair(pair), Kind::Pool { .. }) => is_near(pair) && next.plain.is_none(),
        (Kind::Pair(first), Kind::Pair(second)) => {
            is_narrow(first) && is_narrow(second) && is_near(first) && is_near(second)
        }
        _ => false,
    };
    fits.then_some(taker)
}

/// A convolution of few channels, as of a picture.
fn begins(convolution: &Convolution) -> bool {
    !convolution.is_depthwise && convolution.channels() < LANES / 2
}

/// Whether a pixel is one vector before, between and after.
fn is_narrow(pair: &(Convolution, Convolution)) -> bool {
    [&pair.0, &pair.1]
        .iter()
        .all(|c| c.outputs() <= LANES && c.channels() <= LANES)
}

/// Whether the pair may go row by row.
fn is_near(pair: &(Convolution, Convolution)) -> bool {
    let weights = |c: &Convolution| c.outputs().next_multiple_of(LANES) * c.channels();
    let pointwise = if pair.0.is_depthwise {
        &pair.1
    } else {
        &pair.0
    };
    weights(pointwise) <= NEAR_WEIGHTS
}

/// These operators, each of which reads the one before, as one.
fn joined(ops: Vec<Op>) -> Option<Op> {
    let input = *ops.first()?.inputs.first()?;
    let mut links = Vec::new();
    let mut labels = Vec::new();
    let mut last = None;
    for mut op in ops {
        match std::mem::replace(&mut op.kind, Kind::Same) {
            Kind::Convolution(one) => links.push(Link::Convolution(*one)),
            Kind::Pair(pair) => links.extend([pair.0, pair.1].map(Link::Convolution)),
            Kind::Pool { window, is_mean } => links.push(Link::Pool { window, is_mean }),
            _ => unreachable!("nothing else is joined"),
        }
        labels.push(op.label.clone());
        last = Some(op);
    }
    let mut op = last?;
    op.label = labels.join(" ");
    op.inputs[0] = input;
    op.kind = Kind::Chain(links);
    Some(op)
}
