// A YuNet in ONNX Runtime Web, one thread of WebAssembly: no special headers are needed.

import * as ort from "./onnxruntime/ort.wasm.bundle.min.mjs";
import { asInput, shrink, viewSize } from "./pixels.js";
import { propose, readStrides, suppress } from "./yunet.js";

ort.env.wasm.numThreads = 1;
// The program alone: its loader is in the bundle, and is looked for elsewhere if a folder is given.
ort.env.wasm.wasmPaths = {
  wasm: new URL("./onnxruntime/ort-wasm-simd-threaded.wasm", import.meta.url).href,
};

const LARGEST_OVERLAP = 0.45; // IoU of two faces; as mmeiou's FaceDetector

export class Detector {
  /**
   * @param {ArrayBuffer} bytes Of an .onnx file that tools/export_onnx.py wrote.
   * @throws {Error} If it is another.
   */
  static async open(bytes) {
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return new Detector(session);
  }

  constructor(session) {
    this.session = session;
    this.strides = readStrides(session.outputNames);
    const { shape } = session.inputMetadata[0];
    const [batch, , height, width] = shape.map((side) => (typeof side === "number" ? side : null));
    this.batch = batch ?? 1;
    this.fixed = width && height ? { width, height } : null;
    this.turn = Promise.resolve(); // a session runs one picture at a time
  }

  /**
   * Run the network on a picture.
   *
   * @param {ImageData} image
   * @param {number} longestSide At which it is looked at; Infinity for its own.
   * @returns {Promise<Sight>} What `faces` decodes, by any threshold.
   */
  look(image, longestSide) {
    const done = this.turn.then(() => this.#run(image, longestSide));
    this.turn = done.catch(() => {});
    return done;
  }

  async #run(image, longestSide) {
    const view = shrink(image, viewSize(image, longestSide, this.fixed));
    const divisor = this.strides.at(-1);
    const size = this.fixed ?? {
      width: Math.ceil(view.width / divisor) * divisor,
      height: Math.ceil(view.height / divisor) * divisor,
    };
    const dims = [this.batch, 3, size.height, size.width];
    const input = new ort.Tensor("float32", asInput(view, size, this.batch), dims);
    const start = performance.now();
    const outputs = await this.session.run({ [this.session.inputNames[0]]: input });
    const milliseconds = performance.now() - start;
    const scale = { x: view.width / image.width, y: view.height / image.height };
    return { outputs, size, scale, milliseconds };
  }

  /**
   * @param {Sight} sight
   * @param {number} threshold Smallest score, class probability times objectness.
   */
  faces({ outputs, size, scale }, threshold) {
    return suppress(propose(outputs, this.strides, size, scale, threshold), LARGEST_OVERLAP);
  }
}
