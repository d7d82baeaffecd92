//! A limited-memory quasi-Newton method.

use std::collections::VecDeque;

/// Steps that are remembered.
const MEMORY: usize = 8;

/// Most steps. Origin: warm starts from a greater penalty end in 20 to 40.
const MAX_STEPS: usize = 120;

/// Least decrease of the loss, relative to it, that is worth another step.
const LEAST_DECREASE: f64 = 1e-6;

/// Share of the decrease that the slope promises which a step must bring.
const ARMIJO: f64 = 1e-4;

/// Most halvings of a step.
const MAX_HALVINGS: usize = 30;

struct Remembered {
    step: Vec<f64>,
    change: Vec<f64>,
    /// One over their product.
    inverse: f64,
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Goes downhill from `at` until that brings no more; `loss` gives the value and fills in the gradient.
///
/// # Source
/// Nocedal and Wright 2006, algorithms 7.4 and 7.5, with steps halved until the condition of Armijo holds; pairs that would
/// spoil the curvature are not remembered.
pub(super) fn minimize(at: &mut Vec<f64>, loss: &mut dyn FnMut(&[f64], &mut [f64]) -> f64) {
    let mut gradient = vec![0.0; at.len()];
    let mut value = loss(at, &mut gradient);
    let mut memory: VecDeque<Remembered> = VecDeque::with_capacity(MEMORY);
    let mut next = at.clone();
    let mut next_gradient = gradient.clone();
    for _ in 0..MAX_STEPS {
        let mut direction = downhill(&memory, &gradient);
        let mut slope = product(&direction, &gradient);
        if slope >= 0.0 {
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -product(&gradient, &gradient);
        }
        if slope > -1e-14 {
            return;
        }
        // Without memory nothing is known of the scale.
        let length = product(&gradient, &gradient).sqrt();
        let mut stride = if memory.is_empty() {
            (1.0 / length).min(1.0)
        } else {
            1.0
        };
        let mut next_value = f64::INFINITY;
        for _ in 0..MAX_HALVINGS {
            for ((to, from), step) in next.iter_mut().zip(at.iter()).zip(&direction) {
                *to = from + stride * step;
            }
            next_value = loss(&next, &mut next_gradient);
            if next_value <= value + ARMIJO * stride * slope {
                break;
            }
            stride *= 0.5;
        }
        if !next_value.is_finite() || next_value >= value {
            return;
        }
        remember(&mut memory, (at, &next), (&gradient, &next_gradient));
        let decrease = value - next_value;
        std::mem::swap(at, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = next_value;
        if decrease < LEAST_DECREASE * value.abs().max(1e-3) {
            return;
        }
    }
}

fn remember(
    memory: &mut VecDeque<Remembered>,
    (from, to): (&[f64], &[f64]),
    (before, after): (&[f64], &[f64]),
) {
    let step: Vec<f64> = to.iter().zip(from).map(|(a, b)| a - b).collect();
    let change: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let curvature = product(&step, &change);
    if curvature <= 1e-10 * product(&change, &change) {
        return;
    }
    if memory.len() == MEMORY {
        memory.pop_front();
    }
    memory.push_back(Remembered {
        step,
        change,
        inverse: 1.0 / curvature,
    });
}

/// The direction of the remembered curvature: two loops over the memory.
fn downhill(memory: &VecDeque<Remembered>, gradient: &[f64]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut factors = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let factor = pair.inverse * product(&pair.step, &direction);
        for (to, change) in direction.iter_mut().zip(&pair.change) {
            *to -= factor * change;
        }
        factors.push(factor);
    }
    if let Some(last) = memory.back() {
        let scale = 1.0 / (last.inverse * product(&last.change, &last.change));
        for value in &mut direction {
            *value *= scale;
        }
    }
    for (pair, factor) in memory.iter().zip(factors.iter().rev()) {
        let back = pair.inverse * product(&pair.change, &direction);
        for (to, step) in direction.iter_mut().zip(&pair.step) {
            *to += (factor - back) * step;
        }
    }
    direction
}
