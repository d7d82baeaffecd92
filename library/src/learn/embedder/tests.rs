use regard_domain::FrameSize;
use regard_inference::{LibrarySearch, RuntimeChoice, select};

use super::*;
use crate::learn::linear::dot;

fn runtime() -> Arc<dyn Runtime> {
    select(RuntimeChoice::Auto, &LibrarySearch::system())
        .unwrap()
        .runtime
}

/// A square or a disc on a wall, of a colour, somewhere near the middle, under some light.
fn drawn(is_disc: bool, color: [u8; 3], shift: i32, light: f32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(80 * 80 * 3);
    for y in 0..80_i32 {
        for x in 0..80_i32 {
            let (dx, dy) = (x - 40 - shift, y - 40);
            let inside = if is_disc {
                dx * dx + dy * dy < 24 * 24
            } else {
                dx.abs() < 22 && dy.abs() < 22
            };
            let color = if inside { color } else { [150, 150, 155] };
            pixels.extend(color.map(|v| (f32::from(v) * light).min(255.0) as u8));
        }
    }
    pixels
}

fn described(pixels: &[u8]) -> Vec<f32> {
    let catalog = Catalog::open(None).unwrap();
    let file = NetworkFile::open(&NetworkChoice::Descriptor, &catalog).unwrap();
    let mut embedder = file.embedder(&runtime()).unwrap();
    let size = FrameSize {
        width: 80,
        height: 80,
    };
    embedder.embed(RgbView::new(pixels, size).unwrap()).unwrap()
}

#[test]
fn the_descriptor_sees_shape_and_color_and_little_of_light_and_place() {
    let red_disc = described(&drawn(true, [200, 40, 40], 0, 1.0));
    let same = described(&drawn(true, [200, 40, 40], 3, 0.75));
    let red_square = described(&drawn(false, [200, 40, 40], 0, 1.0));
    let blue_disc = described(&drawn(true, [40, 40, 200], 0, 1.0));
    let near = dot(&red_disc, &same);
    assert!((dot(&red_disc, &red_disc) - 1.0).abs() < 1e-3);
    assert!(near > dot(&red_disc, &red_square) + 0.02, "{near}");
    assert!(near > dot(&red_disc, &blue_disc) + 0.02, "{near}");
}

#[test]
fn a_flat_picture_has_a_description_too() {
    let flat = described(&[128; 80 * 80 * 3]);
    assert!(flat.iter().all(|value| value.is_finite()));
}

#[test]
fn networks_that_cannot_be_used_say_what_to_do() {
    let catalog = Catalog::open(None).unwrap();
    let error = |choice: NetworkChoice| {
        let error = NetworkFile::open(&choice, &catalog).err().unwrap();
        error.to_string()
    };
    let id = |id: &str| NetworkChoice::Catalogue(id.to_owned());
    assert!(error(id("sface-2021dec-int8")).contains("is for embedding"));
    assert!(error(id("mobilenetv2-feat1280")).contains("is not there"));
    assert!(error(id("nothing")).contains("no model"));
    let folder = tempfile::tempdir().unwrap();
    let own = |manifest: &str| {
        let (network, path) = (
            folder.path().join("net.onnx"),
            folder.path().join("net.toml"),
        );
        std::fs::write(&network, b"x").unwrap();
        std::fs::write(&path, manifest).unwrap();
        error(NetworkChoice::Own {
            network,
            manifest: path,
        })
    };
    let input = "[input]\nwidth = 8\nheight = 8\nlayout = 'nchw'\ncolor = 'rgb'\nfit = 'crop'\n";
    let with = |head: &str| own(&format!("{head}\n{input}"));
    assert!(with("name = 'n'\nlicence = 'unknown'").starts_with("licence_unknown"));
    assert!(with("name = 'n'").contains("is wrong"));
    assert!(with("name = ''\nlicence = 'MIT'").contains("1 to 128 bytes"));
    assert!(own("name = 'n'\nlicence = 'MIT'\n[input]\nwidth = 0\nheight = 8\nlayout = 'nchw'\ncolor = 'rgb'\nfit = 'crop'").contains("width and height"));
}

/// The default network on a picture of the fixtures and on altered copies, where the optional files are.
#[test]
fn the_default_network_knows_altered_copies() {
    let Some(folder) = std::env::var_os("REGARD_MODELS").map(PathBuf::from) else {
        println!("skipped: REGARD_MODELS names no folder with {DEFAULT_NETWORK}");
        return;
    };
    let catalog = Catalog::open(Some(&folder)).unwrap();
    let choice = NetworkChoice::Catalogue(DEFAULT_NETWORK.to_owned());
    let Ok(file) = NetworkFile::open(&choice, &catalog) else {
        println!("skipped: {} has no {DEFAULT_NETWORK}", folder.display());
        return;
    };
    let mut embedder = file.embedder(&runtime()).unwrap();
    let mut of = |pixels: &[u8]| {
        let size = FrameSize {
            width: 80,
            height: 80,
        };
        embedder.embed(RgbView::new(pixels, size).unwrap()).unwrap()
    };
    let disc = of(&drawn(true, [200, 40, 40], 0, 1.0));
    let same = of(&drawn(true, [200, 40, 40], 2, 0.9));
    let square = of(&drawn(false, [40, 160, 40], 0, 1.0));
    assert_eq!(disc.len(), 1_280);
    assert!(dot(&disc, &same) > dot(&disc, &square));
}
