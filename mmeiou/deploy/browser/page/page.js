// What the controls do: a picture or the camera in, faces drawn.

import { Detector } from "./detector.js";
import { drawFaces } from "./drawing.js";

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true });

let detector = null;
let classes = [];
let source = null; // ImageBitmap of the picture, or the camera's video
let seen = null; // the picture's pixels, and what the network said of them
let newest = 0; // counts looks, so that one that is late is not drawn

const threshold = () => Number(element("threshold").value);
const longestSide = () => Number(element("longest-side").value);
const isCamera = () => source instanceof HTMLVideoElement;

function say(text, isError = false) {
  element("status").textContent = text;
  element("status").classList.toggle("error", isError);
}

/** An event's handler whose failure the page tells. */
function telling(handler) {
  return (event) => Promise.resolve(handler(event)).catch((error) => say(error.message, true));
}

// Models

async function openModel(bytes, name, names) {
  say("Loading the model…");
  try {
    detector = await Detector.open(bytes);
  } catch (error) {
    throw new Error(`${name} is no model for this page: ${error.message}`);
  }
  classes = names;
  const { fixed } = detector;
  const size = fixed ? `${fixed.width} × ${fixed.height}` : "any size";
  element("model").textContent = `${name}, ${size}`;
  say("");
  if (source && !isCamera()) await look();
}

async function openOwnModel(file) {
  await openModel(await file.arrayBuffer(), file.name, []);
}

async function fetched(name) {
  const response = await fetch(name, { cache: "no-cache" }); // a model may have been made anew
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return response;
}

// Pictures

async function openPicture(blob, name) {
  stopCamera();
  try {
    source = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`${name} is no picture that this browser can read`);
  }
  await look();
}

async function openFile(file) {
  if (!file) return;
  await (file.name.endsWith(".onnx") ? openOwnModel(file) : openPicture(file, file.name));
}

// Camera

async function startCamera() {
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give a camera to pages from https or localhost only");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
  } catch (error) {
    throw new Error(`No camera: ${error.message}`);
  }
  const video = document.createElement("video");
  video.srcObject = stream;
  video.muted = true;
  await video.play();
  stopCamera();
  source = video;
  element("camera").setAttribute("aria-pressed", "true");
  while (source === video) {
    await look();
    await new Promise(requestAnimationFrame);
  }
}

function stopCamera() {
  if (!isCamera()) return;
  for (const track of source.srcObject.getTracks()) track.stop();
  source = null;
  element("camera").setAttribute("aria-pressed", "false");
}

// Faces

async function look() {
  if (!detector) return;
  const [look, from, start] = [++newest, source, performance.now()];
  if (!isCamera()) say("Looking…");
  const pixels = pixelsOf(from);
  const sight = await detector.look(pixels, longestSide());
  if (look !== newest || from !== source) return;
  seen = { pixels, sight };
  show();
  seen.milliseconds = performance.now() - start;
  report();
}

function pixelsOf(picture) {
  const [width, height] = isCamera()
    ? [picture.videoWidth, picture.videoHeight]
    : [picture.width, picture.height];
  const options = { alpha: false, willReadFrequently: true };
  const frame = new OffscreenCanvas(width, height).getContext("2d", options);
  frame.drawImage(picture, 0, 0);
  return frame.getImageData(0, 0, width, height);
}

function show() {
  const { pixels, sight } = seen;
  const faces = detector.faces(sight, threshold());
  [canvas.width, canvas.height] = [pixels.width, pixels.height];
  canvas.hidden = false;
  element("hint").hidden = true;
  element("stage").classList.add("filled");
  context.putImageData(pixels, 0, 0);
  drawFaces(context, faces, classes);
  element("numbers").replaceChildren(...faces.map(asRow));
  seen.count = faces.length;
}

function report() {
  const { count, milliseconds, sight } = seen;
  say(
    `${count} ${count === 1 ? "face" : "faces"} · ${milliseconds.toFixed(0)} ms, of which the ` +
      `network ${sight.milliseconds.toFixed(0)} ms at ${sight.size.width} × ${sight.size.height}`,
  );
}

function asRow({ score, box, landmarks }) {
  const row = document.createElement("tr");
  const points = landmarks.map((point) => point.map((value) => value.toFixed(1)).join(", "));
  for (const text of [
    score.toFixed(4),
    box.map((value) => value.toFixed(1)).join(", "),
    points.join("; "),
  ]) {
    row.insertCell().textContent = text;
  }
  return row;
}

// Controls

element("controls").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["picture", "own-model"]) {
  element(id).addEventListener("change", telling(async ({ target }) => {
    const [file] = target.files;
    target.value = ""; // so that the same file can be chosen again
    await openFile(file);
  }));
}
element("camera").addEventListener("click", telling(async () => {
  if (isCamera()) stopCamera();
  else await startCamera();
}));
element("threshold").addEventListener("input", telling(() => {
  element("threshold-value").textContent = threshold().toFixed(2);
  if (!seen || isCamera()) return;
  show();
  report();
}));
element("longest-side").addEventListener("change", telling(async () => {
  if (source && !isCamera()) await look();
}));
addEventListener("dragover", (event) => {
  event.preventDefault();
  element("stage").classList.add("dragged-over");
});
addEventListener("dragleave", () => element("stage").classList.remove("dragged-over"));
addEventListener("drop", telling(async (event) => {
  event.preventDefault();
  element("stage").classList.remove("dragged-over");
  await openFile(event.dataTransfer.files[0]);
}));

await telling(async () => {
  const { file, classes: names } = await (await fetched("model.json")).json();
  await openModel(await (await fetched(encodeURIComponent(file))).arrayBuffer(), file, names);
  // index.html?picture=photo.jpg begins with a picture beside the page.
  const picture = new URLSearchParams(location.search).get("picture");
  if (picture) await openPicture(await (await fetched(picture)).blob(), picture);
})();
