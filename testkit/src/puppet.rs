//! A face that does as it is told: one picture of a real one, turned in space by its mesh, and lit by a screen.
//!
//! For tests of challenges alone: what is turned is a surface with depth, as a head is, and what is lit is the face and not what
//! is behind it. It proves nothing about cameras.

/// How much of what is around the mesh turns along with it, in extents of the mesh: ears and hair.
const HEAD: f32 = 1.25;

/// Rays for each pixel and direction, so that stretched parts have no holes.
const RAYS: usize = 3;

/// One picture with one face, and where the points of its mesh lie: pixels, and depth in pixels, less is nearer.
#[derive(Clone, Debug)]
pub struct Puppet {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    center: [f32; 3],
    /// Half the extent of the head, across and down.
    radius: [f32; 2],
    /// Depth of each ray, row by row of the head's box.
    depths: Vec<f32>,
}

impl Puppet {
    /// From RGB pixels, row by row, and points of the face in them.
    ///
    /// # Panics
    /// When the pixels do not fill the picture, or there are no points.
    pub fn new(rgb: Vec<u8>, width: usize, height: usize, points: &[[f32; 3]]) -> Self {
        assert_eq!(rgb.len(), width * height * 3, "a whole picture");
        assert!(!points.is_empty(), "points of a face");
        let (mut least, mut most) = ([f32::MAX; 3], [f32::MIN; 3]);
        for point in points {
            for axis in 0..3 {
                least[axis] = least[axis].min(point[axis]);
                most[axis] = most[axis].max(point[axis]);
            }
        }
        let center = std::array::from_fn(|axis| (least[axis] + most[axis]) / 2.0);
        let radius = [0, 1].map(|axis| (most[axis] - least[axis]) / 2.0 * HEAD);
        let mut puppet = Self {
            width,
            height,
            rgb,
            center,
            radius,
            depths: Vec::new(),
        };
        puppet.depths = puppet.rays().map(|at| depth_at(at, points)).collect();
        puppet
    }

    /// Where the rays through the head begin.
    fn rays(&self) -> impl Iterator<Item = [f32; 2]> + use<> {
        let ([x, y, _], [rx, ry]) = (self.center, self.radius);
        let (nx, ny) = ((2.0 * rx) as usize * RAYS, (2.0 * ry) as usize * RAYS);
        (0..ny).flat_map(move |row| {
            (0..nx).map(move |column| {
                let along = |index: usize| (index as f32 + 0.5) / RAYS as f32;
                [x - rx + along(column), y - ry + along(row)]
            })
        })
    }

    fn is_head(&self, [x, y]: [f32; 2]) -> bool {
        let (dx, dy) = (
            (x - self.center[0]) / self.radius[0],
            (y - self.center[1]) / self.radius[1],
        );
        dx * dx + dy * dy <= 1.0
    }

    /// The picture with the head turned: positive yaw to the right of the image, positive pitch up. RGB, row by row.
    pub fn turned(&self, yaw_deg: f32, pitch_deg: f32) -> Vec<u8> {
        let [cx, cy, cz] = self.center;
        // The neck is behind the face: it turns about a point as deep as the head is wide.
        let axis = cz + self.radius[0] * 0.6;
        let ((sin_yaw, cos_yaw), (sin_pitch, cos_pitch)) = (
            yaw_deg.to_radians().sin_cos(),
            pitch_deg.to_radians().sin_cos(),
        );
        let mut out = self.without_head();
        let mut nearest = vec![f32::MAX; self.width * self.height];
        for (at, z) in self.rays().zip(&self.depths) {
            if !self.is_head(at) {
                continue;
            }
            let (x, y, z) = (at[0] - cx, at[1] - cy, z - axis);
            let (x, z) = (x * cos_yaw - z * sin_yaw, x * sin_yaw + z * cos_yaw);
            let (y, z) = (y * cos_pitch + z * sin_pitch, z * cos_pitch - y * sin_pitch);
            let (column, row) = ((x + cx).floor(), (y + cy).floor());
            let is_inside = column >= 0.0
                && row >= 0.0
                && (column as usize) < self.width
                && (row as usize) < self.height;
            if !is_inside {
                continue;
            }
            let place = row as usize * self.width + column as usize;
            if z < nearest[place] {
                nearest[place] = z;
                out[place * 3..place * 3 + 3].copy_from_slice(&self.at(at));
            }
        }
        out
    }

    /// What is behind the head, as what is beside it lets one think.
    fn without_head(&self) -> Vec<u8> {
        let mut out = self.rgb.clone();
        let [cx, cy, _] = self.center;
        for row in 0..self.height {
            for column in 0..self.width {
                let at = [column as f32 + 0.5, row as f32 + 0.5];
                if !self.is_head(at) {
                    continue;
                }
                let (dx, dy) = (at[0] - cx, at[1] - cy);
                let out_there = (dx / self.radius[0]).hypot(dy / self.radius[1]).max(0.05);
                let beside = [cx + dx / out_there * 1.05, cy + dy / out_there * 1.05];
                let place = (row * self.width + column) * 3;
                out[place..place + 3].copy_from_slice(&self.at(beside));
            }
        }
        out
    }

    /// The pixel between pixels.
    fn at(&self, [x, y]: [f32; 2]) -> [u8; 3] {
        let (x, y) = (
            (x - 0.5).clamp(0.0, (self.width - 1) as f32),
            (y - 0.5).clamp(0.0, (self.height - 1) as f32),
        );
        let (left, top) = (x.floor() as usize, y.floor() as usize);
        let (right, bottom) = (
            (left + 1).min(self.width - 1),
            (top + 1).min(self.height - 1),
        );
        let (fx, fy) = (x - left as f32, y - top as f32);
        let of = |column: usize, row: usize, channel: usize| {
            f32::from(self.rgb[(row * self.width + column) * 3 + channel])
        };
        std::array::from_fn(|channel| {
            let upper = of(left, top, channel) * (1.0 - fx) + of(right, top, channel) * fx;
            let lower = of(left, bottom, channel) * (1.0 - fx) + of(right, bottom, channel) * fx;
            (upper * (1.0 - fy) + lower * fy).round() as u8
        })
    }
}

/// The depth between points, those nearby counting most.
fn depth_at([x, y]: [f32; 2], points: &[[f32; 3]]) -> f32 {
    let (mut weight, mut sum) = (0.0, 0.0);
    for point in points {
        let (dx, dy) = (x - point[0], y - point[1]);
        let near = 1.0 / (dx * dx + dy * dy + 0.5);
        let near = near * near;
        weight += near;
        sum += near * point[2];
    }
    sum / weight
}

impl Puppet {
    /// Middle of the head, and half its extent across and down, in pixels.
    pub fn head(&self) -> ([f32; 2], [f32; 2]) {
        ([self.center[0], self.center[1]], self.radius)
    }
}

/// Share of a screen's light on the middle of a face against that of the room, at its rim, and on what is behind it.
const LIT: (f32, f32, f32) = (0.25, 0.12, 0.01);

/// A picture in which a screen lights a head with a colour: RGB, row by row.
pub fn lit(rgb: &[u8], width: usize, head: ([f32; 2], [f32; 2]), color: [u8; 3]) -> Vec<u8> {
    let ([cx, cy], [rx, ry]) = head;
    let light = color.map(linear);
    let mut out = Vec::with_capacity(rgb.len());
    for (place, pixel) in rgb.chunks_exact(3).enumerate() {
        let (x, y) = ((place % width) as f32 + 0.5, (place / width) as f32 + 0.5);
        let from_middle = ((x - cx) / rx).hypot((y - cy) / ry);
        let share = if from_middle <= 1.0 {
            LIT.0 + (LIT.1 - LIT.0) * from_middle
        } else {
            LIT.2
        };
        for (value, light) in pixel.iter().zip(light) {
            out.push(coded(linear(*value) * (1.0 + share * light)));
        }
    }
    out
}

/// Light of a coded value, and back.
///
/// # Source
/// IEC 61966-2-1 (sRGB).
fn linear(value: u8) -> f32 {
    let v = f32::from(value) / 255.0;
    if v <= 0.040_45 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}

fn coded(light: f32) -> u8 {
    let v = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    (v * 255.0).round().clamp(0.0, 255.0) as u8
}
