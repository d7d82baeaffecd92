//! Triangles over points, and filling them.

use regard_domain::FrameSize;

/// A corner of a triangle in a frame.
#[derive(Clone, Copy)]
pub(super) struct Corner {
    pub(super) at: [f32; 2],
    pub(super) depth: f32,
    pub(super) source: [f32; 2],
    pub(super) facing: f32,
}

/// Triangles without another point in their circle, over all points.
///
/// Bowyer 1981 and Watson 1981; the plain way, for some hundreds of points.
pub(super) fn delaunay(points: &[[f32; 2]]) -> Vec<[usize; 3]> {
    let n = points.len();
    let far = 1e5;
    let mut all: Vec<[f64; 2]> = points.iter().map(|p| p.map(f64::from)).collect();
    all.extend([[-far, -far], [far, -far], [0.0, far]]);
    let mut triangles: Vec<[usize; 3]> = vec![[n, n + 1, n + 2]];
    for (at, point) in all[..n].iter().enumerate() {
        let (hit, kept): (Vec<_>, Vec<_>) = triangles
            .into_iter()
            .partition(|t| is_in_circle(t.map(|i| all[i]), *point));
        triangles = kept;
        let edges: Vec<(usize, usize)> = hit
            .iter()
            .flat_map(|[a, b, c]| [(*a, *b), (*b, *c), (*c, *a)])
            .collect();
        for (a, b) in &edges {
            // Edges of two triangles lie inside the hole.
            if !edges.contains(&(*b, *a)) {
                triangles.push([*a, *b, at]);
            }
        }
    }
    triangles.retain(|t| t.iter().all(|i| *i < n));
    triangles
}

/// Whether a point lies in the circle of a triangle that turns one way.
fn is_in_circle(corners: [[f64; 2]; 3], [x, y]: [f64; 2]) -> bool {
    let [a, b, c] = corners.map(|[p, q]| {
        let (dx, dy) = (p - x, q - y);
        [dx, dy, dx * dx + dy * dy]
    });
    let determinant = a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
        + a[2] * (b[0] * c[1] - b[1] * c[0]);
    determinant > 0.0
}

/// Calls `paint` for every pixel of every triangle that is nearest there, with its place in the source and how much it
/// faces the camera.
pub(super) fn fill(
    corners: &[Corner],
    triangles: &[[usize; 3]],
    size: FrameSize,
    mut paint: impl FnMut(usize, [f32; 2], f32),
) {
    let (width, height) = (size.width as usize, size.height as usize);
    let mut depths = vec![f32::MAX; width * height];
    for triangle in triangles {
        let [a, b, c] = triangle.map(|i| corners[i]);
        let area = cross(a.at, b.at, c.at);
        if area.abs() < 1e-6 {
            continue;
        }
        let span = |axis: usize, most: usize| {
            let values = [a.at[axis], b.at[axis], c.at[axis]];
            let low = values.iter().copied().fold(f32::MAX, f32::min);
            let high = values.iter().copied().fold(f32::MIN, f32::max);
            (low.floor().max(0.0) as usize)..(high.ceil().max(0.0) as usize).min(most)
        };
        for y in span(1, height) {
            for x in span(0, width) {
                let place = [x as f32 + 0.5, y as f32 + 0.5];
                let weights = [
                    cross(b.at, c.at, place) / area,
                    cross(c.at, a.at, place) / area,
                    cross(a.at, b.at, place) / area,
                ];
                if weights.iter().any(|w| *w < -1e-4) {
                    continue;
                }
                let mix = |values: [f32; 3]| -> f32 {
                    values.iter().zip(weights).map(|(v, w)| v * w).sum()
                };
                // Depths of the border are beyond everything.
                let depth = mix([a.depth, b.depth, c.depth].map(|d| d.min(1e6)));
                let at = y * width + x;
                if depth <= depths[at] {
                    depths[at] = depth;
                    let source = [0, 1].map(|i| mix([a.source[i], b.source[i], c.source[i]]));
                    paint(at, source, mix([a.facing, b.facing, c.facing]));
                }
            }
        }
    }
}

fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangles_cover_the_square_once() {
        let mut points = vec![[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]];
        for i in 0..40 {
            let (x, y) = ((i * 37 % 97) as f32 / 9.8, (i * 53 % 89) as f32 / 9.0);
            points.push([x + 0.013, y + 0.017]);
        }
        let triangles = delaunay(&points);
        let area: f32 = triangles
            .iter()
            .map(|t| cross(points[t[0]], points[t[1]], points[t[2]]).abs() / 2.0)
            .sum();
        assert!((area - 100.0).abs() < 0.1, "{area}");
        for t in &triangles {
            let corners = t.map(|i| points[i].map(f64::from));
            let turned = [corners[0], corners[1], corners[2]];
            let inside = points
                .iter()
                .enumerate()
                .filter(|(i, _)| !t.contains(i))
                .filter(|(_, p)| is_in_circle(turned, p.map(|v| f64::from(v) * (1.0 + 1e-9))))
                .count();
            assert_eq!(inside, 0);
        }
    }
}
