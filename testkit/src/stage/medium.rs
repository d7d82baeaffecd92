//! What shows a face: the body itself, or a sheet or screen held before the camera.

use super::{Sitter, Take};

/// What shows the face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Medium {
    /// The person.
    Body,
    /// A picture of the person.
    Sheet(Sheet),
}

/// A flat picture of a person before the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sheet {
    /// Share of the light that falls on it which comes back: paper about all, glass little.
    pub reflects: f32,
    /// Light it gives by itself, against what the room gives to paper.
    pub shines: f32,
    /// Depth of its grid of pixels or dots in `[0, 1]`, and their distance in pixels of the frame.
    pub grid: (f32, f32),
    /// How far its middle bulges towards the camera, as a cylinder about its upright axis: degrees at its edges.
    pub bent_deg: f32,
    /// Half its width and height, in pixels of the frame, about the middle of the face.
    pub half_px: [f32; 2],
    /// Blur of a print or a recording: mean of so many pixels to each side.
    pub blur_px: i32,
}

impl Sheet {
    /// A print on paper, held flat.
    pub const fn paper() -> Self {
        Self {
            reflects: 1.0,
            shines: 0.0,
            grid: (0.0, 3.0),
            bent_deg: 0.0,
            half_px: [110.0, 130.0],
            blur_px: 1,
        }
    }

    /// A tablet: shines, reflects little, has a grid.
    pub const fn screen() -> Self {
        Self {
            reflects: 0.04,
            shines: 1.0,
            grid: (0.25, 2.3),
            bent_deg: 0.0,
            half_px: [110.0, 130.0],
            blur_px: 1,
        }
    }

    /// The sheet with the sitter's picture on it, turned as the take says, before a wall.
    pub(super) fn render(&self, sitter: &Sitter, take: &Take) -> Vec<[f32; 3]> {
        let size = sitter.size();
        let [middle_x, middle_y, _] = sitter.pivot;
        let (ys, yc) = take.yaw_deg.to_radians().sin_cos();
        let (ps, pc) = take.pitch_deg.to_radians().sin_cos();
        let distance = 900.0;
        let mut picture = Vec::with_capacity(sitter.light.len());
        for row in 0..size.height {
            for column in 0..size.width {
                let x = column as f32 + 0.5 - middle_x - take.shift_px[0];
                let y = row as f32 + 0.5 - middle_y - take.shift_px[1];
                // Where the ray through the pixel meets the turned plane: its normal is the axis -z, turned.
                let normal = [ys * pc, -ps, -yc * pc];
                let along =
                    normal[2] * distance / (normal[0] * x + normal[1] * y + normal[2] * distance);
                let (px, py, pz) = (x * along, y * along, distance * (along - 1.0));
                let (u, z) = (yc * px + ys * pz, yc * pz - ys * px);
                let v = pc * py + ps * z;
                let edge = self.half_px;
                let (screen, behind) = (take.screen, take.behind);
                let pixel = if u.abs() > edge[0] || v.abs() > edge[1] || !u.is_finite() {
                    let wall = wall(column as f32, row as f32);
                    std::array::from_fn(|c| wall[c] * (1.0 + behind * screen[c]))
                } else {
                    let bend = (self.bent_deg * u / edge[0]).to_radians();
                    // A bent sheet is as long as before, so that it covers less.
                    let u = if self.bent_deg > 0.0 {
                        edge[0] * (bend.to_degrees() / self.bent_deg)
                    } else {
                        u
                    };
                    let printed = self.printed(sitter, middle_x + u, middle_y + v);
                    let falls = (bend.cos() * yc * pc).max(0.0);
                    std::array::from_fn(|c| {
                        let own = printed[c] * self.grid_at(u, v);
                        let lit = 1.0 - self.shines + self.reflects * screen[c] * falls;
                        own * (self.shines + lit)
                    })
                };
                picture.push(pixel);
            }
        }
        picture
    }

    fn grid_at(&self, u: f32, v: f32) -> f32 {
        let (depth, pitch) = self.grid;
        if depth == 0.0 {
            return 1.0;
        }
        let wave = |w: f32| (w / pitch * std::f32::consts::TAU).cos();
        1.0 - depth * 0.25 * (2.0 + wave(u) + wave(v))
    }

    fn printed(&self, sitter: &Sitter, x: f32, y: f32) -> [f32; 3] {
        let blur = self.blur_px;
        let mut sum = [0.0; 3];
        for dy in -blur..=blur {
            for dx in -blur..=blur {
                let light = sitter.sample([x + dx as f32, y + dy as f32]);
                for (sum, value) in sum.iter_mut().zip(light) {
                    *sum += value;
                }
            }
        }
        let n = ((2 * blur + 1) * (2 * blur + 1)) as f32;
        sum.map(|v| v / n)
    }
}

/// A papered wall: structure for whatever looks at movement.
fn wall(x: f32, y: f32) -> [f32; 3] {
    let pattern = (x * 0.11).sin() * (y * 0.09).cos() + 0.5 * (x * 0.31 + y * 0.17).sin();
    let value = 0.25 + 0.06 * pattern;
    [value, value * 0.95, value * 0.85]
}
