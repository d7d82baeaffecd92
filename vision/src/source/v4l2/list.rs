//! Which cameras there are, for people who ask why none works.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regard_domain::FrameSize;

use super::{Driver, PixelChoice, SystemDriver};

/// A format that a camera offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraFormat {
    /// The four characters of its code: `MJPG`, `YUYV`, or one we cannot read.
    pub fourcc: String,
    /// Whether a source can take it.
    pub is_usable: bool,
    /// Its sizes, largest first; the largest alone where the camera offers a range.
    pub sizes: Vec<FrameSize>,
    /// Whether it takes other sizes than those listed.
    pub has_range: bool,
}

impl CameraFormat {
    pub(super) fn pixel_choice(&self) -> Option<PixelChoice> {
        match self.fourcc.as_str() {
            "MJPG" | "JPEG" => Some(PixelChoice::Mjpeg),
            "YUYV" => Some(PixelChoice::Yuyv),
            _ => None,
        }
    }
}

/// What keeps a camera from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraProblem {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// Its device file.
    pub path: PathBuf,
    /// Its name, as its driver says.
    pub name: String,
    /// What it offers.
    pub formats: Vec<CameraFormat>,
    /// What keeps it from being used, if anything.
    pub problem: Option<CameraProblem>,
}

/// The codes of formats, for an error message.
pub(super) fn offer_of(formats: &[CameraFormat]) -> String {
    if formats.is_empty() {
        return "nothing to capture".to_owned();
    }
    let codes: Vec<_> = formats
        .iter()
        .map(|format| format.fourcc.as_str())
        .collect();
    codes.join(", ")
}

/// The V4L2 capture devices of this machine, in the order of their numbers; takes no frame.
///
/// # Privacy
/// Opens devices without capturing; needs no grant.
pub fn list_cameras() -> Vec<CameraInfo> {
    list_with(
        &SystemDriver,
        Path::new("/sys/class/video4linux"),
        Path::new("/dev"),
    )
}

/// As [`list_cameras`], with the folders in which the kernel lists devices.
pub(super) fn list_with(driver: &dyn Driver, sys: &Path, dev: &Path) -> Vec<CameraInfo> {
    // Without the folder there is no driver and so no camera.
    let Ok(entries) = fs::read_dir(sys) else {
        return Vec::new();
    };
    let mut numbers: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix("video")?
                .parse()
                .ok()
        })
        .collect();
    numbers.sort_unstable();
    numbers
        .into_iter()
        .filter_map(|number| {
            let file = format!("video{number}");
            let name = fs::read(sys.join(&file).join("name")).unwrap_or_default();
            let name = String::from_utf8_lossy(&name).trim().to_owned();
            look_at(driver, dev.join(file), name)
        })
        .collect()
}

/// What there is to say about one device; nothing when it does not capture pictures.
fn look_at(driver: &dyn Driver, path: PathBuf, name: String) -> Option<CameraInfo> {
    let (formats, problem) = match driver.formats(&path) {
        // Webcams come with a second device for metadata.
        Ok(formats) if formats.is_empty() => return None,
        Ok(formats) => {
            let problem = if formats.iter().any(|format| format.is_usable) {
                driver.check_free(&path).err().map(|error| explain(&error))
            } else {
                Some(CameraProblem {
                    what: format!(
                        "it offers neither MJPEG nor YUYV but {}",
                        offer_of(&formats)
                    ),
                    remedy: format!(
                        "read it through ffmpeg: source = \"ffmpeg:{}\"",
                        path.display()
                    ),
                })
            };
            (formats, problem)
        }
        Err(error) => (Vec::new(), Some(explain(&error))),
    };
    Some(CameraInfo {
        path,
        name,
        formats,
        problem,
    })
}

fn explain(error: &io::Error) -> CameraProblem {
    let (what, remedy) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            "this user may not read it".to_owned(),
            "add the user to the group video: sudo usermod -aG video $USER, then log in again",
        ),
        io::ErrorKind::ResourceBusy => (
            "another program uses it".to_owned(),
            "close the other program, or take another camera",
        ),
        io::ErrorKind::NotFound => (
            "its device file is missing".to_owned(),
            "in a container, pass the device in: --device /dev/video0",
        ),
        _ => (error.to_string(), "unplug it and plug it in again"),
    };
    CameraProblem {
        what,
        remedy: remedy.to_owned(),
    }
}
