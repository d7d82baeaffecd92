//! How fit a face is to be enrolled, and what would make it fitter.

mod measure;

use std::fmt;

pub(crate) use self::measure::{FAR_PX, NEAR_PX, QualityMeter, REGION_FACTOR, Seen};

/// One side of a face's quality.
///
/// # Source
/// Capture-related measures in the sense of ISO/IEC 29794-5; the arithmetic is our own and is said at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QualityComponent {
    /// Turned to the camera: yaw, pitch and roll near nought.
    Pose,
    /// In focus and not smeared by motion.
    Sharpness,
    /// Neither too dark nor too bright, with contrast.
    Light,
    /// Lit alike from left and right.
    Uniformity,
    /// Large enough: pixels between the eyes.
    Size,
    /// Eyes, nose and mouth to be seen.
    Occlusion,
    /// The only face in the picture.
    SingleFace,
}

impl QualityComponent {
    /// Every component, in the order in which a person can best do something about them.
    pub const ALL: [Self; 7] = [
        Self::SingleFace,
        Self::Size,
        Self::Pose,
        Self::Occlusion,
        Self::Light,
        Self::Uniformity,
        Self::Sharpness,
    ];

    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pose => "pose",
            Self::Sharpness => "sharpness",
            Self::Light => "light",
            Self::Uniformity => "uniformity",
            Self::Size => "size",
            Self::Occlusion => "occlusion",
            Self::SingleFace => "single_face",
        }
    }
}

macro_rules! hints {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)+) => {
        /// What would make a picture better. The names are keys of texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum QualityHint {
            $($(#[$doc])* $variant,)+
        }

        impl QualityHint {
            /// Every hint.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

hints! {
    /// Another face is in the picture.
    OtherFaces = "other_faces";
    /// Too far away: come nearer.
    TooFar = "too_far";
    /// Part of the face lies outside the picture.
    OutOfFrame = "out_of_frame";
    /// Turned to the left of the picture.
    TurnedLeft = "turned_left";
    /// Turned to the right of the picture.
    TurnedRight = "turned_right";
    /// Looking up.
    LookingUp = "looking_up";
    /// Looking down.
    LookingDown = "looking_down";
    /// The head leans to a side.
    Leaning = "leaning";
    /// Something lies over the eyes.
    EyesCovered = "eyes_covered";
    /// Something lies over nose or mouth.
    MouthCovered = "mouth_covered";
    /// Too little light.
    TooDark = "too_dark";
    /// Too much light.
    TooBright = "too_bright";
    /// Light without shade: fog, a dirty lens, a lamp behind.
    LowContrast = "low_contrast";
    /// Light from one side.
    UnevenLight = "uneven_light";
    /// Out of focus or smeared.
    Blurred = "blurred";
}

impl fmt::Display for QualityHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One component with its value and, where something is to be done, a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentQuality {
    /// Which.
    pub component: QualityComponent,
    /// From 0 to 100; greater is better.
    pub value: u8,
    /// What would make it better; `None` where it is good.
    pub hint: Option<QualityHint>,
}

/// The quality of one face in one picture.
///
/// # Privacy
/// Figures about a picture, not about a person; no pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceQuality {
    components: Vec<ComponentQuality>,
}

impl FaceQuality {
    /// What was measured, in the order of [`QualityComponent::ALL`]; the pose is missing without leave to measure it.
    pub fn components(&self) -> &[ComponentQuality] {
        &self.components
    }

    /// One component; `None`: not measured.
    pub fn component(&self, component: QualityComponent) -> Option<ComponentQuality> {
        let found = self.components.iter().find(|c| c.component == component);
        found.copied()
    }

    /// The value of the whole: its worst component's, as each alone can spoil a picture. From 0 to 100; 0 where something
    /// was not measured.
    pub fn overall(&self) -> u8 {
        let values = QualityComponent::ALL.map(|c| self.component(c).map_or(0, |c| c.value));
        values.into_iter().min().unwrap_or(0)
    }

    /// What to do, the most urgent first.
    pub fn hints(&self) -> impl Iterator<Item = QualityHint> {
        self.components.iter().filter_map(|c| c.hint)
    }
}

/// The least value of each component for a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualityGate {
    /// The least value that passes.
    pub floor: u8,
}

impl QualityGate {
    /// For enrolment: what is enrolled is compared with for months.
    pub const ENROLMENT: Self = Self { floor: 50 };

    /// For a probe, which can be taken again at once.
    pub const PROBE: Self = Self { floor: 25 };

    /// What stands in the way, the most urgent first; empty: fit. What was not measured stands in the way with a value of 0.
    pub fn faults(&self, quality: &FaceQuality) -> Vec<ComponentQuality> {
        let measured = QualityComponent::ALL.map(|component| {
            quality.component(component).unwrap_or(ComponentQuality {
                component,
                value: 0,
                hint: None,
            })
        });
        let faults = measured.into_iter().filter(|c| c.value < self.floor);
        faults.collect()
    }
}

#[cfg(test)]
mod tests;
