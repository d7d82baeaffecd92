//! Whether a face is turned to the screen.

use regard_commitments::{AttentionScope, Scoped};
use regard_domain::{Attention, HeadPose};

/// Angle between the face and the screen's middle at which attention is one half, in degrees.
/// Origin: eyes rest within about 20° of straight ahead and the head does the rest (the customary ocular
/// motor range, which varies widely between people: Stahl 1999), so that a head within that angle can look
/// at the screen at ease; half the width of a screen as people see it, about 8°, comes on top.
const HALF_ANGLE_DEG: f32 = 28.0;

/// How fast attention falls there, in degrees: 88 % at two of these before the half, 12 % at two after.
/// Origin: a chosen number of the size of that variation; not measured here.
const SOFTNESS_DEG: f32 = 7.0;

/// Where the screen's middle is as seen from the camera: how far a face has to turn away from the
/// camera, as the camera sees it, to look at the screen. All zero: the camera sits where people look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CameraPlacement {
    /// To the right in the image, in degrees.
    pub screen_right_deg: f32,
    /// Upwards, in degrees; a camera on top of a screen has it below: a negative number.
    pub screen_up_deg: f32,
}

impl CameraPlacement {
    /// From lengths: how far the screen's middle is from the camera, to the right in the image and
    /// upwards, and how far away people stand; all in centimetres, the last above 0.
    /// Nothing when a number is not finite or the distance not positive.
    pub fn from_centimeters(right_cm: f32, up_cm: f32, distance_cm: f32) -> Option<Self> {
        let finite = [right_cm, up_cm, distance_cm].iter().all(|v| v.is_finite());
        (finite && distance_cm > 0.0).then(|| Self {
            screen_right_deg: right_cm.atan2(distance_cm).to_degrees(),
            screen_up_deg: up_cm.atan2(distance_cm).to_degrees(),
        })
    }
}

/// How much a face of that pose is turned to the screen, in `[0, 1]`. How near it is and how it is
/// tilted do not matter.
///
/// A logistic function of the angle between where the face points and where the screen's middle
/// is, scaled to 1 at 0°. An engineering choice with the origins given at its constants, not a
/// measurement of where eyes rest.
///
/// # Privacy
/// Needs the scope `attention`.
pub fn attention_of(
    pose: &HeadPose,
    placement: &CameraPlacement,
    _key: &Scoped<AttentionScope>,
) -> Attention {
    let angle = angle_between_deg(
        (pose.yaw_deg, pose.pitch_deg),
        (placement.screen_right_deg, placement.screen_up_deg),
    );
    Attention::clamped(turned_to(angle))
}

fn turned_to(angle_deg: f32) -> f32 {
    let logistic = |a: f32| 1.0 / (1.0 + ((a - HALF_ANGLE_DEG) / SOFTNESS_DEG).exp());
    logistic(angle_deg) / logistic(0.0)
}

/// Angle between two directions given as yaw and pitch, in degrees.
fn angle_between_deg(a: (f32, f32), b: (f32, f32)) -> f32 {
    let direction = |(yaw, pitch): (f32, f32)| {
        let (sin_yaw, cos_yaw) = yaw.to_radians().sin_cos();
        let (sin_pitch, cos_pitch) = pitch.to_radians().sin_cos();
        [cos_pitch * sin_yaw, sin_pitch, cos_pitch * cos_yaw]
    };
    let (u, v) = (direction(a), direction(b));
    let cos: f32 = u.iter().zip(v).map(|(p, q)| p * q).sum();
    cos.clamp(-1.0, 1.0).acos().to_degrees()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attention_falls_smoothly() {
        for (angle, low, high) in [
            (0.0, 1.0, 1.0),
            (10.0, 0.9, 0.97),
            (28.0, 0.48, 0.53),
            (45.0, 0.05, 0.12),
            (90.0, 0.0, 0.001),
        ] {
            let found = turned_to(angle);
            assert!((low..=high).contains(&found), "{angle}: {found}");
        }
    }

    #[test]
    fn a_camera_above_the_screen_expects_eyes_below_it() {
        let placement = CameraPlacement::from_centimeters(0.0, -100.0, 100.0).unwrap();
        assert!((placement.screen_up_deg + 45.0).abs() < 0.01);
        let at = (placement.screen_right_deg, placement.screen_up_deg);
        assert!(turned_to(angle_between_deg((0.0, -45.0), at)) > 0.999);
        assert!(turned_to(angle_between_deg((0.0, 0.0), at)) < 0.15);
        assert!(CameraPlacement::from_centimeters(0.0, 0.0, 0.0).is_none());
    }

    proptest! {
        #[test]
        fn further_away_is_never_more(a in 0.0_f32..180.0, b in 0.0_f32..180.0) {
            let (near, far) = (a.min(b), a.max(b));
            prop_assert!(turned_to(near) >= turned_to(far));
            prop_assert!((0.0..=1.0).contains(&turned_to(a)));
        }

        #[test]
        fn angles_are_symmetric_and_small_ones_add_like_in_the_plane(
            yaw in -8.0_f32..8.0, pitch in -8.0_f32..8.0,
        ) {
            let there = angle_between_deg((yaw, pitch), (0.0, 0.0));
            let back = angle_between_deg((0.0, 0.0), (yaw, pitch));
            prop_assert!((there - back).abs() < 0.05);
            prop_assert!((there - yaw.hypot(pitch)).abs() < 0.15);
        }
    }
}
