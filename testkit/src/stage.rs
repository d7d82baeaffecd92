//! A made-up scene before a camera: a head that turns and is lit, or a sheet or a screen that shows it.
//!
//! For tests of liveness: the same face once as a body and once as a picture of it, under light that is known. Everything is
//! computed from one committed picture and the mesh of its face; no person is filmed for it.

mod medium;
mod triangles;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use regard_domain::FrameSize;

pub use self::medium::{Medium, Sheet};
use self::triangles::{Corner, delaunay, fill};

/// A point of a face: to the right, down, away from the camera; pixels of the picture.
pub type SpacePoint = [f32; 3];

/// Points on the ring around a face, where hair and ears are.
const N_RING: usize = 24;

/// Points on each side of the picture's border, which stay where they are.
const N_BORDER: usize = 6;

/// A person as one picture and the mesh of their face.
pub struct Sitter {
    size: FrameSize,
    /// Light of each pixel.
    light: Vec<[f32; 3]>,
    points: Vec<SpacePoint>,
    /// Directions in which the points face; towards the camera is -z.
    normals: Vec<SpacePoint>,
    triangles: Vec<[usize; 3]>,
    pivot: SpacePoint,
}

/// What is to be seen in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Take {
    /// Where the head is turned, in degrees, as `HeadPose` counts them.
    pub yaw_deg: f32,
    /// See `yaw_deg`.
    pub pitch_deg: f32,
    /// How far head or sheet are shifted, in pixels.
    pub shift_px: [f32; 2],
    /// Light of the screen before the face, against that of the room, each channel.
    pub screen: [f32; 3],
    /// How far the room's own light comes from the front, in `[0, 1]`: then the screen's falls on what is lit already.
    pub frontal_room: f32,
    /// What shows the face.
    pub medium: Medium,
    /// Light that a program adds to every pixel of the picture, against what is there.
    pub tint: [f32; 3],
    /// Share of the screen's light that reaches what is behind the face.
    pub behind: f32,
    /// Deviation of noise in coded values.
    pub noise: f32,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for Take {
    /// A head that looks ahead, in the room's light alone.
    fn default() -> Self {
        Self {
            yaw_deg: 0.0,
            pitch_deg: 0.0,
            shift_px: [0.0; 2],
            screen: [0.0; 3],
            frontal_room: 0.0,
            medium: Medium::Body,
            tint: [0.0; 3],
            behind: 0.05,
            noise: 2.0,
            seed: 0,
        }
    }
}

impl Sitter {
    /// From interleaved RGB and the points of the face's mesh; nothing when there are no points or the size is wrong.
    pub fn new(pixels: &[u8], size: FrameSize, mesh: &[SpacePoint]) -> Option<Self> {
        let n = size.width as usize * size.height as usize;
        if mesh.len() < 3 || pixels.len() != n * 3 {
            return None;
        }
        let light = pixels
            .chunks_exact(3)
            .map(|p| [linear(p[0]), linear(p[1]), linear(p[2])]);
        let mut points = mesh.to_vec();
        let range = |axis: usize| {
            let values = mesh.iter().map(|p| p[axis]);
            values.fold((f32::MAX, f32::MIN), |(low, high), v| {
                (low.min(v), high.max(v))
            })
        };
        let ((left, right), (top, bottom), (_, far)) = (range(0), range(1), range(2));
        let middle = [(left + right) / 2.0, (top + bottom) / 2.0];
        let (width, height) = (size.width as f32, size.height as f32);
        for i in 0..N_RING {
            let angle = i as f32 / N_RING as f32 * std::f32::consts::TAU;
            let x = middle[0] + 0.66 * (right - left) * angle.cos();
            let y = middle[1] + 0.64 * (bottom - top) * angle.sin();
            // A little behind the outline of the face, as ears and hair are.
            let place = [x, y, far + 0.1 * (right - left)];
            if x > 2.0 && y > 2.0 && x < width - 2.0 && y < height - 2.0 {
                points.push(place);
            }
        }
        for i in 0..N_BORDER {
            let part = i as f32 / (N_BORDER - 1) as f32;
            points.push([part * width, 0.0, f32::MAX]);
            points.push([part * width, height, f32::MAX]);
            if i > 0 && i + 1 < N_BORDER {
                points.push([0.0, part * height, f32::MAX]);
                points.push([width, part * height, f32::MAX]);
            }
        }
        let flat: Vec<[f32; 2]> = points.iter().map(|p| [p[0], p[1]]).collect();
        let triangles = delaunay(&flat);
        let normals = normals(&points, &triangles, mesh.len());
        Some(Self {
            size,
            light: light.collect(),
            pivot: [middle[0], middle[1], far],
            points,
            normals,
            triangles,
        })
    }

    /// Size of the frames.
    pub const fn size(&self) -> FrameSize {
        self.size
    }

    /// One frame, interleaved RGB.
    pub fn render(&self, take: &Take) -> Vec<u8> {
        let light = match &take.medium {
            Medium::Body => self.body(take),
            Medium::Sheet(sheet) => sheet.render(self, take),
        };
        self.develop(&light, take)
    }

    /// The head turned and lit, before what is behind it.
    fn body(&self, take: &Take) -> Vec<[f32; 3]> {
        let (ys, yc) = take.yaw_deg.to_radians().sin_cos();
        let (ps, pc) = take.pitch_deg.to_radians().sin_cos();
        let turn = |[x, y, z]: SpacePoint| -> SpacePoint {
            // What is near (-z) goes right with yaw, and up with pitch.
            let (x, z) = (yc * x - ys * z, ys * x + yc * z);
            [x, pc * y + ps * z, pc * z - ps * y]
        };
        let corners: Vec<Corner> = self
            .points
            .iter()
            .zip(&self.normals)
            .map(|(point, normal)| {
                let [x, y, z] = *point;
                if z == f32::MAX {
                    return Corner {
                        at: [x, y],
                        depth: z,
                        source: [x, y],
                        facing: 0.0,
                    };
                }
                let [px, py, pz] = self.pivot;
                let [dx, dy, dz] = turn([x - px, y - py, z - pz]);
                Corner {
                    at: [px + dx + take.shift_px[0], py + dy + take.shift_px[1]],
                    depth: pz + dz,
                    source: [x, y],
                    facing: (-turn(*normal)[2]).max(0.0),
                }
            })
            .collect();
        let mut picture: Vec<[f32; 3]> = self.light.clone();
        let behind = take.screen.map(|s| 1.0 + take.behind * s);
        for pixel in &mut picture {
            for (value, factor) in pixel.iter_mut().zip(behind) {
                *value *= factor;
            }
        }
        let room = take.frontal_room;
        fill(
            &corners,
            &self.triangles,
            self.size,
            |at, source, facing| {
                let albedo = self.sample(source);
                // The picture's own light counts as the room's. Where it came from the front, it fell off as the screen's does.
                let share = facing / (1.0 - room + room * facing.max(0.05));
                for ((value, light), screen) in picture[at].iter_mut().zip(albedo).zip(take.screen)
                {
                    *value = light * (1.0 + screen * (take.behind + (1.0 - take.behind) * share));
                }
            },
        );
        picture
    }

    /// Bilinear light at a place of the picture.
    fn sample(&self, [x, y]: [f32; 2]) -> [f32; 3] {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let (x, y) = (
            (x - 0.5).clamp(0.0, width as f32 - 1.001),
            (y - 0.5).clamp(0.0, height as f32 - 1.001),
        );
        let (left, top) = (x as usize, y as usize);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let at = |dx: usize, dy: usize| self.light[(top + dy) * width + left + dx];
        std::array::from_fn(|c| {
            let upper = at(0, 0)[c] * (1.0 - fx) + at(1, 0)[c] * fx;
            let lower = at(0, 1)[c] * (1.0 - fx) + at(1, 1)[c] * fx;
            upper * (1.0 - fy) + lower * fy
        })
    }

    /// Light into coded values, with tint and noise.
    fn develop(&self, light: &[[f32; 3]], take: &Take) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(take.seed);
        let mut pixels = Vec::with_capacity(light.len() * 3);
        for pixel in light {
            for (value, tint) in pixel.iter().zip(take.tint) {
                let noise = take.noise * (uniform(&mut rng) + uniform(&mut rng));
                let coded = coded(value * (1.0 + tint)) + noise;
                pixels.push(coded.round().clamp(0.0, 255.0) as u8);
            }
        }
        pixels
    }
}

/// Uniform, with a deviation of one over the square root of two: two together have one.
fn uniform(rng: &mut impl Rng) -> f32 {
    (rng.random::<f32>() - 0.5) * 2.449_49
}

/// Directions of the mesh's points: the mean of the triangles around them; ring and border face sideways and nowhere.
fn normals(points: &[SpacePoint], triangles: &[[usize; 3]], n_mesh: usize) -> Vec<SpacePoint> {
    let mut normals = vec![[0.0_f32; 3]; points.len()];
    for triangle in triangles.iter().filter(|t| t.iter().all(|i| *i < n_mesh)) {
        let [a, b, c] = triangle.map(|i| points[i]);
        let minus = |p: SpacePoint, q: SpacePoint| [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
        let (u, v) = (minus(b, a), minus(c, a));
        let cross = [
            u[1] * v[2] - u[2] * v[1],
            u[2] * v[0] - u[0] * v[2],
            u[0] * v[1] - u[1] * v[0],
        ];
        // Towards the camera.
        let sign = if cross[2] > 0.0 { -1.0 } else { 1.0 };
        for i in triangle {
            for (sum, value) in normals[*i].iter_mut().zip(cross) {
                *sum += sign * value;
            }
        }
    }
    for (normal, point) in normals.iter_mut().zip(points).take(n_mesh + N_RING) {
        let length = normal.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length > 0.0 {
            *normal = normal.map(|v| v / length);
        } else if point[2] < f32::MAX {
            *normal = [0.0, 0.0, -0.3];
        }
    }
    normals
}

/// Light of a coded value (sRGB, IEC 61966-2-1).
pub fn linear(value: u8) -> f32 {
    let v = f32::from(value) / 255.0;
    if v <= 0.040_45 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}

/// Coded value of light, in `[0, 255]`.
fn coded(light: f32) -> f32 {
    let v = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.min(1.0).powf(1.0 / 2.4) - 0.055
    };
    v * 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 120,
        height: 100,
    };

    /// A gray ball before a gray wall.
    fn sitter() -> Sitter {
        let pixels: Vec<u8> = (0..120 * 100)
            .flat_map(|i| [(100 + i % 50) as u8; 3])
            .collect();
        let mut mesh = Vec::new();
        for i in 0..9 {
            for j in 0..9 {
                let (x, y) = (-20.0 + 5.0 * i as f32, -20.0 + 5.0 * j as f32);
                let inside: f32 = 900.0 - x * x - y * y;
                mesh.push([60.0 + x, 50.0 + y, -inside.max(0.0).sqrt()]);
            }
        }
        Sitter::new(&pixels, SIZE, &mesh).unwrap()
    }

    fn quiet() -> Take {
        Take {
            noise: 0.0,
            ..Take::default()
        }
    }

    #[test]
    fn who_does_nothing_looks_like_the_picture() {
        let sitter = sitter();
        let frame = sitter.render(&quiet());
        for (at, pixel) in frame.chunks_exact(3).enumerate() {
            let truth = 100 + at as i32 % 50;
            assert!(
                (i32::from(pixel[0]) - truth).abs()
                    <= 1 + 49 * i32::from(at % 50 > 47 || at % 50 < 2),
                "{at}"
            );
        }
    }

    #[test]
    fn a_body_is_lit_more_in_the_middle_and_a_sheet_alike() {
        let sitter = sitter();
        let at = |frame: &[u8], x: usize, y: usize| linear(frame[(y * 120 + x) * 3]);
        let lit = |medium: Medium| {
            let take = |screen| Take {
                screen: [screen; 3],
                medium,
                ..quiet()
            };
            let (dark, bright) = (sitter.render(&take(0.0)), sitter.render(&take(0.3)));
            let gain = |x, y| at(&bright, x, y) / at(&dark, x, y);
            (gain(60, 50), gain(44, 50), gain(5, 5))
        };
        let (middle, side, wall) = lit(Medium::Body);
        assert!(middle > 1.25 && side < middle - 0.02, "{middle} {side}");
        assert!((wall - 1.015).abs() < 0.02, "{wall}");
        let (middle, side, _) = lit(Medium::Sheet(Sheet::paper()));
        assert!(
            (middle - side).abs() < 0.02 && middle > 1.2,
            "{middle} {side}"
        );
        let (middle, ..) = lit(Medium::Sheet(Sheet::screen()));
        assert!(middle < 1.05, "{middle}");
    }

    #[test]
    fn a_turned_head_moves_its_near_parts_most() {
        let sitter = sitter();
        let straight = sitter.render(&quiet());
        let turned = sitter.render(&Take {
            yaw_deg: 25.0,
            ..quiet()
        });
        let change = |x: usize, y: usize| {
            let at = (y * 120 + x) * 3;
            i32::from(straight[at]).abs_diff(i32::from(turned[at]))
        };
        let middle: u32 = (55..65).map(|x| change(x, 50)).sum();
        let wall: u32 = (0..10).map(|x| change(x, 5)).sum();
        assert!(middle > 20 && wall <= 10, "{middle} {wall}");
    }

    #[test]
    fn noise_has_its_deviation_and_its_seed() {
        let sitter = sitter();
        let noisy = |seed| {
            sitter.render(&Take {
                noise: 4.0,
                seed,
                ..Take::default()
            })
        };
        assert_eq!(noisy(3), noisy(3));
        assert_ne!(noisy(3), noisy(4));
        let (a, b) = (noisy(3), sitter.render(&quiet()));
        let squares: f32 = a
            .iter()
            .zip(&b)
            .map(|(x, y)| (f32::from(*x) - f32::from(*y)).powi(2))
            .sum();
        let deviation = (squares / a.len() as f32).sqrt();
        assert!((deviation - 4.0).abs() < 0.3, "{deviation}");
    }
}
