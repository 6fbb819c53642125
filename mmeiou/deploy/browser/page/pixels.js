// From a picture's pixels to a network's input, as mmeiou's apis/views.py and exported.py do it.

/**
 * Width and height at which a picture is shown to a network; never enlarged.
 *
 * @param {{width: number, height: number}} picture
 * @param {number} longestSide Largest width or height; Infinity for any.
 * @param {?{width: number, height: number}} fixed What a network of fixed size has room for.
 */
export function viewSize(picture, longestSide, fixed) {
  const { width, height } = picture;
  const factor = Math.min(
    1,
    longestSide / Math.max(width, height),
    (fixed?.width ?? Infinity) / width,
    (fixed?.height ?? Infinity) / height,
  );
  return {
    width: Math.max(1, roundHalfToEven(width * factor)),
    height: Math.max(1, roundHalfToEven(height * factor)),
  };
}

/** As Python rounds, so that both see a picture at the same size. */
function roundHalfToEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/**
 * A smaller picture, each pixel the mean of the area it covers (OpenCV's INTER_AREA; what a
 * canvas does differs between browsers).
 *
 * @param {ImageData} image
 * @param {{width: number, height: number}} size Not larger.
 * @returns {{width: number, height: number, data: Uint8ClampedArray}} RGBA.
 */
export function shrink(image, { width, height }) {
  if (width === image.width && height === image.height) return image;
  const columns = shares(image.width, width);
  const rows = shares(image.height, height);
  const data = new Uint8ClampedArray(width * height * 4);
  const sums = new Float32Array(image.width * 3); // of a row's sources, as wide as before
  for (let row = 0; row < height; row++) {
    sums.fill(0);
    for (let i = rows.starts[row]; i < rows.starts[row + 1]; i++) {
      addLine(image, rows.sources[i], rows.shares[i], sums);
    }
    for (let column = 0; column < width; column++) {
      let [red, green, blue] = [0, 0, 0];
      for (let i = columns.starts[column]; i < columns.starts[column + 1]; i++) {
        const share = columns.shares[i];
        const place = columns.sources[i] * 3;
        red += share * sums[place];
        green += share * sums[place + 1];
        blue += share * sums[place + 2];
      }
      const pixel = (row * width + column) * 4;
      data[pixel] = red;
      data[pixel + 1] = green;
      data[pixel + 2] = blue;
      data[pixel + 3] = 255;
    }
  }
  return { width, height, data };
}

/**
 * Which of `before` pixels each of `after` covers, and what share of its mean each of them is: for
 * pixel k, `sources` and `shares` from `starts[k]` up to `starts[k + 1]`.
 */
function shares(before, after) {
  const ratio = before / after;
  const [starts, sources, shares] = [[0], [], []];
  for (let index = 0; index < after; index++) {
    const [from, to] = [index * ratio, Math.min(before, (index + 1) * ratio)];
    for (let source = Math.floor(from); source < to; source++) {
      sources.push(source);
      shares.push((Math.min(source + 1, to) - Math.max(source, from)) / (to - from));
    }
    starts.push(sources.length);
  }
  return {
    starts: Int32Array.from(starts),
    sources: Int32Array.from(sources),
    shares: Float32Array.from(shares),
  };
}

function addLine(image, row, share, sums) {
  let pixel = row * image.width * 4;
  for (let place = 0; place < sums.length; place += 3, pixel += 4) {
    sums[place] += share * image.data[pixel];
    sums[place + 1] += share * image.data[pixel + 1];
    sums[place + 2] += share * image.data[pixel + 2];
  }
}

/**
 * A network's input (batch, 3, height, width): BGR of 0 to 255, zeros to the right and below.
 *
 * @param {{width: number, height: number, data: Uint8ClampedArray}} image RGBA, not larger than
 *     `size`; the first of the batch, the others are zeros.
 * @param {{width: number, height: number}} size
 * @param {number} batch
 */
export function asInput(image, size, batch) {
  const plane = size.width * size.height;
  const input = new Float32Array(batch * 3 * plane);
  for (let row = 0; row < image.height; row++) {
    for (let column = 0; column < image.width; column++) {
      const pixel = (row * image.width + column) * 4;
      const place = row * size.width + column;
      input[place] = image.data[pixel + 2];
      input[place + plane] = image.data[pixel + 1];
      input[place + 2 * plane] = image.data[pixel];
    }
  }
  return input;
}
