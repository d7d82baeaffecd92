use std::fs;

use serde_json::Value;

use crate::world::World;

pub(crate) fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(6, 4, image::Rgb([9, 99, 199]));
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

#[tokio::test]
async fn uploads_are_recognised_by_their_bytes() {
    let world = World::open().await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='evil()'><script>evil()</script><circle r='1'/></svg>";
    let html = b"<!DOCTYPE html><title>x</title><script>document.title = 'y'</script>";
    let cases: [(&[u8], &str, &str); 3] = [
        (&png(), "image/png", "image"),
        (svg, "image/svg+xml", "image"),
        (html, "text/html; charset=utf-8", "html"),
    ];
    for (bytes, kind, message) in cases {
        let answer = world
            .post("/v1/assets")
            .file("whatever.exe", bytes)
            .send()
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let upload: Value = answer.json();
        assert_eq!(upload["message"], message);
        let asset = world.get(upload["url"].as_str().unwrap()).send().await;
        assert_eq!(
            (asset.status, asset.header("content-type")),
            (200, Some(kind))
        );
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
        assert!(!String::from_utf8_lossy(&asset.body).contains("evil"));
        let policy = asset.header("content-security-policy").unwrap();
        assert!(
            policy.contains("sandbox") && policy.starts_with("default-src 'none'"),
            "{policy}"
        );
        assert!(
            !policy.contains("allow-same-origin") && !policy.contains("connect-src"),
            "{policy}"
        );
    }
    let upload: Value = world
        .post("/v1/assets")
        .file("a", &png())
        .send()
        .await
        .json();
    assert_eq!(
        (&upload["width"], &upload["height"]),
        (&6.into(), &4.into())
    );
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_and_leaves_nothing() {
    let world = World::open().await;
    let large = [png(), vec![0; 80 << 10]].concat();
    let mut huge = png();
    huge[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let cases: [(&[u8], u16, &str); 5] = [
        (b"just words", 415, "unknown_asset_kind"),
        (b"MZ\x90\0\x03\0\0\0", 415, "unknown_asset_kind"),
        (&huge, 422, "bad_dimensions"),
        (&large, 413, "too_large"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><g></svg>",
            422,
            "bad_svg",
        ),
    ];
    for (bytes, status, code) in cases {
        let answer = world.post("/v1/assets").file("a.png", bytes).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
    }
    assert_eq!(world.post("/v1/assets").send().await.code(), "bad_body");
    let left = fs::read_dir(world.data.path().join("assets"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "files left behind");
    for path in [
        "/assets/..%2F..%2Fetc%2Fpasswd",
        "/assets/none.png",
        "/assets/%00",
    ] {
        assert_eq!(
            world.get(path).send().await.code(),
            "no_such_asset",
            "{path}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn films_answer_to_ranges() {
    let world = World::open().await;
    let film = [
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".as_slice(),
        &[5; 2_000],
    ]
    .concat();
    let upload: Value = world
        .post("/v1/assets")
        .file("a.mp4", &film)
        .send()
        .await
        .json();
    let url = upload["url"].as_str().unwrap();
    let part = world.get(url).header("range", "bytes=4-11").send().await;
    assert_eq!((part.status, part.body.as_slice()), (206, &b"ftypmp42"[..]));
    assert_eq!(part.header("content-type"), Some("video/mp4"));
    world.stop().await;
}
