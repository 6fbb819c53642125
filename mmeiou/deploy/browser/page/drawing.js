// Faces on a canvas; colours as those of mmeiou's visualization/faces.py.

const BOX = "rgb(0 220 0)";
// Left and right eye, nose, left and right corner of the mouth; further ones begin again.
const LANDMARKS = ["rgb(0 64 255)", "rgb(255 0 0)", "rgb(0 255 0)", "rgb(255 0 255)", "rgb(255 255 0)"];

/**
 * Draw boxes, landmarks and what is written above them over the picture that a canvas shows.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{box: number[], score: number, landmarks: number[][], label: number}[]} faces
 * @param {string[]} classes Names of the labels; with one or none, the score alone is written.
 */
export function drawFaces(context, faces, classes) {
  const { canvas } = context;
  const unit = (2 * canvas.width) / (canvas.clientWidth || canvas.width); // two pixels on the screen
  for (const { box, landmarks } of faces) {
    const [left, top, right, bottom] = box;
    context.strokeStyle = BOX;
    context.lineWidth = unit;
    context.strokeRect(left, top, right - left, bottom - top);
    landmarks.forEach(([x, y], index) => {
      context.fillStyle = LANDMARKS[index % LANDMARKS.length];
      context.beginPath();
      context.arc(x, y, Math.max(unit / 2, (right - left) / 40), 0, 2 * Math.PI);
      context.fill();
    });
  }
  context.font = `${6.5 * unit}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  context.lineJoin = "round";
  for (const { box, score, label } of faces) {
    const name = classes.length > 1 ? `${classes[label] ?? label} ` : "";
    const text = name + score.toFixed(2);
    const place = [Math.max(0, box[0]), Math.max(8 * unit, box[1] - unit)];
    context.strokeStyle = "black"; // readable on any ground
    context.lineWidth = 1.5 * unit;
    context.strokeText(text, ...place);
    context.fillStyle = "white";
    context.fillText(text, ...place);
  }
}
