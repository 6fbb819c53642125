// From the outputs of a YuNet to faces: the formulas of mmeiou's functional/priors.py and
// functional/nms.py, and the order of its apis/.

// Boxes of 22,026 strides; exp overflows soon.
const LARGEST_LOG_SIZE = 10;

/**
 * The strides of a model, finest first.
 *
 * @param {string[]} names Of the model's outputs.
 * @throws {Error} If OpenCV's FaceDetectorYN would not take them either.
 */
export function readStrides(names) {
  const strides = names
    .filter((name) => /^cls_\d+$/.test(name))
    .map((name) => Number(name.slice("cls_".length)))
    .sort((a, b) => a - b);
  const branches = ["cls", "obj", "bbox"];
  if (names.some((name) => name.startsWith("kps_"))) branches.push("kps");
  const wanted = strides.flatMap((stride) => branches.map((branch) => `${branch}_${stride}`));
  const missing = wanted.filter((name) => !names.includes(name));
  if (!strides.length || missing.length) {
    throw new Error(
      `its outputs are ${names.join(", ")}; this page decodes cls_8, obj_8, bbox_8, kps_8, ` +
        "cls_16 and so on itself: export with tools/export_onnx.py, without --with-nms",
    );
  }
  return strides;
}

/**
 * What the network proposes, duplicates among it.
 *
 * @param {Object<string, {data: Float32Array, dims: number[]}>} outputs (N, priors, channels),
 *     of which the first image is read.
 * @param {number[]} strides
 * @param {{width: number, height: number}} size Of the network's input, pixels.
 * @param {{x: number, y: number}} scale Of the picture in the input, by which is divided.
 * @param {number} threshold Smallest score, class probability times objectness.
 * @returns {{box: number[], score: number, landmarks: number[][], label: number}[]}
 *     x1 y1 x2 y2 and x y in pixels of the picture.
 * @throws {Error} If a number is not finite.
 */
export function propose(outputs, strides, size, scale, threshold) {
  const faces = [];
  for (const stride of strides) {
    const [cls, obj, bbox, kps] = ["cls", "obj", "bbox", "kps"].map(
      (branch) => outputs[`${branch}_${stride}`],
    );
    const classes = cls.dims[2];
    const points = kps ? kps.dims[2] / 2 : 0;
    const columns = size.width / stride;
    const priors = columns * (size.height / stride);
    for (let prior = 0; prior < priors; prior++) {
      let label = 0;
      for (let other = 1; other < classes; other++) {
        if (cls.data[prior * classes + other] > cls.data[prior * classes + label]) label = other;
      }
      const score = Math.fround(cls.data[prior * classes + label] * obj.data[prior]);
      if (score < threshold) continue;
      const left = (prior % columns) * stride;
      const top = Math.floor(prior / columns) * stride;
      const [dx, dy, dw, dh] = bbox.data.subarray(prior * 4, prior * 4 + 4);
      const x = left + stride * dx;
      const y = top + stride * dy;
      const halfWidth = (stride * Math.exp(Math.min(dw, LARGEST_LOG_SIZE))) / 2;
      const halfHeight = (stride * Math.exp(Math.min(dh, LARGEST_LOG_SIZE))) / 2;
      const box = [
        (x - halfWidth) / scale.x,
        (y - halfHeight) / scale.y,
        (x + halfWidth) / scale.x,
        (y + halfHeight) / scale.y,
      ];
      const landmarks = [];
      for (let point = prior * points; point < (prior + 1) * points; point++) {
        landmarks.push([
          (left + stride * kps.data[2 * point]) / scale.x,
          (top + stride * kps.data[2 * point + 1]) / scale.y,
        ]);
      }
      if (![score, ...box, ...landmarks.flat()].every(Number.isFinite)) {
        throw new Error("the model's scores, boxes or landmarks are not finite: it is damaged");
      }
      faces.push({ box, score, landmarks, label });
    }
  }
  return faces;
}

/**
 * The faces that are no duplicates of better ones of their class, best first.
 *
 * @param {{box: number[], score: number, label: number}[]} faces In any order.
 * @param {number} threshold Largest IoU at which two boxes are two faces.
 */
export function suppress(faces, threshold) {
  const kept = [];
  for (const face of [...faces].sort((a, b) => b.score - a.score)) {
    const isDuplicate = (better) =>
      better.label === face.label && iou(better.box, face.box) > threshold;
    if (!kept.some(isDuplicate)) kept.push(face);
  }
  return kept;
}

function iou(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}
