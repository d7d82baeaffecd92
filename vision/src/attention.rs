//! Whether a face is turned to the screen.

/// Where the camera is, as seen from the screen's middle by someone in front of it, in degrees as
/// seen from the audience. Zero: the camera sits in the middle of what is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CameraPlacement {
    /// How far the screen's middle is to the right of the camera in the image, in degrees.
    pub screen_right_deg: f32,
    /// How far the screen's middle is above the camera, in degrees.
    pub screen_up_deg: f32,
}
