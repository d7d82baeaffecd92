//! What the owner writes down as a camera.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

use super::error::SpecError;

/// Frames a second of a clip or folder when nobody says; also what `ffmpeg` assumes for bare Motion-JPEG.
pub(super) const DEFAULT_FPS: f64 = 25.0;

/// Slowest rate taken, in frames a second: one picture in 17 minutes.
const MIN_FPS: f64 = 0.001;

/// Fastest rate taken, in frames a second. Origin: the fastest webcams in use deliver 240.
const MAX_FPS: f64 = 240.0;

/// Longest side that may be asked of a camera, in pixels; V4L2 drivers end at 16,384.
const MAX_SIDE_PX: u32 = 16_384;

/// Most characters of a bad text that an error repeats.
const MAX_QUOTED_LEN: usize = 32;

/// Where frames come from, as written in the configuration.
///
/// `Display` gives the text back without credentials.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSpec {
    /// `v4l2:/dev/video0?width=1280&height=720&fps=30&format=mjpeg`: a camera of this machine.
    V4l2(V4l2Spec),
    /// `http://user:password@host/path`: Motion-JPEG over HTTP.
    Http(HttpSpec),
    /// `folder:PATH?fps=1&loop`: images in the order of their names.
    Folder(FolderSpec),
    /// `clip:PATH.mjpeg?fps=15&loop`: Motion-JPEG, bare or in AVI.
    Clip(ClipSpec),
    /// `ffmpeg:URL`, `rtsp://…`, `https://…`: whatever `ffmpeg` reads.
    Ffmpeg(FfmpegSpec),
    /// `push:NAME`: frames that a browser sends.
    Push {
        /// What the browser calls it.
        name: String,
    },
    /// `demo`: the clip in the program, over and over.
    Demo,
}

/// Which pixel format a camera is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelChoice {
    /// Motion-JPEG.
    Mjpeg,
    /// Packed 4:2:2.
    Yuyv,
}

/// A V4L2 camera and what is asked of it; the nearest it offers is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct V4l2Spec {
    /// The device file.
    pub path: PathBuf,
    /// Columns, 1 to 16,384.
    pub width: Option<u32>,
    /// Rows, 1 to 16,384.
    pub height: Option<u32>,
    /// Frames a second, above 0, at most 240.
    pub fps: Option<f64>,
    /// Pixel format; none: MJPEG where offered, else YUYV.
    pub format: Option<PixelChoice>,
}

/// A Motion-JPEG stream over HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpSpec {
    /// The URL, perhaps with credentials.
    pub(super) url: Url,
}

/// A folder of images.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderSpec {
    /// The folder.
    pub path: PathBuf,
    /// Frames a second, above 0, at most 240.
    pub fps: f64,
    /// Whether it begins again at its end.
    pub looping: bool,
}

/// A Motion-JPEG file.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipSpec {
    /// The file.
    pub path: PathBuf,
    /// Frames a second, above 0, at most 240; none: as the file says, or 25.
    pub fps: Option<f64>,
    /// Whether it begins again at its end.
    pub looping: bool,
}

/// Something that `ffmpeg` reads.
#[derive(Clone, PartialEq, Eq)]
pub struct FfmpegSpec {
    /// A URL, perhaps with credentials, or a path.
    pub(super) input: String,
}

impl FfmpegSpec {
    /// Whether the input is a file of this machine and not a stream.
    pub fn is_file(&self) -> bool {
        !self.input.contains("://")
    }
}

/// A URL without user, password and query, any of which may hold a secret.
pub(super) fn without_secrets(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if url.has_host() => {
            // Both fail only for URLs without a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
        Ok(_) | Err(_) if text.contains("://") => "a URL".to_owned(),
        // A URL with a slash too few is the name of a file, and must not tell its password either.
        Ok(_) | Err(_) if has_credentials(text) => "a mistyped URL".to_owned(),
        Ok(_) | Err(_) => text.to_owned(),
    }
}

/// Whether a text looks like `scheme:user:password@host`, whatever stands between.
fn has_credentials(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(_, rest)| rest.contains('@'))
}

impl fmt::Debug for HttpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpSpec({})", without_secrets(self.url.as_str()))
    }
}

impl fmt::Debug for FfmpegSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FfmpegSpec({})", without_secrets(&self.input))
    }
}

impl SourceSpec {
    /// The file, folder or device of this machine that is read, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::V4l2(spec) => Some(&spec.path),
            Self::Folder(spec) => Some(&spec.path),
            Self::Clip(spec) => Some(&spec.path),
            Self::Ffmpeg(spec) if spec.is_file() => Some(Path::new(&spec.input)),
            Self::Ffmpeg(_) | Self::Http(_) | Self::Push { .. } | Self::Demo => None,
        }
    }

    /// The TCP ports that are connected to, for a sandbox that allows no others: that of the URL, and where pages lead
    /// elsewhere those of the web. Nothing when the URL does not tell.
    pub fn tcp_ports(&self) -> Option<Vec<u16>> {
        let of = |url: &Url| {
            let usual = match url.scheme() {
                "rtsp" => Some(554),
                "rtsps" => Some(322),
                "rtmp" => Some(1_935),
                _ => None,
            };
            let port = url.port_or_known_default().or(usual)?;
            let is_web = matches!(url.scheme(), "http" | "https");
            let web = is_web.then_some([80, 443]);
            Some(
                std::iter::once(port)
                    .chain(web.into_iter().flatten())
                    .collect(),
            )
        };
        match self {
            Self::Http(spec) => of(&spec.url),
            Self::Ffmpeg(spec) if !spec.is_file() => of(&Url::parse(&spec.input).ok()?),
            Self::Ffmpeg(_)
            | Self::V4l2(_)
            | Self::Folder(_)
            | Self::Clip(_)
            | Self::Push { .. }
            | Self::Demo => Some(Vec::new()),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4l2(spec) => write!(f, "v4l2:{}", spec.path.display()),
            Self::Http(spec) => f.write_str(&without_secrets(spec.url.as_str())),
            Self::Folder(spec) => write!(f, "folder:{}", spec.path.display()),
            Self::Clip(spec) => write!(f, "clip:{}", spec.path.display()),
            Self::Ffmpeg(spec) => write!(f, "ffmpeg:{}", without_secrets(&spec.input)),
            Self::Push { name } => write!(f, "push:{name}"),
            Self::Demo => f.write_str("demo"),
        }
    }
}

fn quoted(text: &str) -> String {
    text.chars().take(MAX_QUOTED_LEN).collect()
}

/// The options after the question mark, each to be taken once.
struct Options<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    /// Splits off the options; a path with a question mark of its own cannot be written.
    fn split(text: &'a str) -> (&'a str, Self) {
        let (target, query) = text.split_once('?').unwrap_or((text, ""));
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        (target, Self { pairs })
    }

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.pairs.iter().position(|(key, _)| *key == name)?;
        Some(self.pairs.remove(at).1)
    }

    fn side(&mut self, option: &'static str) -> Result<Option<u32>, SpecError> {
        self.take(option)
            .map(|value| match value.parse() {
                Ok(side) if (1..=MAX_SIDE_PX).contains(&side) => Ok(side),
                Ok(_) | Err(_) => Err(SpecError::BadValue {
                    option,
                    value: quoted(value),
                    expected: "a number of pixels from 1 to 16384",
                }),
            })
            .transpose()
    }

    fn fps(&mut self) -> Result<Option<f64>, SpecError> {
        self.take("fps")
            .map(|value| match value.parse::<f64>() {
                Ok(fps) if (MIN_FPS..=MAX_FPS).contains(&fps) => Ok(fps),
                Ok(_) | Err(_) => Err(SpecError::BadValue {
                    option: "fps",
                    value: quoted(value),
                    expected: "frames a second from 0.001 to 240",
                }),
            })
            .transpose()
    }

    fn looping(&mut self) -> Result<bool, SpecError> {
        match self.take("loop") {
            Some("" | "true" | "1" | "yes") => Ok(true),
            None | Some("false" | "0" | "no") => Ok(false),
            Some(value) => Err(SpecError::BadValue {
                option: "loop",
                value: quoted(value),
                expected: "true or false",
            }),
        }
    }

    fn pixel_choice(&mut self) -> Result<Option<PixelChoice>, SpecError> {
        match self.take("format") {
            None => Ok(None),
            Some("mjpeg") => Ok(Some(PixelChoice::Mjpeg)),
            Some("yuyv") => Ok(Some(PixelChoice::Yuyv)),
            Some(value) => Err(SpecError::BadValue {
                option: "format",
                value: quoted(value),
                expected: "mjpeg or yuyv",
            }),
        }
    }

    fn finish(self, expected: &'static str) -> Result<(), SpecError> {
        match self.pairs.first() {
            None => Ok(()),
            Some((option, _)) => Err(SpecError::UnknownOption {
                option: quoted(option),
                expected,
            }),
        }
    }
}

fn path_of(
    scheme: &'static str,
    target: &str,
    expected: &'static str,
) -> Result<PathBuf, SpecError> {
    if target.is_empty() {
        Err(SpecError::MissingTarget { scheme, expected })
    } else {
        Ok(PathBuf::from(target))
    }
}

fn v4l2(rest: &str) -> Result<SourceSpec, SpecError> {
    let (target, mut options) = Options::split(rest);
    let spec = V4l2Spec {
        path: path_of("v4l2", target, "a device file such as /dev/video0")?,
        width: options.side("width")?,
        height: options.side("height")?,
        fps: options.fps()?,
        format: options.pixel_choice()?,
    };
    options.finish("width, height, fps, format")?;
    Ok(SourceSpec::V4l2(spec))
}

fn folder(rest: &str) -> Result<SourceSpec, SpecError> {
    let (target, mut options) = Options::split(rest);
    let spec = FolderSpec {
        path: path_of("folder", target, "a folder of images")?,
        fps: options.fps()?.unwrap_or(DEFAULT_FPS),
        looping: options.looping()?,
    };
    options.finish("fps, loop")?;
    Ok(SourceSpec::Folder(spec))
}

fn clip(rest: &str) -> Result<SourceSpec, SpecError> {
    let (target, mut options) = Options::split(rest);
    let spec = ClipSpec {
        path: path_of("clip", target, "a Motion-JPEG file")?,
        fps: options.fps()?,
        looping: options.looping()?,
    };
    options.finish("fps, loop")?;
    Ok(SourceSpec::Clip(spec))
}

fn http(text: &str) -> Result<SourceSpec, SpecError> {
    let url = Url::parse(text).map_err(|error| SpecError::BadUrl {
        reason: error.to_string(),
    })?;
    Ok(SourceSpec::Http(HttpSpec { url }))
}

fn ffmpeg(input: &str) -> Result<SourceSpec, SpecError> {
    if input.is_empty() {
        let (scheme, expected) = ("ffmpeg", "a URL or a path");
        return Err(SpecError::MissingTarget { scheme, expected });
    }
    if input.contains("://") {
        Url::parse(input).map_err(|error| SpecError::BadUrl {
            reason: error.to_string(),
        })?;
    }
    let input = input.to_owned();
    Ok(SourceSpec::Ffmpeg(FfmpegSpec { input }))
}

impl FromStr for SourceSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme.to_ascii_lowercase().as_str() {
            "v4l2" => v4l2(rest),
            "http" => http(text),
            // Cameras on a local network carry certificates nobody signed; ffmpeg takes them.
            "https" | "rtsp" | "rtsps" | "rtmp" | "srt" if rest.starts_with("//") => ffmpeg(text),
            "https" | "rtsp" | "rtsps" | "rtmp" | "srt" => Err(SpecError::BadUrl {
                reason: "expected // and a host after the colon".to_owned(),
            }),
            "ffmpeg" => ffmpeg(rest),
            "folder" => folder(rest),
            "clip" => clip(rest),
            "push" if rest.is_empty() => Err(SpecError::MissingTarget {
                scheme: "push",
                expected: "a name",
            }),
            "push" => Ok(Self::Push {
                name: rest.to_owned(),
            }),
            "demo" if rest.is_empty() => Ok(Self::Demo),
            _ => Err(SpecError::UnknownScheme {
                scheme: quoted(scheme),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_texts_are_read() {
        let spec: SourceSpec = "v4l2:/dev/video2?width=1280&height=720&fps=29.97&format=yuyv"
            .parse()
            .unwrap();
        assert_eq!(
            spec,
            SourceSpec::V4l2(V4l2Spec {
                path: "/dev/video2".into(),
                width: Some(1280),
                height: Some(720),
                fps: Some(29.97),
                format: Some(PixelChoice::Yuyv),
            })
        );
        let spec: SourceSpec = "clip:a b.mjpeg?fps=15&loop".parse().unwrap();
        assert_eq!(
            spec,
            SourceSpec::Clip(ClipSpec {
                path: "a b.mjpeg".into(),
                fps: Some(15.0),
                looping: true,
            })
        );
        assert_eq!("demo".parse(), Ok(SourceSpec::Demo));
        let name = "door".to_owned();
        assert_eq!("push:door".parse(), Ok(SourceSpec::Push { name }));
        assert!(matches!(
            "rtsp://cam/1".parse(),
            Ok(SourceSpec::Ffmpeg(spec)) if !spec.is_file()
        ));
        assert!(matches!(
            "ffmpeg:film.mp4".parse(),
            Ok(SourceSpec::Ffmpeg(spec)) if spec.is_file()
        ));
    }

    #[test]
    fn bad_texts_say_what_was_expected() {
        fn check(text: &str, needle: &str) {
            let error = text.parse::<SourceSpec>().unwrap_err().to_string();
            assert!(error.contains(needle), "{text}: {error}");
        }
        check("", "unknown kind of source");
        check("webcam", "\"webcam\"");
        check("v4l2:", "/dev/video0");
        check("v4l2:/dev/video0?width=0", "1 to 16384");
        check("v4l2:/dev/video0?fps=nan", "0.001 to 240");
        check("v4l2:/dev/video0?fps=1e9", "0.001 to 240");
        check("v4l2:/dev/video0?format=h264", "mjpeg or yuyv");
        check("clip:x?rate=3", "fps, loop");
        check("clip:x?loop=perhaps", "true or false");
        check("http://[bad", "not a usable URL");
        check("push:", "a name");
        check("ffmpeg:", "a URL or a path");
    }

    #[test]
    fn credentials_are_never_printed() {
        for text in [
            "http://admin:s3cret@cam.local/video?token=s3cret",
            "ffmpeg:rtsp://admin:s3cret@cam.local/1?key=s3cret",
            "ffmpeg:rtsp://admin:s3cret@[bad/1",
            // A slash too few; found by damaging such texts.
            "rtsp:/admin:s3cret@cam.local/1",
        ] {
            match text.parse::<SourceSpec>() {
                Ok(spec) => {
                    let printed = format!("{spec} {spec:?}");
                    assert!(!printed.contains("s3cret") && !printed.contains("admin"));
                    assert!(printed.contains("cam.local"), "{printed}");
                }
                Err(error) => assert!(!error.to_string().contains("s3cret")),
            }
        }
        for text in [
            "ffmpeg:rtsp:/admin:s3cret@cam.local",
            "ffmpeg:rtsp:admin:s3cret@x",
        ] {
            let spec: SourceSpec = text.parse().unwrap();
            let printed = format!("{spec} {spec:?}");
            assert!(!printed.contains("s3cret"), "{printed}");
        }
    }
}
