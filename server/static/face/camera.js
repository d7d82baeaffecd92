// Pictures of the visitor's own camera, live or one by one. Nothing is kept here either.

/** Longer side of a frame that is sent, in pixels: eyes are 60 pixels apart in a selfie then, and enrolling wants 40. */
const LONG_SIDE = 640;
/** The same of a photograph. */
const PHOTO_SIDE = 1600;
const QUALITY = 0.9;

/** Opens the camera that faces the visitor; throws where the browser or the visitor says no. */
export async function openCamera(video) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("no live camera");
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } },
  });
  video.srcObject = stream;
  await video.play();
  return () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}

function drawn(source, width, height, longSide) {
  const scale = Math.min(1, longSide / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", QUALITY);
  });
}

/** The frame of now, as JPEG. */
export const frameOf = (video) => drawn(video, video.videoWidth, video.videoHeight, LONG_SIDE);

/** A photograph from a file: upright, smaller, and without what else the file says. */
export async function photoOf(file) {
  const picture = await createImageBitmap(file);
  try {
    return await drawn(picture, picture.width, picture.height, PHOTO_SIDE);
  } finally {
    picture.close();
  }
}
