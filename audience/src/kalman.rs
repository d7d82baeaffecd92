//! Where a box is and where it goes: a constant-velocity Kalman filter over time in seconds.

use regard_domain::BBox;

/// One coordinate with its velocity.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    value: f64,
    velocity: f64,
    /// Variances of value and velocity, and their covariance.
    p_vv: f64,
    p_vd: f64,
    p_dd: f64,
}

impl Axis {
    fn begin(value: f64, value_sd: f64, velocity_sd: f64) -> Self {
        Self {
            value,
            velocity: 0.0,
            p_vv: value_sd * value_sd,
            p_vd: 0.0,
            p_dd: velocity_sd * velocity_sd,
        }
    }

    /// White-noise acceleration of spectral density `density`, over `secs`.
    fn predict(&mut self, secs: f64, density: f64) {
        self.value += self.velocity * secs;
        self.p_vv += secs * (2.0 * self.p_vd + secs * self.p_dd) + density * secs.powi(3) / 3.0;
        self.p_vd += secs * self.p_dd + density * secs * secs / 2.0;
        self.p_dd += density * secs;
    }

    /// Squared distance in standard deviations of the innovation.
    fn distance2(&self, measured: f64, sd: f64) -> f64 {
        let innovation = measured - self.value;
        innovation * innovation / (self.p_vv + sd * sd)
    }

    fn correct(&mut self, measured: f64, sd: f64) {
        let innovation = measured - self.value;
        let spread = self.p_vv + sd * sd;
        let (k_value, k_velocity) = (self.p_vv / spread, self.p_vd / spread);
        self.value += k_value * innovation;
        self.velocity += k_velocity * innovation;
        self.p_dd -= k_velocity * self.p_vd;
        self.p_vd *= 1.0 - k_value;
        self.p_vv *= 1.0 - k_value;
    }
}

/// How things move, in metres; divided by the height of what is tracked they serve faces and
/// whole bodies alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Motion {
    /// Standard deviation of a new track's unknown velocity, in heights per second.
    speed: f64,
    /// Square root of the spectral density of acceleration, in heights per second^1.5.
    acceleration: f64,
}

/// Standard deviation of an unknown velocity, in metres per second: from standing to running.
const SPEED_METERS: f64 = 3.0;

/// Square root of the spectral density of acceleration, in metres per second^1.5: half a metre per
/// second of change within a second. On TUD-Campus 0.4 and 0.5 give MOTA .674 with 5 switches, 0.6
/// .655 with 6, 0.7 to 1 .632 with 6; made-up faces are followed equally well from 0.4 to 2.
const ACCELERATION_METERS: f64 = 0.5;

/// Standard deviation of a measured centre, in heights. Measured on TUD-Campus: 0.043 across and
/// 0.040 down; DeepSORT and ByteTrack have 1/20.
const CENTER_RATIO: f64 = 0.05;

/// Standard deviation of a measured height, in heights. Measured on TUD-Campus: 0.095.
const HEIGHT_RATIO: f64 = 0.1;

/// Standard deviation of a measured aspect. Measured on TUD-Campus: 0.09; DeepSORT has 0.1.
const ASPECT: f64 = 0.1;

/// Standard deviation of the unknown rate of growth, per second: a walk of 1.2 m/s towards a
/// camera 4 to 6 m away.
const GROWTH: f64 = 0.2;

/// Square root of the spectral density of its change, per second^1.5. Anything from 0.1 to 1 does
/// equally well on TUD-Campus.
const GROWTH_CHANGE: f64 = 0.3;

/// Standard deviation of the unknown rate of change of the aspect, per second, and square root of
/// the spectral density of its change: a head turns, but slowly beside the noise. DeepSORT has
/// 0.01.
const ASPECT_CHANGE: f64 = 0.01;

/// A first detection is trusted half as much as a later one, as in DeepSORT.
const FIRST_FACTOR: f64 = 2.0;

impl Motion {
    pub(crate) fn of_height_meters(meters: f32) -> Self {
        let height = f64::from(meters);
        Self {
            speed: SPEED_METERS / height,
            acceleration: ACCELERATION_METERS / height,
        }
    }
}

/// Filter of a box: centre x and y, aspect (width over height) and height, each with a velocity.
///
/// With diagonal noise and one velocity to each coordinate the eight-dimensional filter of
/// DeepSORT falls apart into four independent ones of two dimensions: same result, no matrices.
///
/// # Source
/// Wojke et al. 2017 (DeepSORT) for the state; Bar-Shalom et al. 2001, section
/// 6.2.2, for the process noise over any interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BoxFilter {
    x: Axis,
    y: Axis,
    aspect: Axis,
    height: Axis,
    motion: Motion,
}

fn measured(bbox: &BBox) -> [f64; 4] {
    let center = bbox.center();
    [
        f64::from(center.x),
        f64::from(center.y),
        f64::from(bbox.width()) / f64::from(bbox.height()),
        f64::from(bbox.height()),
    ]
}

impl BoxFilter {
    pub(crate) fn begin(bbox: &BBox, motion: Motion) -> Self {
        let [x, y, aspect, height] = measured(bbox);
        let (center_sd, height_sd) = (CENTER_RATIO * height, HEIGHT_RATIO * height);
        let speed = motion.speed * height;
        Self {
            x: Axis::begin(x, FIRST_FACTOR * center_sd, speed),
            y: Axis::begin(y, FIRST_FACTOR * center_sd, speed),
            aspect: Axis::begin(aspect, ASPECT, ASPECT_CHANGE),
            height: Axis::begin(height, FIRST_FACTOR * height_sd, GROWTH * height),
            motion,
        }
    }

    pub(crate) fn predict(&mut self, secs: f64) {
        let height = self.height.value;
        let density = (self.motion.acceleration * height).powi(2);
        self.x.predict(secs, density);
        self.y.predict(secs, density);
        self.aspect.predict(secs, ASPECT_CHANGE.powi(2));
        self.height.predict(secs, (GROWTH_CHANGE * height).powi(2));
    }

    pub(crate) fn correct(&mut self, bbox: &BBox) {
        let [x, y, aspect, height] = measured(bbox);
        let (center_sd, height_sd) = self.measurement_sd();
        self.x.correct(x, center_sd);
        self.y.correct(y, center_sd);
        self.aspect.correct(aspect, ASPECT);
        self.height.correct(height, height_sd);
    }

    /// Squared Mahalanobis distance of a detection, four degrees of freedom.
    pub(crate) fn distance2(&self, bbox: &BBox) -> f64 {
        let [x, y, aspect, height] = measured(bbox);
        let (center_sd, height_sd) = self.measurement_sd();
        self.x.distance2(x, center_sd)
            + self.y.distance2(y, center_sd)
            + self.aspect.distance2(aspect, ASPECT)
            + self.height.distance2(height, height_sd)
    }

    /// Standard deviations of a measured centre and height, in pixels.
    fn measurement_sd(&self) -> (f64, f64) {
        let height = self.height.value;
        (CENTER_RATIO * height, HEIGHT_RATIO * height)
    }

    /// How unsure the centre is, in heights: the greater standard deviation of the two axes.
    pub(crate) fn center_sd_ratio(&self) -> f64 {
        self.x.p_vv.max(self.y.p_vv).sqrt() / self.height.value
    }

    /// The box; nothing when the filter has run to where no box is.
    pub(crate) fn bbox(&self) -> Option<BBox> {
        let (height, width) = (self.height.value, self.aspect.value * self.height.value);
        BBox::new(
            (self.x.value - width / 2.0) as f32,
            (self.y.value - height / 2.0) as f32,
            width as f32,
            height as f32,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without noise of its own and with nothing known before, the filter is the regression line.
    #[test]
    fn the_filter_is_least_squares_when_nothing_disturbs() {
        let points = [(0.0, 3.0), (0.1, 3.4), (0.15, 3.1), (0.4, 5.2), (0.5, 5.0)];
        let mut axis = Axis::begin(points[0].1, 1.0, 1e6);
        let mut before = 0.0;
        for (secs, value) in &points[1..] {
            axis.predict(secs - before, 0.0);
            axis.correct(*value, 1.0);
            before = *secs;
        }
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (t, x) = (mean(|p| p.0), mean(|p| p.1));
        let slope = (mean(|p| p.0 * p.1) - t * x) / (mean(|p| p.0 * p.0) - t * t);
        assert!((axis.velocity - slope).abs() < 1e-3);
        assert!((axis.value - (x + slope * (before - t))).abs() < 1e-3);
    }

    #[test]
    fn one_long_step_is_many_short_ones() {
        let bbox = BBox::new(10.0, 20.0, 30.0, 40.0).unwrap();
        let mut long = BoxFilter::begin(&bbox, Motion::of_height_meters(0.22));
        (long.x.velocity, long.aspect.velocity) = (55.0, 0.1);
        let mut short = long;
        long.predict(0.4);
        for _ in 0..8 {
            short.predict(0.05);
        }
        assert!((long.x.value - short.x.value).abs() < 1e-9);
        for (a, b) in [(long.x, short.x), (long.aspect, short.aspect)] {
            assert!((a.p_vv - b.p_vv).abs() < 1e-9 * a.p_vv.max(1.0));
            assert!((a.p_dd - b.p_dd).abs() < 1e-9 * a.p_dd.max(1.0));
        }
    }

    #[test]
    fn a_filter_run_to_nowhere_has_no_box() {
        let bbox = BBox::new(10.0, 20.0, 30.0, 40.0).unwrap();
        let mut filter = BoxFilter::begin(&bbox, Motion::of_height_meters(0.22));
        filter.height.velocity = -100.0;
        filter.predict(1.0);
        assert!(filter.bbox().is_none());
    }
}
