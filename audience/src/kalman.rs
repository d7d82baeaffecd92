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

/// Standard deviations relative to the height of the box (the aspect's are absolute).
mod noise {
    /// Of a measured centre and height: as in DeepSORT and ByteTrack.
    pub(super) const POSITION_RATIO: f64 = 1.0 / 20.0;
    /// Of a measured aspect ratio: as in DeepSORT and ByteTrack.
    pub(super) const ASPECT: f64 = 1e-1;
    /// Of the unknown velocity of a new track, in heights per second.
    pub(super) const VELOCITY_RATIO: f64 = 2.0;
    /// Of the unknown rate of change of the aspect, per second.
    pub(super) const ASPECT_VELOCITY: f64 = 1e-2;
    /// Square root of the spectral density of acceleration, in heights per second^1.5.
    pub(super) const ACCELERATION_RATIO: f64 = 1.0;
    /// The same for the aspect.
    pub(super) const ASPECT_ACCELERATION: f64 = 1e-2;
}

/// Filter of a box: centre x and y, aspect (width over height) and height, each with a velocity.
///
/// With diagonal noise and one velocity to each coordinate the eight-dimensional filter of
/// DeepSORT falls apart into four independent ones of two dimensions: same result, no matrices.
///
/// # Source
/// Wojke et al. 2017 (DeepSORT) for state and measurement noise; Bar-Shalom et al. 2001, section
/// 6.2.2, for the process noise over any interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BoxFilter {
    x: Axis,
    y: Axis,
    aspect: Axis,
    height: Axis,
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
    pub(crate) fn begin(bbox: &BBox) -> Self {
        let [x, y, aspect, height] = measured(bbox);
        let (sd, velocity_sd) = (
            2.0 * noise::POSITION_RATIO * height,
            noise::VELOCITY_RATIO * height,
        );
        Self {
            x: Axis::begin(x, sd, velocity_sd),
            y: Axis::begin(y, sd, velocity_sd),
            aspect: Axis::begin(aspect, noise::ASPECT, noise::ASPECT_VELOCITY),
            height: Axis::begin(height, sd, velocity_sd),
        }
    }

    pub(crate) fn predict(&mut self, secs: f64) {
        let density = (noise::ACCELERATION_RATIO * self.height.value).powi(2);
        for axis in [&mut self.x, &mut self.y, &mut self.height] {
            axis.predict(secs, density);
        }
        self.aspect
            .predict(secs, noise::ASPECT_ACCELERATION.powi(2));
    }

    pub(crate) fn correct(&mut self, bbox: &BBox) {
        let sd = noise::POSITION_RATIO * self.height.value;
        let [x, y, aspect, height] = measured(bbox);
        self.x.correct(x, sd);
        self.y.correct(y, sd);
        self.aspect.correct(aspect, noise::ASPECT);
        self.height.correct(height, sd);
    }

    /// Squared Mahalanobis distance of a detection, four degrees of freedom.
    pub(crate) fn distance2(&self, bbox: &BBox) -> f64 {
        let sd = noise::POSITION_RATIO * self.height.value;
        let [x, y, aspect, height] = measured(bbox);
        self.x.distance2(x, sd)
            + self.y.distance2(y, sd)
            + self.aspect.distance2(aspect, noise::ASPECT)
            + self.height.distance2(height, sd)
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
