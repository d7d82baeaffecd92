//! A batch in parts that stay near: pictures that go through a network by themselves need not go all at once.

use std::ops::Range;

use super::{Graph, Kind, Plan, Planner};

/// Pictures that go through a network together. What some of them leave between two operators is more than a second
/// cache holds; two still share their weights, and their rows can be shared among threads.
const AT_ONCE: usize = 2;

/// Plans for the parts of a batch.
pub(crate) struct Parts {
    images: usize,
    /// For [`AT_ONCE`] pictures, and for what is left over.
    plans: Vec<Plan>,
}

impl Parts {
    /// Those of `whole`; none where it has too few pictures, or where they do not stay apart.
    pub(super) fn of(
        whole: &Planner<'_>,
        graph: &Graph,
        (input_shapes, outputs): (&[Vec<usize>], &[Vec<usize>]),
    ) -> Option<Self> {
        let images = *input_shapes.first()?.first()?;
        let all_count = input_shapes.iter().all(|shape| shape[0] == images);
        if images <= AT_ONCE || !all_count || !stay_apart(whole, graph, images) {
            return None;
        }
        let of_some = |shapes: &[Vec<usize>], n: usize| -> Vec<Vec<usize>> {
            let mut shapes = shapes.to_vec();
            for shape in &mut shapes {
                shape[0] = shape[0] / images * n;
            }
            shapes
        };
        let mut plans = Vec::new();
        for n in [AT_ONCE, images % AT_ONCE].into_iter().filter(|n| *n > 0) {
            let plan = Plan::new(graph, &of_some(input_shapes, n), whole.n_threads).ok()?;
            let found = plan.outputs.iter().map(|(shape, _)| shape);
            if !found.eq(&of_some(outputs, n)) {
                return None;
            }
            plans.push(plan);
        }
        Some(Self { images, plans })
    }
}

/// Whether the first axis of every tensor counts pictures, the outermost, and no operator mixes two of them.
fn stay_apart(whole: &Planner<'_>, graph: &Graph, images: usize) -> bool {
    let shape = |value: usize| whole.tensors[value].as_ref().map(|tensor| &*tensor.shape);
    let counts = |value: usize| {
        shape(value).is_some_and(|shape| shape.first().is_some_and(|n| n % images == 0))
    };
    graph.ops.iter().all(|op| {
        let apart = match &op.kind {
            Kind::Transpose(order) => order.first() == Some(&0),
            // One that names how many there are takes values of several for those of one.
            Kind::Reshape(target) => matches!(target.first(), Some(-1 | 0)),
            Kind::Softmax { .. } => shape(op.output).is_some_and(|shape| shape.len() > 1),
            _ => true,
        };
        apart && counts(op.output) && op.plain.is_none_or(counts)
    })
}

/// Some pictures of a batch, and the plan for them.
pub(crate) struct Part<'p> {
    pub(crate) plan: &'p Plan,
    images: Range<usize>,
    n_images: usize,
}

impl Part<'_> {
    /// Which of `len` values of a whole tensor belong to these pictures.
    pub(crate) fn of(&self, len: usize) -> Range<usize> {
        let each = len / self.n_images;
        self.images.start * each..self.images.end * each
    }

    /// What these pictures are of the inputs of all.
    pub(crate) fn inputs<'t>(&self, inputs: &[&'t [f32]]) -> Vec<&'t [f32]> {
        let of = |input: &&'t [f32]| &input[self.of(input.len())];
        inputs.iter().map(of).collect()
    }
}

impl Plan {
    /// What is run one after the other.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let (n_images, at_once) = match &self.parts {
            Some(parts) => (parts.images, AT_ONCE),
            None => (1, 1),
        };
        (0..n_images).step_by(at_once).map(move |first| {
            let images = first..(first + at_once).min(n_images);
            let plan = match &self.parts {
                None => self,
                Some(parts) if images.len() == AT_ONCE => &parts.plans[0],
                Some(parts) => &parts.plans[parts.plans.len() - 1],
            };
            Part {
                plan,
                images,
                n_images,
            }
        })
    }
}
