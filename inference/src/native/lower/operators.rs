//! Each operator of the file as one of ours.

use super::{
    Activation, Arithmetic, Attribute, ByteFilter, BytesOp, Constant, Convolution, Kind, LANES,
    Lowering, MAX_RESIDUALS, Node, Unsupported, Weights, Window, per_channel, slopes,
};
use crate::native::kernel::MAX_KERNEL;

/// Largest stride and padding: beyond, a file is damaged rather than a network for faces.
const MAX_STEP: usize = 64;

impl Lowering {
    pub(super) fn operator(&mut self, node: &Node) -> Result<(), Unsupported> {
        match node.op.as_str() {
            "Conv" => self.convolution(node),
            "Gemm" => self.gemm(node),
            "Relu" => self.activate(node, clamp(0.0, f32::INFINITY)),
            "Clip" => self.clip(node),
            "PRelu" => self.prelu(node),
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(node),
            "Sigmoid" => self.plain(node, Kind::Sigmoid),
            "Identity" | "Dropout" => self.plain(node, Kind::Same),
            "MaxPool" | "AveragePool" => self.pool(node),
            "GlobalAveragePool" => self.plain(node, Kind::GlobalMean),
            "Softmax" => {
                let axis = whole(node, "axis", if self.opset < 13 { 1 } else { -1 });
                self.plain(node, Kind::Softmax { axis })
            }
            "Flatten" => {
                let axis = whole(node, "axis", 1);
                self.plain(node, Kind::Flatten { axis })
            }
            "Reshape" => {
                let shape = self.constant(node, 1).and_then(|shape| shape.whole());
                let shape = shape
                    .ok_or_else(|| Unsupported::new(node, "to a shape that is computed"))?
                    .to_vec();
                if whole(node, "allowzero", 0) != 0 {
                    return Err(Unsupported::new(node, "with allowzero"));
                }
                self.plain(node, Kind::Reshape(shape))
            }
            "Transpose" => self.transpose(node),
            "Resize" => self.resize(node),
            "Pad" => self.pad(node),
            _ => Err(Unsupported::new(node, "unknown")),
        }
    }

    /// An operator whose first input is all it computes from.
    fn plain(&mut self, node: &Node, kind: Kind) -> Result<(), Unsupported> {
        let input = self.value(node, 0)?;
        self.push(node, kind, vec![input])
    }

    fn convolution(&mut self, node: &Node) -> Result<(), Unsupported> {
        let input = self.value(node, 0)?;
        let bias = self.bias(node)?;
        let window = window(node, None)?;
        let (weights, shape) = self.weights(node)?;
        let [outputs, channels, rows, columns] = shape
            .try_into()
            .map_err(|_| Unsupported::new(node, "weights without four axes"))?;
        if weights.len() == 0 || [rows, columns] != window_kernel(node, [rows, columns])? {
            return Err(Unsupported::new(
                node,
                "weights of another shape than the kernel",
            ));
        }
        let window = Window {
            kernel: [rows, columns],
            ..window
        };
        let groups = whole(node, "group", 1);
        let is_each_channel = usize::try_from(groups) == Ok(outputs) && channels == 1;
        // A single channel is each by itself as well, and may then be joined with others.
        let is_depthwise = groups != 1 || is_each_channel && rows * columns > 1;
        if is_depthwise && !is_each_channel {
            return Err(Unsupported::new(node, format!("in {groups} groups")));
        }
        if rows.max(columns) > MAX_KERNEL || !(bias.is_empty() || bias.len() == outputs) {
            return Err(Unsupported::new(
                node,
                "kernel too large, or bias of another length",
            ));
        }
        let convolution = Convolution {
            window,
            is_depthwise,
            shape: [outputs, channels, rows, columns],
            weights,
            factors: Vec::new(),
            bias,
            activation: Activation::NONE,
            filter: None,
        };
        self.push(node, Kind::Convolution(Box::new(convolution)), vec![input])
    }

    /// The second input: taken out where nobody else reads it.
    fn weights(&mut self, node: &Node) -> Result<(Weights, Vec<usize>), Unsupported> {
        let missing = || Unsupported::new(node, "its weights are not constant floats");
        let name = node.inputs.get(1).ok_or_else(missing)?;
        let constant = if self.uses.get(name).copied() == Some(1) {
            self.constants.remove(name)
        } else {
            self.constants.get(name).cloned()
        };
        let constant = constant.ok_or_else(missing)?;
        let dims = constant.dims().to_vec();
        Ok((constant.into_weights().ok_or_else(missing)?, dims))
    }

    /// The third input, where there is one.
    fn bias(&self, node: &Node) -> Result<Vec<f32>, Unsupported> {
        match node.inputs.get(2).filter(|name| !name.is_empty()) {
            None => Ok(Vec::new()),
            Some(name) => {
                let bias = self.constants.get(name).and_then(Constant::real);
                Ok(bias
                    .ok_or_else(|| Unsupported::new(node, "its bias is not constant floats"))?
                    .to_vec())
            }
        }
    }

    fn gemm(&mut self, node: &Node) -> Result<(), Unsupported> {
        let is_plain = [("alpha", 1.0), ("beta", 1.0)].iter().all(|(name, usual)| {
            match node.attribute(name) {
                Some(Attribute::Real(value)) => value == usual,
                None => true,
                Some(_) => false,
            }
        });
        if !is_plain || whole(node, "transA", 0) != 0 {
            return Err(Unsupported::new(node, "scaled or of a transposed input"));
        }
        let input = self.value(node, 0)?;
        let bias = self.bias(node)?;
        let (mut weights, dims) = self.weights(node)?;
        let [rows, columns] = dims[..] else {
            return Err(Unsupported::new(node, "weights without two axes"));
        };
        let (mut outputs, mut inputs) = (rows, columns);
        if whole(node, "transB", 0) == 0 {
            (outputs, inputs) = (columns, rows);
            let stored = std::mem::take(weights.floats_mut());
            let mut turned = Vec::with_capacity(stored.len());
            for output in 0..outputs {
                turned.extend((0..inputs).map(|input| stored[input * outputs + output]));
            }
            weights = Weights::Floats(turned);
        }
        let bias = match bias.len() {
            1 if outputs > 1 => vec![bias[0]; outputs],
            _ => bias,
        };
        if weights.len() == 0 || !(bias.is_empty() || bias.len() == outputs) {
            return Err(Unsupported::new(node, "bias of another length"));
        }
        let weights = match weights {
            Weights::Stored(stored) if stored.has_bytes(LANES, inputs) => {
                let filter = ByteFilter::new(stored.into_bytes(), [outputs, inputs], &bias);
                let activation = Activation::NONE;
                let kind = Kind::GemmBytes(Box::new(BytesOp { filter, activation }));
                return self.push(node, kind, vec![input]);
            }
            weights => weights,
        };
        let convolution = Convolution {
            window: Window::POINT,
            is_depthwise: false,
            shape: [outputs, inputs, 1, 1],
            weights,
            factors: Vec::new(),
            bias,
            activation: Activation::NONE,
            filter: None,
        };
        self.push(node, Kind::Gemm(Box::new(convolution)), vec![input])
    }

    fn clip(&mut self, node: &Node) -> Result<(), Unsupported> {
        let bound = |index: usize, name: &str, usual: f32| match node.inputs.get(index) {
            Some(input) if !input.is_empty() => self
                .constants
                .get(input)
                .and_then(Constant::scalar)
                .ok_or_else(|| Unsupported::new(node, "bounds that are not constant")),
            _ => Ok(match node.attribute(name) {
                Some(Attribute::Real(value)) => *value,
                _ => usual,
            }),
        };
        let low = bound(1, "min", f32::NEG_INFINITY)?;
        let high = bound(2, "max", f32::INFINITY)?;
        self.activate(node, clamp(low, high))
    }

    fn prelu(&mut self, node: &Node) -> Result<(), Unsupported> {
        let values = self
            .constant(node, 1)
            .and_then(per_channel)
            .ok_or_else(|| Unsupported::new(node, "slopes that are not one a channel"))?;
        let before = self
            .sole_producer(node, 0)
            .map(|op| &self.graph.ops[op].kind);
        let channels = match before {
            Some(Kind::Convolution(convolution)) => convolution.outputs(),
            _ => values.len(),
        };
        if values.len() != channels && values.len() != 1 {
            return Err(Unsupported::new(node, "slopes that are not one a channel"));
        }
        self.activate(node, Activation::Slopes(slopes(&values, channels)))
    }

    /// Sum, difference, product or quotient of a value and a constant, or of two values.
    fn arithmetic(&mut self, node: &Node) -> Result<(), Unsupported> {
        let Some(arithmetic) = Arithmetic::named(&node.op) else {
            return Err(Unsupported::new(node, "unknown"));
        };
        let constants = [0, 1].map(|index| self.constant(node, index).map(per_channel));
        let (index, values) = match constants {
            [None, Some(values)] => (0, values),
            [Some(values), None] => (1, values),
            [None, None] if arithmetic == Arithmetic::Add => return self.add(node),
            [None, None] => {
                let values = vec![self.value(node, 0)?, self.value(node, 1)?];
                return self.push(node, Kind::Binary(arithmetic), values);
            }
            [Some(_), Some(_)] => return Err(Unsupported::new(node, "of constants")),
        };
        let values =
            values.ok_or_else(|| Unsupported::new(node, "a constant that is not one a channel"))?;
        let map = |change: fn(f32) -> f32| values.iter().map(|&value| change(value)).collect();
        let (one, zero) = (vec![1.0], vec![0.0]);
        let scale_and_shift = match (arithmetic, index) {
            (Arithmetic::Add, _) => (one, values),
            (Arithmetic::Sub, 0) => (one, map(|value| -value)),
            (Arithmetic::Sub, _) => (vec![-1.0], values),
            (Arithmetic::Mul, _) => (values, zero),
            (Arithmetic::Div, 0) => (map(|value| 1.0 / value), zero),
            (Arithmetic::Div, _) => {
                return Err(Unsupported::new(node, "a constant divided by a value"));
            }
        };
        self.scale_and_shift(node, index, scale_and_shift)
    }

    fn pool(&mut self, node: &Node) -> Result<(), Unsupported> {
        let Some(Attribute::Wholes(_)) = node.attribute("kernel_shape") else {
            return Err(Unsupported::new(node, "without a kernel"));
        };
        let kernel = window_kernel(node, [0, 0])?;
        let window = window(node, Some(kernel))?;
        let is_mean = node.op == "AveragePool";
        let is_padded = window.before != [0, 0] || window.after != [0, 0];
        if kernel.contains(&0) || kernel[0].max(kernel[1]) > MAX_KERNEL {
            return Err(Unsupported::new(node, "a kernel of that size"));
        }
        // Each window must hold a pixel.
        let is_deep = (0..2).any(|a| window.before[a].max(window.after[a]) >= kernel[a]);
        if is_deep || is_mean && is_padded && whole(node, "count_include_pad", 0) != 0 {
            return Err(Unsupported::new(node, "padding of that kind"));
        }
        if whole(node, "ceil_mode", 0) != 0 {
            return Err(Unsupported::new(node, "rounding up"));
        }
        self.plain(node, Kind::Pool { window, is_mean })
    }

    fn transpose(&mut self, node: &Node) -> Result<(), Unsupported> {
        let Some(Attribute::Wholes(order)) = node.attribute("perm") else {
            return Err(Unsupported::new(node, "without an order of axes"));
        };
        let order: Option<Vec<usize>> = order
            .iter()
            .map(|&axis| usize::try_from(axis).ok())
            .collect();
        let is_order = |order: &Vec<usize>| (0..order.len()).all(|axis| order.contains(&axis));
        let order = order
            .filter(is_order)
            .ok_or_else(|| Unsupported::new(node, "an order that is none"))?;
        self.plain(node, Kind::Transpose(order))
    }

    fn resize(&mut self, node: &Node) -> Result<(), Unsupported> {
        let is = |name: &str, usual: &str, wanted: &str| match node.attribute(name) {
            Some(Attribute::Text(found)) => found == wanted,
            None => usual == wanted,
            Some(_) => false,
        };
        if !(is("mode", "nearest", "nearest")
            && is("coordinate_transformation_mode", "half_pixel", "asymmetric")
            && is("nearest_mode", "round_prefer_floor", "floor"))
        {
            return Err(Unsupported::new(
                node,
                "other than nearest, asymmetric, floor",
            ));
        }
        let scales = self.constant(node, 2).and_then(Constant::real);
        let times = |scale: f32| {
            let is_whole = (1.0..=MAX_STEP as f32).contains(&scale) && scale.fract() == 0.0;
            is_whole.then_some(scale as usize)
        };
        let times = match scales.as_deref() {
            Some(&[1.0, 1.0, rows, columns]) => times(rows).zip(times(columns)),
            _ => None,
        };
        let (rows, columns) =
            times.ok_or_else(|| Unsupported::new(node, "scales that are not whole"))?;
        self.plain(node, Kind::Upsample([rows, columns]))
    }

    fn pad(&mut self, node: &Node) -> Result<(), Unsupported> {
        let is_constant = match node.attribute("mode") {
            Some(Attribute::Text(mode)) => mode == "constant",
            None => true,
            Some(_) => false,
        };
        let value = node.inputs.get(2).filter(|name| !name.is_empty());
        let is_nought = value
            .is_none_or(|name| self.constants.get(name).and_then(Constant::scalar) == Some(0.0));
        let pads = self.constant(node, 1).and_then(|pads| pads.whole());
        match pads {
            Some(&[0, 0, 0, 0, 0, channels, 0, 0]) if is_constant && is_nought => {
                let channels = usize::try_from(channels).ok().filter(|&n| n <= 1 << 16);
                let channels = channels.ok_or_else(|| Unsupported::new(node, "fewer channels"))?;
                self.plain(node, Kind::PadChannels(channels))
            }
            _ => Err(Unsupported::new(
                node,
                "other than channels of noughts at the end",
            )),
        }
    }
}

const _: () = assert!(MAX_RESIDUALS < crate::native::kernel::MAX_READS);

fn clamp(low: f32, high: f32) -> Activation {
    Activation::Clamp { low, high }
}

/// A whole number among the attributes.
fn whole(node: &Node, name: &str, usual: i64) -> i64 {
    match node.attribute(name) {
        Some(Attribute::Whole(value)) => *value,
        _ => usual,
    }
}

/// Numbers among the attributes, one an axis or two.
fn sizes<const N: usize>(
    node: &Node,
    name: &str,
    usual: [usize; N],
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<[usize; N], Unsupported> {
    let found = match node.attribute(name) {
        None => return Ok(usual),
        Some(Attribute::Wholes(found)) => found,
        Some(_) => {
            return Err(Unsupported::new(
                node,
                format!("{name} are not whole numbers"),
            ));
        }
    };
    let found: Option<Vec<usize>> = found
        .iter()
        .map(|&n| usize::try_from(n).ok().filter(|n| allowed.contains(n)))
        .collect();
    found
        .and_then(|found| found.try_into().ok())
        .ok_or_else(|| Unsupported::new(node, format!("{name} of that size or number")))
}

fn window_kernel(node: &Node, usual: [usize; 2]) -> Result<[usize; 2], Unsupported> {
    sizes(node, "kernel_shape", usual, 1..=MAX_KERNEL)
}

/// Strides and padding; the kernel where it is known.
fn window(node: &Node, kernel: Option<[usize; 2]>) -> Result<Window, Unsupported> {
    match node.attribute("auto_pad") {
        None => {}
        Some(Attribute::Text(mode)) if mode == "NOTSET" || mode == "VALID" => {}
        Some(_) => return Err(Unsupported::new(node, "padding chosen by itself")),
    }
    if sizes(node, "dilations", [1, 1], 1..=1).is_err() {
        return Err(Unsupported::new(node, "dilated"));
    }
    let [top, left, bottom, right] = sizes(node, "pads", [0; 4], 0..=MAX_STEP)?;
    Ok(Window {
        kernel: kernel.unwrap_or([1, 1]),
        strides: sizes(node, "strides", [1, 1], 1..=MAX_STEP)?,
        before: [top, left],
        after: [bottom, right],
    })
}
