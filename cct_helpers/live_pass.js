// The forward pass of a CCT, a CVT or a ViT-Lite in the page: plain arrays, no DOM. Keras's numbers for the same
// weights. A layer is a step, a function of no arguments; so a pass can stop between two steps and let the page breathe.
//
// Every array is a stretch of one memory of float32 numbers, known by where it starts. Rows of a matrix have room for
// whole panels of 16 columns, which is what the kernel (live_kernel.ts) computes at a time.

const PANEL = 16;
const wide = (count) => Math.ceil(count / PANEL) * PANEL;

// The kernel, and what takes its place where WebAssembly is refused or has no SIMD

/** kernel(memory size in numbers) -> { floats, multiply }. Compiles `bytes` once; null or a refusal gives JavaScript. */
function newKernel(bytes) {
  let module = null;
  try {
    if (bytes) module = new WebAssembly.Module(bytes);
  } catch { /* a content policy or an old browser: JavaScript does the same, ten times slower */ }
  const kernel = (size) => {
    if (!module) {
      const floats = new Float32Array(size);
      return { floats, multiply: (...numbers) => multiplyInJavaScript(floats, ...numbers) };
    }
    const memory = new WebAssembly.Memory({ initial: Math.ceil(4 * size / 65536) });
    const { multiply } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    return { floats: new Float32Array(memory.buffer), multiply };
  };
  return Object.assign(kernel, { engine: module ? 'WebAssembly' : 'JavaScript' });
}

function multiplyInJavaScript(floats, a, strideA, b, bias, c, strideC, m, k, n) {
  for (let column = 0; column < n; column += PANEL, b += PANEL * k, bias += PANEL) {
    for (let quarter = 0; quarter < PANEL; quarter += 4) {
      for (let i = 0; i < m; i += 2) {
        const at = bias + quarter, second = i + 1 < m;
        let x = a + i * strideA, y = second ? x + strideA : x;
        let x0 = floats[at], x1 = floats[at + 1], x2 = floats[at + 2], x3 = floats[at + 3];
        let y0 = x0, y1 = x1, y2 = x2, y3 = x3;
        for (let w = b + quarter, end = w + PANEL * k; w < end; w += PANEL, x++, y++) {
          const p = floats[x], q = floats[y], w0 = floats[w], w1 = floats[w + 1], w2 = floats[w + 2], w3 = floats[w + 3];
          x0 += p * w0; x1 += p * w1; x2 += p * w2; x3 += p * w3;
          y0 += q * w0; y1 += q * w1; y2 += q * w2; y3 += q * w3;
        }
        let o = c + i * strideC + column + quarter;
        floats[o] = x0; floats[o + 1] = x1; floats[o + 2] = x2; floats[o + 3] = x3;
        if (second) {
          o += strideC;
          floats[o] = y0; floats[o + 1] = y1; floats[o + 2] = y2; floats[o + 3] = y3;
        }
      }
    }
  }
}

// Weights: 8 bits a number, and one factor a column

/** name -> { rows, columns, factors, codes }, views of the bytes that Python packed. A vector is factors alone. */
function unpackedWeights(spec, buffer) {
  return Object.fromEntries(spec.arrays.map(([name, rows, columns, floatsAt, codesAt]) => [name, {
    rows, columns, factors: new Float32Array(buffer, floatsAt, columns),
    codes: rows ? new Int8Array(buffer, codesAt, rows * columns) : null,
  }]));
}

/** The numbers of an array, row after row. */
function numbersOf({ factors, codes, columns }) {
  return codes ? Float32Array.from(codes, (code, i) => code * factors[i % columns]) : factors;
}

/** x times the probability that a normal number is below x. */
function gelu(x) {
  const size = Math.abs(x) * Math.SQRT1_2, t = 1 / (1 + 0.3275911 * size);
  // Abramowitz and Stegun 7.1.26: off by at most 1.5e-7
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    * Math.exp(-size * size);
  return x * (x < 0 ? tail : 2 - tail) / 2;
}

/** Vaswani et al.'s fixed table: (tokens, dim), row after row. */
function sinePositions(tokens, dim) {
  return Float32Array.from({ length: tokens * dim }, (_, i) => {
    const column = i % dim, angle = Math.floor(i / dim) / 10000 ** (2 * Math.floor(column / 2) / dim);
    return column % 2 ? Math.cos(angle) : Math.sin(angle);
  });
}

/**
 * A model: { spec, pixels, parts, prepare, pass, ... }.
 *
 * pixels, (height, width, channels), 0 to 255, are what a pass reads. parts says what is switched on: { positions,
 * layers: [...], heads: [[...]] }. `for (const _ of model.prepare());` puts the weights in place, and
 * `for (const _ of model.pass());` computes. Then logits() and the other functions answer, each with arrays of its own.
 */
function newModel(spec, weights, kernel) {
  const { dim, heads, layers, classes, convs } = spec, [height, width, channels] = spec.image;
  const squares = spec.grid[0] * spec.grid[1], tokens = squares + (spec.class_token ? 1 : 0);
  const size = dim / heads, room = wide(dim) + PANEL; // a head's last panel may reach over the end of a row
  let used = 0;
  const take = (count) => { used += wide(count); return used - wide(count); };
  const filling = [];

  const vector = (name, count) => {
    const at = take(wide(count));
    if (name) filling.push((floats) => floats.set(numbersOf(weights[name]), at));
    return at;
  };
  const linear = (name, biasName) => {
    const { rows, columns, codes, factors } = weights[name], at = take(rows * wide(columns));
    filling.push((floats) => {
      for (let r = 0, from = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++, from++) {
          floats[at + (c - c % PANEL) * rows + r * PANEL + c % PANEL] = codes[from] * factors[c];
        }
      }
    });
    return { at, rows, columns, bias: vector(biasName, columns) };
  };
  const norm = (prefix) => ({ scale: vector(`${prefix}.weight`, dim), shift: vector(`${prefix}.bias`, dim) });

  let [h, w] = [height, width], inputs = channels, stride = channels;
  const image = take(height * width * channels);
  let from = image, patches = 0;
  const stages = convs.map((conv, i) => {
    const prefix = `tokenizer.conv_layers.${i}.0`;
    const stage = { ...conv, h, w, inputs, stride, from };
    stage.weight = linear(`${prefix}.weight`, conv.bias ? `${prefix}.bias` : null);
    stage.outH = Math.floor((h + 2 * conv.padding - conv.kernel) / conv.step) + 1;
    stage.outW = Math.floor((w + 2 * conv.padding - conv.kernel) / conv.step) + 1;
    stage.filters = stage.weight.columns;
    stage.out = take(stage.outH * stage.outW * wide(stage.filters));
    patches = Math.max(patches, stage.outH * stage.outW * conv.kernel ** 2 * inputs);
    [h, w] = conv.pool ? [stage.outH, stage.outW].map((side) => Math.floor((side - 1) / 2) + 1) : [stage.outH, stage.outW];
    inputs = stage.filters;
    stride = wide(inputs);
    from = stage.next = conv.pool ? take(h * w * stride) : stage.out;
    return stage;
  });
  const columnsOfPatches = take(patches);
  const table = take(tokens * dim);
  if (spec.position === 'learned') {
    filling.push((floats) => floats.set(numbersOf(weights['classifier.positional_emb']), table));
  } else if (spec.position === 'sine') {
    filling.push((floats) => floats.set(sinePositions(tokens, dim), table));
  }
  const classToken = spec.class_token ? vector('classifier.class_emb', dim) : -1;
  const blocks = Array.from({ length: layers }, (_, i) => {
    const prefix = `classifier.blocks.${i}`;
    return {
      preNorm: norm(`${prefix}.pre_norm`), qkv: linear(`${prefix}.self_attn.qkv.weight`, null),
      projection: linear(`${prefix}.self_attn.proj.weight`, `${prefix}.self_attn.proj.bias`),
      norm1: norm(`${prefix}.norm1`), linear1: linear(`${prefix}.linear1.weight`, `${prefix}.linear1.bias`),
      linear2: linear(`${prefix}.linear2.weight`, `${prefix}.linear2.bias`),
      maps: take(heads * tokens * wide(tokens)),
    };
  });
  const lastNorm = norm('classifier.norm');
  const pool = spec.class_token ? null : linear('classifier.attention_pool.weight', 'classifier.attention_pool.bias');
  const head = linear('classifier.fc.weight', 'classifier.fc.bias');

  const stream = Array.from({ length: layers + 3 }, () => take(tokens * room)); // tokenizer, positions, blocks, norm
  const normed = take(tokens * room), mixed = take(tokens * room), branch = take(tokens * room);
  const wideQkv = wide(3 * dim), qkv = take(tokens * wideQkv);
  const keys = take(wide(tokens) * size), values = take(wide(size) * tokens), none = take(wide(tokens) + wide(size));
  const hidden = Math.max(1, ...blocks.map((block) => block.linear1.columns));
  const inner = take(tokens * wide(hidden));
  const scores = take(tokens * PANEL), weightsOfTokens = take(tokens), pooled = take(wide(dim)), out = take(wide(classes));

  const { floats, multiply } = kernel(used + PANEL);
  const pixels = new Float32Array(height * width * channels);
  const parts = {
    positions: true, layers: Array(layers).fill(true), heads: Array.from({ length: layers }, () => Array(heads).fill(true)),
  };

  const product = (a, strideA, { at, rows, columns, bias }, c, strideC, m) =>
    multiply(a, strideA, at, bias, c, strideC, m, rows, columns);

  function normalise(a, { scale, shift }, into) {
    for (let t = 0; t < tokens; t++, a += room, into += room) {
      let sum = 0, squared = 0;
      for (let i = 0; i < dim; i++) sum += floats[a + i];
      const mean = sum / dim;
      for (let i = 0; i < dim; i++) squared += (floats[a + i] - mean) ** 2;
      const factor = 1 / Math.sqrt(squared / dim + 1e-5);
      for (let i = 0; i < dim; i++) floats[into + i] = (floats[a + i] - mean) * factor * floats[scale + i] + floats[shift + i];
    }
  }

  function softmax(at, count, factor) {
    let largest = -Infinity, sum = 0;
    for (let i = at; i < at + count; i++) if (floats[i] > largest) largest = floats[i];
    for (let i = at; i < at + count; i++) sum += floats[i] = Math.exp((floats[i] - largest) * factor);
    for (let i = at; i < at + count; i++) floats[i] /= sum;
  }

  /** All that a convolution reads, one row for each place: a convolution is then a matrix product. */
  function convolve({ kernel: side, padding, step, h, w, inputs, stride, from, outH, outW, weight, out, filters }) {
    let at = columnsOfPatches;
    for (let y = 0; y < outH; y++) {
      for (let x = 0; x < outW; x++) {
        for (let i = 0; i < side; i++) {
          const row = y * step + i - padding;
          for (let j = 0; j < side; j++) {
            const column = x * step + j - padding;
            if (row < 0 || row >= h || column < 0 || column >= w) {
              for (let c = 0; c < inputs; c++) floats[at++] = 0;
            } else {
              for (let c = 0, place = from + (row * w + column) * stride; c < inputs; c++) floats[at++] = floats[place++];
            }
          }
        }
      }
    }
    product(columnsOfPatches, side * side * inputs, weight, out, wide(filters), outH * outW);
  }

  /** ReLU, and the largest of 3 x 3 with step 2: zeros around the edge change nothing after a ReLU. */
  function shrink({ outH, outW, filters, out, next }) {
    const stride = wide(filters);
    for (let y = 0; y < outH; y += 2) {
      for (let x = 0; x < outW; x += 2, next += stride) {
        for (let c = 0; c < filters; c++) floats[next + c] = 0;
        for (let row = Math.max(y - 1, 0); row < Math.min(y + 2, outH); row++) {
          for (let column = Math.max(x - 1, 0); column < Math.min(x + 2, outW); column++) {
            const place = out + (row * outW + column) * stride;
            for (let c = 0; c < filters; c++) if (floats[place + c] > floats[next + c]) floats[next + c] = floats[place + c];
          }
        }
      }
    }
  }

  function startTokens() {
    const first = tokens - squares, places = stages[stages.length - 1].next;
    for (let i = 0; i < dim && first; i++) floats[stream[0] + i] = floats[classToken + i];
    for (let t = 0; t < squares; t++) {
      for (let i = 0; i < dim; i++) floats[stream[0] + (t + first) * room + i] = floats[places + t * wide(dim) + i];
    }
    for (let t = 0; t < tokens; t++) {
      for (let i = 0; i < dim; i++) {
        const at = t * room + i, place = parts.positions && spec.position !== 'none' ? floats[table + t * dim + i] : 0;
        floats[stream[1] + at] = floats[stream[0] + at] + place;
      }
    }
  }

  function attend(layer) {
    const block = blocks[layer];
    normalise(stream[layer + 1], block.preNorm, normed);
    product(normed, room, block.qkv, qkv, wideQkv, tokens);
    for (let head = 0; head < heads; head++) {
      const query = qkv + head * size, key = query + dim, value = key + dim, map = block.maps + head * tokens * wide(tokens);
      for (let t = 0; t < tokens; t++) { // keys as columns, values as rows, both in panels
        const panel = keys + (t - t % PANEL) * size + t % PANEL;
        for (let i = 0; i < size; i++) floats[panel + i * PANEL] = floats[key + t * wideQkv + i];
        for (let i = 0; i < size; i++) {
          floats[values + (i - i % PANEL) * tokens + t * PANEL + i % PANEL] = floats[value + t * wideQkv + i];
        }
      }
      multiply(query, wideQkv, keys, none, map, wide(tokens), tokens, size, tokens);
      for (let t = 0; t < tokens; t++) softmax(map + t * wide(tokens), tokens, 1 / Math.sqrt(size));
      multiply(map, wide(tokens), values, none, mixed + head * size, room, tokens, tokens, size);
      if (!parts.heads[layer][head]) {
        for (let t = 0; t < tokens; t++) floats.fill(0, mixed + t * room + head * size, mixed + t * room + (head + 1) * size);
      }
    }
    product(mixed, room, block.projection, branch, room, tokens);
    for (let t = 0; t < tokens; t++) {
      for (let i = 0, at = t * room; i < dim; i++, at++) floats[branch + at] += floats[stream[layer + 1] + at];
    }
    normalise(branch, block.norm1, mixed);
  }

  function think(layer) {
    const { linear1, linear2 } = blocks[layer], next = stream[layer + 2], count = linear1.columns;
    product(mixed, room, linear1, inner, wide(count), tokens);
    for (let t = 0; t < tokens; t++) {
      for (let i = 0, at = inner + t * wide(count); i < count; i++, at++) floats[at] = gelu(floats[at]);
    }
    product(inner, wide(count), linear2, next, room, tokens);
    for (let t = 0; t < tokens; t++) {
      for (let i = 0, at = t * room; i < dim; i++, at++) floats[next + at] += floats[mixed + at];
    }
  }

  const skip = (layer) => floats.copyWithin(stream[layer + 2], stream[layer + 1], stream[layer + 1] + tokens * room);

  function conclude() {
    const last = stream[layers + 2];
    normalise(stream[layers + 1], lastNorm, last);
    if (pool) {
      product(last, room, pool, scores, PANEL, tokens);
      for (let t = 0; t < tokens; t++) floats[weightsOfTokens + t] = floats[scores + t * PANEL];
      softmax(weightsOfTokens, tokens, 1);
      floats.fill(0, pooled, pooled + dim);
      for (let t = 0; t < tokens; t++) {
        for (let i = 0; i < dim; i++) floats[pooled + i] += floats[weightsOfTokens + t] * floats[last + t * room + i];
      }
    } else {
      floats.copyWithin(pooled, last, last + dim);
    }
    product(pooled, 0, head, out, 0, 1);
  }

  function* pass() {
    for (let i = 0; i < pixels.length; i++) floats[image + i] = pixels[i] * spec.scale[i % channels] + spec.shift[i % channels];
    for (const stage of stages) {
      convolve(stage);
      yield;
      if (stage.pool) shrink(stage);
    }
    startTokens();
    for (let layer = 0; layer < layers; layer++) {
      yield;
      if (!parts.layers[layer]) {
        skip(layer);
        continue;
      }
      attend(layer);
      yield;
      think(layer);
    }
    conclude();
  }

  /** Weights into their places; once, before the first pass. */
  function* prepare() {
    for (const fill of filling) {
      fill(floats);
      yield;
    }
  }

  const row = (at, count) => floats.slice(at, at + count);
  const squaresOf = (array) => array.subarray(tokens - squares);

  return {
    spec, pixels, parts, prepare, pass, tokens, squares,
    logits: () => row(out, classes),
    /** What token t reads from every token, one head; the class token, where there is one, is token 0. */
    reads: (layer, head, t) => row(blocks[layer].maps + (head * tokens + t) * wide(tokens), tokens),
    /** How much every token reads from token t. */
    isRead: (layer, head, t) => Float32Array.from({ length: tokens },
      (_, from) => floats[blocks[layer].maps + (head * tokens + from) * wide(tokens) + t]),
    /** The weight of each token in the answer, or null for a ViT-Lite, which reads its class token. */
    pooling: () => (pool ? row(weightsOfTokens, tokens) : null),
    /** The part of each token in the logit of a class, without the bias. */
    votes: (c) => {
      if (!pool) return null;
      const weight = head.at + (c - c % PANEL) * dim + c % PANEL;
      return Float32Array.from({ length: tokens }, (_, t) => {
        let sum = 0;
        for (let i = 0; i < dim; i++) sum += floats[stream[layers + 2] + t * room + i] * floats[weight + i * PANEL];
        return sum * floats[weightsOfTokens + t];
      });
    },
    /** A token's numbers: stage 0 out of the tokenizer, 1 with its position, 2 after the first layer ..., the last normed. */
    numbers: (stage, t) => row(stream[stage] + t * room, dim),
    stages: layers + 3,
    squaresOf,
  };
}
