//! The things looked at.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use regard_inference::{
    Catalog, Device, FileState, LibraryError, LibrarySearch, LoadOptions, Native, Obtain,
    OnnxRuntime, Rten, Runtime, TensorView,
};
use regard_vision::{find_ffmpeg, list_cameras};

use super::{Check, State};
use crate::models;
use crate::printable::{on_one_line, shown};
use crate::sandbox;
use crate::swap::{self, Swapping};

/// The model that proves a runtime, and the side of its input in pixels: as in the live loop.
const PROBE_MODEL: &str = "yunet-2023mar";
const PROBE_SIDE_PX: usize = 320;

/// Everything, in the order in which it is told.
pub(super) fn all() -> Vec<Check> {
    let mut checks = vec![machine()];
    checks.extend(sandbox());
    checks.push(memory());
    checks.extend(cameras());
    checks.push(ffmpeg());
    let catalog = models::catalog();
    checks.extend(runtimes(catalog.as_ref().ok()));
    match &catalog {
        Ok(catalog) => checks.extend(model_files(catalog)),
        Err(error) => checks.push(
            Check::bad(
                "models",
                "list of models",
                on_one_line(error.as_ref()),
                "correct REGARD_MODELS or the manifest.toml in it; unset it to use the built-in models alone",
            )
            .required(),
        ),
    }
    checks.extend(data());
    checks.extend(super::keys::all());
    checks.extend(super::certificate::all());
    checks
}

/// What `serve` and `demo` take from themselves.
fn sandbox() -> Vec<Check> {
    let check = |(name, found): (&'static str, Option<String>)| match found {
        Some(detail) => Check::good(
            "machine",
            name,
            format!("{detail}: demo and serve limit themselves with it"),
        ),
        None => Check::missing(
            "machine",
            name,
            "the kernel has none, or it is not enabled; demo and serve run without",
            "use Linux 6.12 or newer with lsm=landlock among its modules",
        ),
    };
    sandbox::available().map(check).into()
}

/// Whether what lies in memory may come to lie on a disk.
fn memory() -> Check {
    let name = "memory off the disk";
    let remedy = "let it be locked (LimitMEMLOCK=infinity in the unit of a service, ulimit -l unlimited in a shell), turn swap \
                  off, or encrypt it";
    match swap::outlook() {
        Swapping::Locked => Check::good(
            "machine",
            name,
            "demo and serve lock theirs: none of it is swapped out",
        ),
        Swapping::NowhereTo => Check::good("machine", name, "there is no swap"),
        Swapping::Possible { limit_bytes } => {
            let detail = format!(
                "may be swapped out: at most {} may be locked",
                models::size(limit_bytes)
            );
            Check::missing("machine", name, detail, remedy)
        }
        Swapping::Unknown => Check::missing(
            "machine",
            name,
            "whether it may be swapped out cannot be told",
            remedy,
        ),
    }
}

fn machine() -> Check {
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let features = cpu_features();
    let has_wide_vectors = features.iter().any(|name| matches!(*name, "avx2" | "neon"));
    let listed = if features.is_empty() {
        "none known".to_owned()
    } else {
        features.join(", ")
    };
    let detail = format!(
        "{} {}, {n_cores} cores, vector instructions: {listed}",
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    if has_wide_vectors {
        Check::good("machine", "processor", detail)
    } else {
        let remedy =
            "expect a few frames a second only; a processor with AVX2 or NEON is many times faster";
        Check::missing("machine", "processor", detail, remedy)
    }
}

/// The vector instructions that the runtimes make use of.
fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        (
            "avx512vnni",
            std::arch::is_x86_feature_detected!("avx512vnni"),
        ),
    ];
    #[cfg(target_arch = "aarch64")]
    let found = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        (
            "dotprod",
            std::arch::is_aarch64_feature_detected!("dotprod"),
        ),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found: [(&str, bool); 0] = [];
    found
        .into_iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(name, _)| name)
        .collect()
}

fn cameras() -> Vec<Check> {
    let cameras = list_cameras();
    if cameras.is_empty() {
        let remedy = "plug one in; or use the webcam of a browser (regard demo --browser), a stream, or a clip";
        return vec![Check::missing("cameras", "V4L2", "no camera found", remedy)];
    }
    cameras
        .into_iter()
        .map(|camera| {
            let name = format!("{} ({})", shown(&camera.path), camera.name);
            if let Some(problem) = camera.problem {
                return Check::bad("cameras", name, problem.what, problem.remedy);
            }
            let formats: Vec<String> = camera
                .formats
                .iter()
                .filter(|format| format.is_usable)
                .map(|format| match format.sizes.first() {
                    Some(size) => {
                        format!("{} up to {} x {}", format.fourcc, size.width, size.height)
                    }
                    None => format.fourcc.clone(),
                })
                .collect();
            Check::good("cameras", name, formats.join(", "))
        })
        .collect()
}

fn ffmpeg() -> Check {
    match find_ffmpeg() {
        Some(info) => {
            let detail = format!("version {} at {}", info.version, shown(&info.path));
            Check::good("video", "ffmpeg", detail)
        }
        None => Check::missing(
            "video",
            "ffmpeg",
            "not on PATH: no RTSP cameras, no MP4 or other videos; Motion-JPEG and GIF work without",
            "install it (Debian, Ubuntu: apt install ffmpeg)",
        ),
    }
}

fn runtimes(catalog: Option<&Catalog>) -> Vec<Check> {
    let native = Native::new();
    let mut checks = vec![
        proven(catalog, &native, native.description()).required(),
        proven(catalog, &Rten, Rten.description()).required(),
    ];
    let search = LibrarySearch::system();
    checks.push(match OnnxRuntime::find(&search, Device::Cpu) {
        Ok(found) => {
            let detail = format!("{} at {}", found.description(), shown(found.path()));
            proven(catalog, &found, detail)
        }
        Err(error) => {
            let remedy = onnx_runtime_remedy(&error);
            let detail = format!("{}; the built-in runtimes are used", on_one_line(&error));
            Check::missing("runtimes", "onnxruntime", detail, remedy)
        }
    });
    checks
}

fn onnx_runtime_remedy(error: &LibraryError) -> String {
    match error {
        LibraryError::NotFound => "optional, for networks of your own that the native runtime cannot read: install ONNX Runtime's shared library, or name it with ORT_DYLIB_PATH",
        LibraryError::TooOld { .. } => "install a newer version",
        LibraryError::Unloadable { .. } => "install the version for this machine, and the libraries it needs",
        LibraryError::Foreign { .. }
        | LibraryError::Unusable { .. }
        | LibraryError::NoDevice { .. } => "name another file with ORT_DYLIB_PATH",
    }
    .to_owned()
}

/// A runtime that has found no face in a black picture, and how long it took.
fn proven(catalog: Option<&Catalog>, runtime: &dyn Runtime, description: String) -> Check {
    let name = runtime.name();
    let Some(catalog) = catalog else {
        return Check::good("runtimes", name, description);
    };
    match run_probe(catalog, runtime) {
        Ok(millis) => {
            let side = PROBE_SIDE_PX;
            let detail = format!("{description}; finds faces in {side} x {side} in {millis:.1} ms");
            Check::good("runtimes", name, detail)
        }
        Err(error) => {
            let detail = format!("{description}; fails: {}", on_one_line(error.as_ref()));
            Check::bad(
                "runtimes",
                name,
                detail,
                "please report this, with the output of `regard doctor`",
            )
        }
    }
}

/// Milliseconds of the second run, for the first also makes ready.
fn run_probe(catalog: &Catalog, runtime: &dyn Runtime) -> anyhow::Result<f64> {
    let bytes = catalog.bytes_of(PROBE_MODEL)?;
    let mut network = runtime.load(&bytes, &LoadOptions { threads: 1 })?;
    let names: Vec<String> = network
        .inputs()
        .iter()
        .map(|port| port.name.clone())
        .collect();
    let pixels = vec![0.0; 3 * PROBE_SIDE_PX * PROBE_SIDE_PX];
    let view = TensorView::new(&[1, 3, PROBE_SIDE_PX, PROBE_SIDE_PX], &pixels)?;
    let inputs: Vec<_> = names.iter().map(|name| (name.as_str(), view)).collect();
    network.run(&inputs)?;
    let began = Instant::now();
    network.run(&inputs)?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn model_files(catalog: &Catalog) -> Vec<Check> {
    let findings = catalog.verify();
    catalog
        .entries()
        .zip(findings)
        .map(|(entry, finding)| {
            let licence = entry.licence.as_deref().unwrap_or("no licence recorded");
            let what = format!(
                "{}, {licence}, {}, consent of the people in the training data: {}",
                entry.role.as_str(),
                models::size(entry.bytes),
                entry.consent_of_subjects.as_str()
            );
            let is_required = entry.obtain == Obtain::Committed;
            let pull = format!("regard models pull {}", entry.id);
            match (finding.state, is_required) {
                (FileState::Good, _) => {
                    let check =
                        Check::good("models", &entry.id, format!("{what}; hash as recorded"));
                    Check {
                        required: is_required,
                        ..check
                    }
                }
                (FileState::NotObtained, _) => {
                    let remedy = match entry.obtain {
                        Obtain::UpstreamOnnx => format!("optional: {pull}"),
                        Obtain::Committed | Obtain::MirrorOnly => {
                            format!("optional: {pull} --from MIRROR")
                        }
                    };
                    Check::missing("models", &entry.id, format!("{what}; not here"), remedy)
                }
                (FileState::Bad(error), _) => {
                    let detail = format!("{what}; {}", on_one_line(&error));
                    let remedy = if is_required {
                        "install this program anew, or correct the folder that REGARD_MODELS names"
                            .to_owned()
                    } else {
                        format!("bring it again: {pull}")
                    };
                    let check = Check::bad("models", &entry.id, detail, remedy);
                    Check {
                        required: is_required,
                        ..check
                    }
                }
            }
        })
        .collect()
}

fn data() -> Vec<Check> {
    let named = std::env::var_os("REGARD_DATA_DIR").filter(|name| !name.is_empty());
    let named = named.map(PathBuf::from);
    let mut checks = Vec::new();
    match &named {
        Some(folder) => checks.push(writable("REGARD_DATA_DIR", folder)),
        None => checks.push(Check::good(
            "data",
            "REGARD_DATA_DIR",
            "not set; `regard serve` takes --data",
        )),
    }
    checks.push(writable(
        "temporary folder of `regard demo`",
        &std::env::temp_dir(),
    ));
    checks
}

/// Whether files can be made in a folder, or the folder itself where it is not there yet.
fn writable(name: &str, folder: &Path) -> Check {
    let existing = folder
        .ancestors()
        .find(|f| f.exists() || f.as_os_str().is_empty());
    let existing = existing
        .filter(|f| !f.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let tried = fs::metadata(existing).and_then(|metadata| {
        if metadata.is_dir() {
            tempfile::tempfile_in(existing).map(drop)
        } else {
            Err(std::io::ErrorKind::NotADirectory.into())
        }
    });
    let check = match tried {
        Ok(()) => Check::good("data", name, format!("{} can be written", shown(folder))),
        Err(error) => Check::bad(
            "data",
            name,
            format!("{} cannot be written: {error}", shown(folder)),
            "give this user the right to write there, or name another folder",
        ),
    };
    debug_assert_ne!(check.state, State::Missing, "a folder is writable or not");
    check.required()
}
