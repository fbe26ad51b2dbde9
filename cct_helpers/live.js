// The live model's page: what the reader does, and what the page shows. The forward pass is in live_pass.js.

const meta = JSON.parse(byId('meta').textContent);
const [height, width, channels] = meta.models[0].image;
const grain = meta.grain;
const BUDGET = 25; // ms of work before the page gets a turn: nothing longer than 50 counts as a long task
const MOST_UNDO = 200;

let models = [], before = [], spare = []; // on the picture as it is, as it was, and for curves in between
let pictures = [];

const state = {
  tool: 'draw', view: 'looks', layer: 0, head: 'mean', class: 'top', photo: true, compare: false, stage: 0,
  pixels: null, origin: null, hidden: null, shift: [0, 0], filling: 'mean', reference: null, // what undo keeps
  square: [0, 0], held: false, cursor: 0, keyboard: false, count: 0,
};

// Colours

const emptyColour = () => {
  const corners = pictures.flatMap((picture) => [0, width - 1, (height - 1) * width, height * width - 1].map(
    (i) => [...picture.slice(i * channels, (i + 1) * channels)]));
  if (!corners.length) return Array(channels).fill(0);
  if (channels === 3) return [128, 128, 128];
  const values = corners.map(([value]) => value).sort((a, b) => a - b);
  return [values[values.length >> 1]];
};
let empty = [0];

function penColour() {
  if (state.tool === 'erase') return empty;
  if (channels === 1) return [empty[0] < 128 ? 255 : 0];
  return [1, 3, 5].map((i) => parseInt(byId('colour').value.slice(i, i + 2), 16));
}

const rgbOf = (pixels, i) => [0, 1, 2].map((c) => pixels[i * channels + (channels === 3 ? c : 0)]);

// Squares: those of the first model are what a reader points at and hides

const gridOf = (model) => model.spec.grid;
const mainGrid = () => gridOf(models[0]);
const squareOfPixel = (x, y, [rows, columns]) =>
  Math.floor((y + 0.5) * rows / height) * columns + Math.floor((x + 0.5) * columns / width);
const tokenOf = (model) => { // the token of a model under the point that the reader points at
  const [rows, columns] = gridOf(model), [x, y] = state.square;
  return Math.min(rows - 1, Math.floor(y * rows)) * columns + Math.min(columns - 1, Math.floor(x * columns));
};
const pointTo = (token, [rows, columns]) => {
  state.square = [(token % columns + 0.5) / columns, (Math.floor(token / columns) + 0.5) / rows];
};
const nameOf = (token, columns) => `row ${Math.floor(token / columns)}, column ${token % columns}`; // from 0, as in the code

// The picture that the network gets: moved, then with squares replaced

/** The picture moved by whole pixels; its edge is repeated where nothing comes in. */
function movedBy(pixels, [dx, dy]) {
  if (!dx && !dy) return Float32Array.from(pixels);
  const out = new Float32Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = Math.max(0, Math.min(height - 1, y - dy)) * width + Math.max(0, Math.min(width - 1, x - dx));
      for (let c = 0; c < channels; c++) out[(y * width + x) * channels + c] = pixels[from * channels + c];
    }
  }
  return out;
}

function meanFilling(pixels) {
  const sums = new Float64Array(channels);
  pixels.forEach((value, i) => { sums[i % channels] += value; });
  return Float32Array.from(pixels, (_, i) => sums[i % channels] / (width * height));
}

/** Blurred by a Gaussian of 4 pixels, along rows and then along columns; the edge is repeated. */
function blurredFilling(pixels) {
  const reach = 8, weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / 32));
  const total = weights.reduce((a, b) => a + b);
  const along = (from, step, across) => Float32Array.from(from, (_, i) => {
    const c = i % channels, x = Math.floor(i / channels) % width, y = Math.floor(i / channels / width);
    const place = across ? x : y, end = (across ? width : height) - 1;
    let sum = 0;
    for (let j = -reach; j <= reach; j++) {
      const at = Math.max(0, Math.min(end, place + j));
      sum += weights[j + reach] * from[(across ? y * width + at : at * width + x) * channels + c];
    }
    return sum / total;
  });
  return along(along(pixels, 1, true), width, false);
}

/** The picture with some squares replaced by its mean colour, or by a blurred copy. */
function withHidden(pixels, hidden, grid) {
  if (!hidden.some(Boolean)) return pixels;
  const filling = state.filling === 'mean' ? meanFilling(pixels) : blurredFilling(pixels), out = Float32Array.from(pixels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!hidden[squareOfPixel(x, y, grid)]) continue;
      const at = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) out[at + c] = filling[at + c];
    }
  }
  return out;
}

const whole = () => movedBy(state.pixels, state.shift);
let seen = null; // what the last pass got

// Work: one pass after each change, at the next frame; a slow model stops between its layers to let the page breathe

const pause = () => new Promise((resolve) => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => { channel.port1.close(); resolve(); };
  channel.port2.postMessage(null);
});

/** Run generators to their end, in slices. */
async function inSlices(...generators) {
  let end = performance.now() + BUDGET;
  for (const generator of generators) {
    while (!generator.next().done) {
      if (performance.now() < end) continue;
      await pause();
      end = performance.now() + BUDGET;
    }
  }
}

let wanted = 0, asked = false, working = false, passTime = 0, referenceDone = null;
const waiting = new Set(); // kinds of paint that wait for a pass

/** Something that the network gets has changed: compute at the next frame, then paint. */
function change() {
  wanted++;
  ask();
}

function ask() {
  if (asked || working) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    work();
  });
}

function work() {
  const goal = wanted;
  const start = performance.now(), end = start + BUDGET;
  seen = withHidden(whole(), state.hidden, mainGrid());
  const passes = models.map((model) => {
    model.pixels.set(seen);
    return model.pass();
  });
  if (referenceDone !== state.reference) {
    referenceDone = state.reference;
    for (const model of before) {
      model.pixels.set(state.reference.seen);
      passes.push(model.pass());
    }
  }
  while (passes.length && performance.now() < end) if (passes[0].next().done) passes.shift();
  const done = () => {
    passTime = performance.now() - start;
    working = false;
    paint();
    refreshCurve();
    if (goal !== wanted) ask();
  };
  if (!passes.length) {
    done();
    return;
  }
  working = true;
  pause().then(() => inSlices(...passes)).then(done);
}

let painting = false;

/** The reader points elsewhere: paint at the next frame. A pass that is under way paints by itself. */
function repaint() {
  if (painting || asked || working || !seen) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    if (!working) paint();
  });
}

// Undo

const kept = ['pixels', 'origin', 'hidden', 'shift', 'reference', 'count'];
const past = [];

function snapshot() {
  const parts = models.map(({ parts }) => JSON.stringify(parts));
  return { ...Object.fromEntries(kept.map((name) => [name, state[name]])), parts };
}

/** Call before a change: arrays are replaced by the change, never written to. */
function remember() {
  past.push(snapshot());
  if (past.length > MOST_UNDO) past.shift();
  byId('undo').disabled = false;
}

function undo() {
  const last = past.pop();
  byId('undo').disabled = past.length === 0;
  if (!last) return;
  for (const name of kept) state[name] = last[name];
  models.forEach((model, i) => setParts(model, JSON.parse(last.parts[i])));
  byId('count').value = state.count;
  showParts();
  change();
}

function setParts(model, parts) {
  Object.assign(model.parts, parts);
}

/** From now on compare with the picture as it is. */
function keepReference() {
  state.reference = { seen: withHidden(whole(), state.hidden, mainGrid()), shift: state.shift };
}

function setPicture(pixels) {
  remember();
  Object.assign(state, { pixels, origin: pixels, hidden: new Uint8Array(models[0].squares), shift: [0, 0], count: 0 });
  byId('count').value = 0;
  keepReference();
  change();
}

function startAgain() {
  remember();
  Object.assign(state, { pixels: state.origin, hidden: new Uint8Array(models[0].squares), shift: [0, 0], count: 0 });
  byId('count').value = 0;
  for (const model of models) setParts(model, allOn(model));
  showParts();
  keepReference();
  change();
}

const allOn = ({ spec }) => ({
  positions: true, layers: Array(spec.layers).fill(true),
  heads: Array.from({ length: spec.layers }, () => Array(spec.heads).fill(true)),
});

// Tools

let stroke = null;

/** A move that was asked for is done before the picture is drawn on. */
function settle() {
  state.pixels = movedBy(state.pixels, state.shift);
  state.origin = movedBy(state.origin, state.shift);
  state.shift = [0, 0];
}

function beginStroke() {
  remember();
  if (state.tool === 'hide') {
    stroke = { last: null, hide: null };
    return;
  }
  settle();
  const cells = Math.ceil(height / grain) * Math.ceil(width / grain);
  stroke = { from: state.pixels, mask: new Float32Array(cells), colour: penColour() };
  if (state.tool === 'restore') state.hidden = Uint8Array.from(state.hidden);
}

/** A round brush from one point to another, both in pixels. Its edge is soft; a stroke does not grow darker on itself. */
function brush([x0, y0], [x1, y1]) {
  const { from, mask, colour } = stroke, radius = Number(byId('width').value) / 2;
  const columns = Math.ceil(width / grain), reach = radius + grain, pixels = Float32Array.from(state.pixels);
  const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy || 1;
  const low = (a, b) => Math.max(0, Math.floor((Math.min(a, b) - reach) / grain));
  const high = (a, b, end) => Math.min(Math.ceil(end / grain) - 1, Math.ceil((Math.max(a, b) + reach) / grain));
  for (let row = low(y0, y1); row <= high(y0, y1, height); row++) {
    for (let column = low(x0, x1); column <= high(x0, x1, width); column++) {
      const x = (column + 0.5) * grain, y = (row + 0.5) * grain;
      const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / length));
      const distance = Math.hypot(x - x0 - along * dx, y - y0 - along * dy), cell = row * columns + column;
      const cover = Math.max(0, Math.min(1, (radius - distance) / grain + 0.5));
      if (cover <= mask[cell]) continue;
      mask[cell] = cover;
      for (let i = row * grain; i < Math.min(height, (row + 1) * grain); i++) {
        for (let j = column * grain; j < Math.min(width, (column + 1) * grain); j++) {
          const at = (i * width + j) * channels;
          for (let c = 0; c < channels; c++) {
            const aim = state.tool === 'restore' ? state.origin[at + c] : colour[c];
            pixels[at + c] = from[at + c] + cover * (aim - from[at + c]);
          }
          if (state.tool === 'restore') state.hidden[squareOfPixel(j, i, mainGrid())] = 0;
        }
      }
    }
  }
  state.pixels = pixels;
}

function hideAt([x, y]) {
  const square = squareOfPixel(Math.max(0, Math.min(width - 1, Math.floor(x))), Math.max(0, Math.min(height - 1, Math.floor(y))),
                               mainGrid());
  if (stroke.hide === null) stroke.hide = !state.hidden[square];
  state.hidden = Uint8Array.from(state.hidden);
  state.hidden[square] = stroke.hide ? 1 : 0;
}

function strokeTo(from, to) {
  if (state.tool === 'hide') hideAt(to); else brush(from, to);
  change();
}

function placeOf(event) {
  const box = byId('picture').getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
}

function pointAtPicture(event) {
  const [x, y] = placeOf(event);
  if (!state.held) state.square = [x / width, y / height].map((share) => Math.max(0, Math.min(1, share)));
}

function pressPicture(event) {
  if (event.button) return;
  state.keyboard = false;
  byId('picture').focus({ preventScroll: true });
  byId('picture').setPointerCapture(event.pointerId);
  stopCamera();
  beginStroke();
  stroke.last = placeOf(event);
  pointAtPicture(event);
  strokeTo(stroke.last, stroke.last);
  event.preventDefault();
}

function movePicture(event) {
  pointAtPicture(event);
  if (!stroke?.last) {
    repaint();
    return;
  }
  for (const step of event.getCoalescedEvents?.() ?? [event]) {
    const place = placeOf(step);
    strokeTo(stroke.last, place);
    stroke.last = place;
  }
}

const cellGrid = () => (state.tool === 'hide' ? mainGrid() : [Math.ceil(height / grain), Math.ceil(width / grain)]);
const cellPlace = (cell, [rows, columns]) =>
  [(cell % columns + 0.5) * width / columns, (Math.floor(cell / columns) + 0.5) * height / rows];

function keyOnPicture(event) {
  if ((event.ctrlKey || event.metaKey) && event.key !== 'Home' && event.key !== 'End') return;
  const grid = cellGrid(), next = tokenByKey(event, grid, state.cursor);
  if (next === null && event.key !== ' ' && event.key !== 'Enter') return;
  event.preventDefault();
  state.keyboard = true;
  const draws = next === null || event.shiftKey, from = cellPlace(state.cursor, grid);
  if (next !== null) state.cursor = next;
  const to = cellPlace(state.cursor, grid);
  if (!state.held) state.square = [to[0] / width, to[1] / height];
  if (draws) {
    stopCamera();
    beginStroke();
    strokeTo(from, to);
    stroke = null;
  }
  const did = { draw: 'drawn', erase: 'erased', restore: 'brought back' }[state.tool];
  say('place', `${capital(nameOf(state.cursor, grid[1]))}${!draws ? '' : state.tool !== 'hide' ? `, ${did}`
    : state.hidden[state.cursor] ? ', hidden' : ', shown'}.`);
  repaint();
}

function chooseTool(tool) {
  state.tool = tool;
  for (const button of document.querySelectorAll('[data-tool]')) {
    button.setAttribute('aria-pressed', button.dataset.tool === tool);
  }
  const [rows, columns] = cellGrid();
  state.cursor = Math.floor(rows / 2) * columns + Math.floor(columns / 2);
  repaint();
}

function move(dx, dy) {
  remember();
  state.shift = [state.shift[0] + dx, state.shift[1] + dy];
  change();
}

// Pictures from outside: a file, the clipboard, the camera. Nothing leaves the page.

function tell(text) {
  byId('notice').textContent = text;
}

/** The middle of a picture, shrunk to what the network takes: each pixel is the mean of what it covers. */
function shrunk(source, sourceWidth, sourceHeight) {
  const scale = Math.min(sourceWidth / width, sourceHeight / height), fine = Math.max(1, Math.min(8, Math.round(scale)));
  const canvas = Object.assign(document.createElement('canvas'), { width: width * fine, height: height * fine });
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff'; // under transparent parts
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  const cutWidth = width * scale, cutHeight = height * scale;
  context.drawImage(source, (sourceWidth - cutWidth) / 2, (sourceHeight - cutHeight) / 2, cutWidth, cutHeight,
                    0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height), pixels = new Float32Array(height * width * channels);
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const from = 4 * (y * canvas.width + x), to = (Math.floor(y / fine) * width + Math.floor(x / fine)) * channels;
      const [red, green, blue] = data.subarray(from, from + 3);
      const parts = channels === 3 ? [red, green, blue] : [0.299 * red + 0.587 * green + 0.114 * blue];
      parts.forEach((value, c) => { pixels[to + c] += value / fine ** 2; });
    }
  }
  return pixels;
}

async function openFile(file) {
  const name = file.name ? `“${file.name.slice(0, 80)}”` : 'What you pasted';
  try {
    const bitmap = await createImageBitmap(file);
    stopCamera();
    setPicture(shrunk(bitmap, bitmap.width, bitmap.height));
    tell(`${name}, ${bitmap.width} × ${bitmap.height} pixels: its middle, shrunk to ${width} × ${height}.`);
    bitmap.close();
  } catch (error) {
    tell(`${name} is no picture that this browser can read. Take a PNG or JPEG file that is whole.`);
  }
}

function takeFrom(transfer) {
  const files = [...(transfer?.files ?? [])];
  if (files.length) openFile(files.find((file) => file.type.startsWith('image/')) ?? files[0]);
  return files.length > 0;
}

let camera = null;

async function startCamera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    tell('This page may not use a camera here. A page on its own may, from a file or from https.');
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    camera = Object.assign(document.createElement('video'), { srcObject: stream, muted: true, playsInline: true });
    await camera.play();
  } catch (error) {
    camera = null;
    tell(`The camera did not start (${error.name}). Where the notebook is shown decides whether a page may use it.`);
    return;
  }
  byId('camera').setAttribute('aria-pressed', true);
  byId('camera').textContent = 'Keep this picture';
  tell('The camera is on. Its pictures stay in this page.');
  setPicture(shrunk(camera, camera.videoWidth, camera.videoHeight));
  film();
}

function film() {
  if (!camera) return;
  if (!working && !asked && !document.hidden) {
    state.pixels = state.origin = shrunk(camera, camera.videoWidth, camera.videoHeight);
    change();
  }
  requestAnimationFrame(film);
}

function stopCamera() {
  if (!camera) return;
  for (const track of camera.srcObject.getTracks()) track.stop();
  camera = null;
  byId('camera').setAttribute('aria-pressed', false);
  byId('camera').textContent = 'Camera';
  keepReference();
  change();
}

// What the small pictures show: [caption, numbers of the squares, signed, words for the ends]

const layerOf = (model) => Math.min(state.layer, model.spec.layers - 1);
const headsOf = (model) => (state.head === 'mean' ? [...Array(model.spec.heads).keys()]
  : [Math.min(state.head, model.spec.heads - 1)]);
const mean = (arrays) => arrays[0].map((_, i) => arrays.reduce((sum, array) => sum + array[i], 0) / arrays.length);
const extraOf = (model) => model.tokens - model.squares; // 1 where there is a class token

function readsOf(model, token) {
  const layer = layerOf(model);
  return model.squaresOf(mean(headsOf(model).map((head) => model.reads(layer, head, token + extraOf(model)))));
}

function isReadBy(model, token) {
  const layer = layerOf(model);
  return model.squaresOf(mean(headsOf(model).map((head) => model.isRead(layer, head, token + extraOf(model)))));
}

/** How much each square counts in the answer: pooling, or what the class token reads in the last layer. */
function countsOf(model) {
  const pooling = model.pooling();
  if (pooling) return pooling;
  const last = model.spec.layers - 1;
  return model.squaresOf(mean([...Array(model.spec.heads).keys()].map((head) => model.reads(last, head, 0))));
}

function probabilitiesOf(model) {
  const logits = model.logits(), largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - largest)), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

const topOf = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
const classOf = (model) => (state.class === 'top' ? topOf(model.logits()) : state.class);

/**
 * How far each token is from what it was: its distance to the same content before, 0 none, 1 as far as two squares of the
 * picture on the mean. After a move that is the square so many rows and columns away as the move is near to.
 */
function changesOf(model, old) {
  const [rows, columns] = gridOf(model), extra = extraOf(model), stage = Math.min(state.stage, model.stages - 1);
  const dx = Math.round((state.shift[0] - state.reference.shift[0]) * columns / width);
  const dy = Math.round((state.shift[1] - state.reference.shift[1]) * rows / height);
  const numbers = (from, token) => from.numbers(stage, token + extra);
  const were = Array.from({ length: model.squares }, (_, token) => numbers(old, token));
  const distance = (a, b) => Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));
  const typical = were.reduce((sum, one, i) => sum + distance(one, were[(i * 7 + 3) % were.length]), 0) / were.length;
  return Float32Array.from({ length: model.squares }, (_, token) => {
    const row = Math.floor(token / columns) - dy, column = token % columns - dx;
    if (row < 0 || row >= rows || column < 0 || column >= columns) return NaN; // came in from outside
    return distance(numbers(model, token), were[row * columns + column]) / (typical || 1);
  });
}

const meanOf = (values) => {
  const known = [...values].filter((value) => !Number.isNaN(value));
  return known.reduce((a, b) => a + b, 0) / Math.max(1, known.length);
};

function mapsOf(model, old) {
  const token = tokenOf(model), votesFor = classOf(model), named = meta.classes[votesFor];
  const first = {
    looks: () => ['This square takes from', (of) => readsOf(of, token), 'share'],
    counts: () => ['How much each square counts', countsOf, 'share'],
    changes: () => [`Changed squares: ${meanOf(changesOf(model, old)).toFixed(2)} on the mean`,
      (of) => (of === old ? new Float32Array(model.squares) : changesOf(model, old)), 'change'],
  }[state.view]();
  const second = {
    looks: () => ['These take from this square', (of) => isReadBy(of, token), 'share'],
    counts: () => [`For and against ${named}`, (of) => of.votes(votesFor), 'vote'],
    changes: () => ['The picture before', null, 'before'],
  }[state.view]();
  if (!state.compare || state.view === 'changes') {
    return [first, second].map(([caption, values, kind]) => ({ caption, kind, values: values && values(model) }));
  }
  const [caption, values, kind] = first, pair = [values(old), values(model)];
  const end = Math.max(...pair.map(largestOf));
  return pair.map((some, i) => ({ caption: `${['Before', 'Now'][i]}: ${caption[0].toLowerCase()}${caption.slice(1)}`, kind,
                                  values: some, end, picture: i ? null : state.reference.seen }));
}

const largestOf = (values) => values.reduce((largest, value) => Math.max(largest, Number.isNaN(value) ? 0 : size(value)), 0);

// Painting

const small = {}; // canvases of one pixel a pixel, used again

function smallCanvas(name, columns, rows, colour) {
  const known = small[name] ??= (() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: columns, height: rows });
    const context = canvas.getContext('2d');
    return { canvas, context, image: context.createImageData(columns, rows) };
  })();
  for (let i = 0; i < columns * rows; i++) known.image.data.set(colour(i), 4 * i);
  known.context.putImageData(known.image, 0, 0);
  return known.canvas;
}

const photoOf = (name, pixels) => smallCanvas(name, width, height, (i) => [...rgbOf(pixels, i), 255]);
const greyPhotoOf = (name, pixels) => smallCanvas(name, width, height, (i) => {
  const grey = greyOf(rgbOf(pixels, i));
  return [grey, grey, grey, 255];
});

function fit(canvas, ratio) {
  const wide = Math.max(1, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)));
  const high = Math.max(1, Math.round(wide * ratio));
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
}

const copy = (canvas, from) => {
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false; // a pixel is a square, not a blur
  context.drawImage(from, 0, 0, canvas.width, canvas.height);
  return context;
};

function paintPicture() {
  const canvas = byId('picture'), context = copy(canvas, photoOf('photo', seen));
  if (state.tool === 'hide') drawGrid(context, mainGrid());
  if (state.keyboard && document.activeElement === canvas) ring(context, cellGrid(), state.cursor, true);
  ring(context, mainGrid(), tokenOf(models[0]), false);
}

function paintMap(figure, model, name, { caption, values, kind, end, picture }) {
  const find = (selector) => figure.querySelector(selector), canvas = find('canvas'), grid = gridOf(model);
  find('figcaption').textContent = caption;
  canvas.setAttribute('aria-label', `${caption}. Arrow keys move, Enter holds the square, Escape lets go.`);
  const shownPicture = picture ?? (kind === 'before' ? state.reference.seen : seen);
  if (!values) {
    const context = copy(canvas, photoOf('photo', shownPicture));
    ring(context, grid, tokenOf(model), state.held);
    find('.bar').style.background = 'none';
    find('.ends').textContent = kind === 'before' ? '' : 'The answer of this network has no parts by square.';
    return;
  }
  const isSigned = kind === 'vote', top = end ?? largestOf(values), scale = top || 1, overPhoto = state.photo;
  const context = copy(canvas, overPhoto ? greyPhotoOf('grey', shownPicture) : photoOf('photo', shownPicture));
  const veil = smallCanvas(`veil ${name}`, grid[1], grid[0], (i) => (Number.isNaN(values[i]) ? [128, 128, 128, 90]
    : colourOf(Math.max(-1, Math.min(1, values[i] / scale)), overPhoto, isSigned)));
  context.drawImage(veil, 0, 0, canvas.width, canvas.height);
  ring(context, grid, tokenOf(model), state.held);
  const stops = [...Array(9).keys()].map((i) => colourOf(isSigned ? i / 4 - 1 : i / 8, overPhoto, isSigned)).map(
    ([r, g, b, a]) => `rgb(${r} ${g} ${b} / ${a / 255})`);
  find('.bar').style.background = `linear-gradient(90deg, ${stops}), rgb(94 94 94)`;
  const words = { share: ['0', `${percent(top)} = ${(top * model.squares).toFixed(1)} × uniform`],
                  vote: [`${signed(-top)}`, '0', `${signed(top)}`], change: ['0', top.toFixed(2)] }[kind];
  const spans = find('.ends').children;
  if (spans.length === words.length) {
    words.forEach((word, i) => { if (spans[i].textContent !== word) spans[i].textContent = word; });
  } else {
    find('.ends').replaceChildren(...words.map((textContent) => Object.assign(document.createElement('span'), { textContent })));
  }
}

const rounder = (share) => (share >= 0.995 ? '100%' : share < 0.005 ? '0%' : `${Math.round(100 * share)}%`);
const MOST_BARS = 12;

/** Classes as bars: in their own order where all fit, else the likeliest now or before. */
function paintBars(list, now, then) {
  const shownClasses = meta.classes.length <= MOST_BARS ? [...meta.classes.keys()]
    : [...meta.classes.keys()].sort((a, b) => Math.max(now[b], then[b]) - Math.max(now[a], then[a])).slice(0, MOST_BARS);
  const best = topOf(now);
  shownClasses.forEach((c, i) => {
    const { row, name, fill, was, value } = list[i];
    if (name.textContent !== meta.classes[c]) {
      name.textContent = meta.classes[c];
      name.title = meta.classes[c];
    }
    fill.style.transform = `scaleX(${now[c]})`;
    const left = `${100 * then[c]}%`;
    if (was.style.left !== left) was.style.left = left;
    was.hidden = then[c] < 0.005; // it would only hide the bar's own end
    const text = rounder(now[c]);
    if (value.textContent !== text) value.textContent = text;
    row.className = c === best ? 'first' : '';
  });
}

let speech;
const spoken = {}; // what waits to be read out: where the reader is, and what the network makes of it

/** A screen reader gets where the reader stops, not everything on the way. */
function say(about, text) {
  spoken[about] = text;
  clearTimeout(speech);
  speech = setTimeout(() => {
    byId('spoken').textContent = [spoken.place, spoken.answer].filter(Boolean).join(' ');
    spoken.place = spoken.answer = '';
  }, 400);
}

const three = (probabilities) => [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, 3)
  .map((c) => `${meta.classes[c]}: ${rounder(probabilities[c])}`).join(', ');

function describe(model, old) {
  const now = probabilitiesOf(model), then = probabilitiesOf(old);
  const token = tokenOf(model), columns = gridOf(model)[1], row = readsOf(model, token);
  const from = largestTokens(row, 2).map((t) => `${t === token ? 'itself' : nameOf(t, columns)} (${percent(row[t])})`);
  const changed = three(then) === three(now) ? '' : ` Before: ${three(then)}.`;
  return `${capital(three(now))}.${changed} The square in ${nameOf(token, columns)} takes most from ${from.join(', then from ')}.`;
}

let lastAnswer = '';

function paint() {
  paintPicture();
  models.forEach((model, i) => {
    paintBars(cards[i].bars, probabilitiesOf(model), probabilitiesOf(before[i]));
    mapsOf(model, before[i]).forEach((map, j) => paintMap(cards[i].figures[j], model, `${i} ${j}`, map));
  });
  models.forEach((model, i) => {
    const text = describe(model, before[i]), { line } = cards[i];
    if (line.textContent !== text) line.textContent = text;
  });
  const answer = models.map((model) => three(probabilitiesOf(model))).join('; ');
  if (answer !== lastAnswer) say('answer', `${capital(answer)}.`);
  lastAnswer = answer;
  const [dx, dy] = state.shift;
  byId('moved').textContent = dx || dy ? `${dx} right, ${dy} down` : '';
  if (byId('numbers').open) paintNumbers();
  if (byId('making').open) paintFacts();
}

function paintNumbers() {
  models.forEach((model, i) => {
    const token = tokenOf(model) + extraOf(model), stage = Math.min(state.stage, model.stages - 1);
    const pair = [before[i].numbers(stage, token), model.numbers(stage, token)], end = Math.max(...pair.map(largestOf)) || 1;
    pair.forEach((numbers, j) => {
      const canvas = cards[i].strips[j];
      Object.assign(canvas, { width: numbers.length, height: 1 });
      const context = canvas.getContext('2d'), image = context.createImageData(numbers.length, 1);
      numbers.forEach((value, k) => image.data.set(colourOf(value / end, false, true), 4 * k));
      context.putImageData(image, 0, 0);
    });
    const lengths = pair.map((numbers) => Math.hypot(...numbers));
    const cosine = pair[0].reduce((sum, value, k) => sum + value * pair[1][k], 0) / (lengths[0] * lengths[1] || 1);
    cards[i].stripLine.textContent = `${models.length > 1 ? `${model.spec.name}: ` : ''}${pair[1].length} numbers from ` +
      `${signed(-end)} to ${signed(end)}, first before, then now. Length ${lengths[0].toFixed(2)} before, ` +
      `${lengths[1].toFixed(2)} now; the cosine between the two is ${cosine.toFixed(3)}.`;
  });
}

function paintFacts() {
  const told = models.map(({ spec }) => `${spec.name}: ${spec.parameters.toLocaleString('en')} weights, ${spec.layers} layers of ` +
    `${spec.heads} heads, ${spec.grid.join(' × ')} squares of ${spec.dim} numbers.`);
  byId('facts').textContent = `${told.join(' ')} All of it is in this page; nothing is fetched, and nothing is sent. Each ` +
    'weight has 8 bits here and one factor for each column of its matrix. That costs accuracy: for each model that comes ' +
    'with the course at most a tenth of a percentage point of its test images. The page computes with ' +
    `${kernel.engine}; the last picture took ${passTime.toFixed(1)} ms.`;
}

// Hiding in the order of a map

const ORDERS = [
  ['votes', 'by their votes for the answer'], ['counts', 'by how much they count'],
  ['looks', 'by what this square takes from them'], ['rollout', 'by reading through all layers'],
  ['centre', 'from the middle outwards'], ['random', 'at random'],
];

/** What the answer takes from each square, followed back through all layers (Abnar and Zuidema's rollout). */
function rolloutOf(model) {
  let row = Float64Array.from({ length: model.tokens }, (_, t) => (model.pooling() ? model.pooling()[t] : Number(t === 0)));
  for (let layer = model.spec.layers - 1; layer >= 0; layer--) {
    const next = row.map((value) => value / 2);
    for (let t = 0; t < model.tokens; t++) {
      if (!row[t]) continue;
      for (let head = 0; head < model.spec.heads; head++) {
        const reads = model.reads(layer, head, t), share = row[t] / 2 / model.spec.heads;
        for (let i = 0; i < model.tokens; i++) next[i] += share * reads[i];
      }
    }
    row = next;
  }
  return model.squaresOf(row);
}

function randomOrder(count, seed) {
  const random = randomNumbers(seed), order = [...Array(count).keys()];
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Squares in the order of a map of the whole picture, which `model` has just computed. */
function orderOf(kind, model) {
  const count = model.squares, [rows, columns] = gridOf(model);
  if (kind === 'random') return randomOrder(count, 1);
  const values = {
    votes: () => model.votes(topOf(model.logits())), counts: () => countsOf(model), looks: () => readsOf(model, tokenOf(model)),
    rollout: () => rolloutOf(model),
    centre: () => Float64Array.from({ length: count }, (_, t) => -Math.hypot(
      (Math.floor(t / columns) + 0.5) / rows - 0.5, (t % columns + 0.5) / columns - 0.5)),
  }[kind]();
  return [...values.keys()].sort((a, b) => values[b] - values[a]);
}

const firstOf = (order, count) => {
  const hidden = new Uint8Array(order.length);
  for (const square of order.slice(0, count)) hidden[square] = 1;
  return hidden;
};

let curve = null, curveRun = 0, curveKey = '';
const RANDOM_ORDERS = 5, CURVE_POINTS = 17;

/** Compute on `spare[0]`, which is nobody else's. */
async function probabilitiesFor(pixels) {
  spare[0].pixels.set(pixels);
  await inSlices(spare[0].pass());
  return probabilitiesOf(spare[0]);
}

/** The order, and the probability of the answer while squares go: by this order, and at random. */
async function computeCurve(kind, run) {
  if (!spare.length) {
    spare = [newModel(models[0].spec, weightsOf[0], kernel)];
    await inSlices(spare[0].prepare());
  }
  setParts(spare[0], models[0].parts);
  const picture = whole(), grid = mainGrid(), target = topOf(await probabilitiesFor(picture));
  const order = orderOf(kind, spare[0]), count = order.length;
  const steps = [...new Set(Array.from({ length: CURVE_POINTS }, (_, i) => Math.round(i / (CURVE_POINTS - 1) * count)))];
  const found = { kind, order, target, steps, lines: [], mean: [] };
  const orders = [order, ...Array.from({ length: RANDOM_ORDERS }, (_, i) => randomOrder(count, 2 + i))];
  for (const some of orders) {
    const line = [];
    for (const step of steps) {
      await pause();
      if (run !== curveRun) return;
      line.push((await probabilitiesFor(withHidden(picture, firstOf(some, step), grid)))[target]);
    }
    found.lines.push(line);
    found.mean = steps.map((_, i) => meanOf(found.lines.slice(1).map((one) => one[i])));
    curve = found;
    paintCurve();
  }
}

/** A new curve where the picture, the parts or the question changed; hiding by the slider changes none of them. */
function refreshCurve() {
  if (!byId('deletion').open) return;
  const kind = byId('order').value;
  const key = [kind, state.filling, JSON.stringify(models[0].parts), kind === 'looks' ? tokenOf(models[0]) : '',
    whole().reduce((sum, value, i) => (sum * 31 + value * (i % 97 + 1)) % 1e9, 7)].join();
  if (key === curveKey) {
    paintCurve();
    return;
  }
  curveKey = key;
  const run = ++curveRun;
  setTimeout(() => { if (run === curveRun) computeCurve(kind, run).then(hideByOrder); }, 150);
}

function hideByOrder() {
  if (!curve || !state.count) return;
  state.hidden = firstOf(curve.order, state.count);
  change();
}

function paintCurve() {
  const canvas = byId('curve'), context = canvas.getContext('2d'), unit = window.devicePixelRatio || 1;
  fit(canvas, 0.42);
  const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue('--ink').trim();
  const box = { left: 44 * unit, right: canvas.width - 12 * unit, top: 12 * unit, bottom: canvas.height - 34 * unit };
  const count = models[0].squares;
  const x = (step) => box.left + step / count * (box.right - box.left), y = (p) => box.bottom - p * (box.bottom - box.top);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = context.strokeStyle = ink;
  context.font = `${12 * unit}px system-ui, sans-serif`;
  context.lineWidth = unit;
  context.setLineDash([]);
  context.textAlign = 'end';
  context.textBaseline = 'middle';
  for (const share of [0, 0.5, 1]) {
    context.fillText(rounder(share), box.left - 6 * unit, y(share));
    context.globalAlpha = 0.25;
    context.strokeRect(box.left, y(share), box.right - box.left, 0);
    context.globalAlpha = 1;
  }
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const step of [0, count / 2, count]) context.fillText(String(Math.round(step)), x(step), box.bottom + 4 * unit);
  context.fillText('hidden squares', (box.left + box.right) / 2, box.bottom + 18 * unit);
  if (!curve) return;
  const draw = (line, colour, dash) => {
    context.strokeStyle = colour;
    context.setLineDash(dash);
    context.lineWidth = 2.5 * unit;
    context.beginPath();
    line.forEach((p, i) => context.lineTo(x(curve.steps[i]), y(p)));
    context.stroke();
    context.setLineDash([]);
  };
  const focus = style.getPropertyValue('--focus').trim();
  if (curve.lines.length > 1) draw(curve.mean, ink, [5 * unit, 4 * unit]);
  draw(curve.lines[0], focus, []);
  context.fillStyle = focus;
  const now = probabilitiesOf(models[0])[curve.target], hidden = state.hidden.reduce((a, b) => a + b, 0);
  context.beginPath();
  context.arc(x(hidden), y(now), 5 * unit, 0, 7);
  context.fill();
  const area = (line) => meanOf(line.slice(1).map((p, i) => (p + line[i]) / 2));
  const name = meta.classes[curve.target], known = curve.lines.length > 1;
  const text = `Whole line: ${name}, while squares go ${ORDERS.find(([kind]) => kind === curve.kind)[1]}, ` +
    `${percent(area(curve.lines[0]))} on average. ` + (known ? `Dashed: ${curve.lines.length - 1} random ` +
    `orders, ${percent(area(curve.mean))}. ` : '') + `Dot: now, ${hidden} hidden, ${rounder(now)}. ` +
    'The lower line found sooner what the network needs. For one picture that can be chance.';
  if (byId('curve-line').textContent !== text) byId('curve-line').textContent = text;
  canvas.setAttribute('aria-label', text);
}

// Building the page

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

let cards = [];

function newBars(number) {
  const list = element('ol', { className: 'bars' }), shown = Math.min(MOST_BARS, meta.classes.length);
  const longest = Math.max(...meta.classes.map((name) => name.length));
  list.style.setProperty('--names', `${Math.min(11, Math.max(1.5, 0.6 * longest))}em`);
  const bars = Array.from({ length: shown }, () => {
    const name = element('span', { className: 'name' }), value = element('span', { className: 'value' });
    const fill = element('span', { className: 'fill' }), was = element('span', { className: 'was' });
    const row = element('li', {}, name, element('span', { className: 'track' }, fill, was), value);
    list.append(row);
    return { row, name, value, fill, was };
  });
  return [list, bars];
}

function newFigure(model) {
  const canvas = element('canvas', { tabIndex: 0 });
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-roledescription', 'grid of squares');
  canvas.addEventListener('pointermove', (event) => {
    if (state.held) return;
    pointTo(tokenAt(event, gridOf(model)), gridOf(model));
    repaint();
  });
  canvas.addEventListener('click', (event) => {
    pointTo(tokenAt(event, gridOf(model)), gridOf(model));
    hold(!state.held);
  });
  canvas.addEventListener('keydown', (event) => {
    const next = tokenByKey(event, gridOf(model), tokenOf(model));
    if (event.key === 'Enter') hold(!state.held);
    else if (next === null) return; // every other key, Tab above all, keeps its meaning
    else pointTo(next, gridOf(model));
    event.preventDefault();
    say('place', describe(model, before[models.indexOf(model)]));
    repaint();
  });
  return element('figure', {}, element('figcaption'), canvas,
                 element('div', { className: 'bar' }), element('div', { className: 'ends' }));
}

function hold(held) {
  state.held = held;
  repaint();
}

function newCard(model, number) {
  const [list, bars] = newBars(number), figures = [newFigure(model), newFigure(model)];
  const title = element('h2', { textContent: models.length > 1 ? model.spec.name : 'What the network makes of it' });
  const pair = element('div', { className: 'pair' }, ...figures), line = element('p', { className: 'line quiet' });
  byId('models').append(element('section', { className: 'model' }, element('div', {}, title, list, line), pair));
  const strips = [0, 1].map(() => element('canvas', { className: 'strip' })), stripLine = element('p');
  for (const strip of strips) strip.setAttribute('aria-hidden', 'true'); // the line says it in words
  byId('strips').append(...strips, stripLine);
  return { bars, figures, line, strips, stripLine };
}

function newSwitch(label, get, set) {
  const input = element('input', { type: 'checkbox', checked: true });
  input.addEventListener('change', () => {
    remember();
    set(input.checked);
    change();
  });
  switches.push(() => { input.checked = get(); });
  return element('label', {}, input, label);
}

const switches = [];
const showParts = () => switches.forEach((show) => show());

function newSwitches(model) {
  const { parts, spec } = model, sets = [];
  const group = (legend, ...inner) => element('fieldset', {}, element('legend', { textContent: legend }), ...inner);
  for (let layer = 0; layer < spec.layers; layer++) {
    const heads = Array.from({ length: spec.heads }, (_, head) => newSwitch(`head ${head}`, () => parts.heads[layer][head],
      (on) => { parts.heads[layer][head] = on; }));
    sets.push(group(`Layer ${layer}`, newSwitch('whole layer', () => parts.layers[layer],
                                                    (on) => { parts.layers[layer] = on; }), ...heads));
  }
  if (spec.position !== 'none') {
    sets.unshift(newSwitch('positions', () => parts.positions, (on) => { parts.positions = on; }));
  }
  byId('parts').append(models.length > 1 ? group(spec.name, ...sets) : element('div', {}, ...sets));
}

function thumbnails() {
  pictures.forEach((picture, i) => {
    const button = element('button', { type: 'button' }, newCanvas(width, height, (j) => [...rgbOf(picture, j), 255]));
    button.setAttribute('aria-label', `Picture ${i + 1}`);
    button.addEventListener('click', () => {
      stopCamera();
      setPicture(picture);
    });
    byId('pictures').append(button);
  });
  byId('pictures').hidden = pictures.length < 2;
}

function resize() {
  fit(byId('picture'), height / width);
  for (const { figures } of cards) for (const figure of figures) fit(figure.querySelector('canvas'), height / width);
  if (seen && !working) paint();
}

function connect() {
  const on = (id, kind, act) => byId(id).addEventListener(kind, act);
  for (const button of document.querySelectorAll('[data-tool]')) {
    button.addEventListener('click', () => chooseTool(button.dataset.tool));
  }
  for (const button of document.querySelectorAll('[data-view]')) {
    button.addEventListener('click', () => chooseView(button.dataset.view));
  }
  for (const button of document.querySelectorAll('[data-move]')) {
    button.addEventListener('click', () => move(...button.dataset.move.split(',').map(Number)));
  }
  on('picture', 'pointerdown', pressPicture);
  on('picture', 'pointermove', movePicture);
  for (const kind of ['pointerup', 'pointercancel']) on('picture', kind, () => { stroke = null; });
  on('picture', 'keydown', keyOnPicture);
  on('picture', 'blur', repaint);
  on('undo', 'click', undo);
  on('reset', 'click', () => { stopCamera(); startAgain(); });
  on('empty', 'click', () => {
    stopCamera();
    setPicture(Float32Array.from({ length: height * width * channels }, (_, i) => empty[i % channels]));
  });
  on('swap', 'click', () => { remember(); state.pixels = state.pixels.map((value) => 255 - value); change(); });
  on('keep', 'click', () => { remember(); keepReference(); change(); });
  on('open', 'click', () => byId('file').click());
  on('file', 'change', () => { takeFrom(byId('file')); byId('file').value = ''; });
  on('camera', 'click', () => (camera ? stopCamera() : startCamera()));
  for (const [id, key] of [['layer', 'layer'], ['head', 'head'], ['class', 'class'], ['stage', 'stage']]) {
    on(id, 'change', () => {
      const { value } = byId(id);
      state[key] = value === 'mean' || value === 'top' ? value : Number(value);
      repaint();
    });
  }
  for (const id of ['photo', 'compare']) on(id, 'change', () => { state[id] = byId(id).checked; repaint(); });
  on('filling', 'change', () => { state.filling = byId('filling').value; change(); });
  on('order', 'change', refreshCurve);
  on('count', 'input', () => {
    remember();
    state.count = Number(byId('count').value);
    state.hidden = curve ? firstOf(curve.order, state.count) : state.hidden;
    change();
  });
  on('deletion', 'toggle', () => { paintCurve(); refreshCurve(); });
  for (const id of ['numbers', 'making']) on(id, 'toggle', repaint);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hold(false);
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
      undo();
      event.preventDefault();
    }
  });
  document.addEventListener('paste', (event) => { if (takeFrom(event.clipboardData)) event.preventDefault(); });
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault(); // else the browser would leave this page for the file
    if (!takeFrom(event.dataTransfer)) tell('That is no file. Drop a picture from a folder, or save it first.');
  });
  linkWords();
}

/** The address of the course's glossary, where the page stands on the course's site or in a notebook; else null. */
function glossaryBeside() {
  try {
    const { document: outside, location } = window.parent;
    if (outside.querySelector('script[src*="glossary.js"]')) return new URL('glossary.html', location).href;
    if (!('jpThemeLight' in outside.body.dataset)) return null; // neither JupyterLab nor Jupyter Notebook
    const lab = /\/tree\/.+\.ipynb$/.test(location.pathname);
    const place = lab ? location.href : location.href.replace('/notebooks/', '/edit/'); // Jupyter Notebook's own two views
    return lab || place !== location.href ? new URL('glossary.md', place).href : null;
  } catch {
    return null; // another origin
  }
}

/** Words lead to the course's glossary, or where there is none beside the page to its own short list. */
function linkWords() {
  const glossary = glossaryBeside();
  for (const link of document.querySelectorAll('a[href^="#word-"]')) {
    const word = byId(link.getAttribute('href').slice(1));
    if (glossary) {
      Object.assign(link, { href: glossaryEntry(glossary, word), target: '_blank', rel: 'noopener' }); // what is drawn stays
      continue;
    }
    link.addEventListener('click', (event) => { // in a frame without an address a link would lead out of it
      event.preventDefault();
      byId('words').open = true;
      word.focus();
    });
  }
  if (!glossary) return;
  for (const word of document.querySelectorAll('dt[data-term]')) {
    word.append(' (', element('a', { href: glossaryEntry(glossary, word), target: '_blank', rel: 'noopener',
                                     textContent: 'in the course' }), ')');
    word.querySelector('a').setAttribute('aria-label', `${word.firstChild.textContent} in the glossary of the course`);
  }
}

const glossaryEntry = (glossary, word) => glossary + (glossary.endsWith('.html') ? `#term-${word.dataset.term}` : '');

function chooseView(view) {
  state.view = view;
  for (const button of document.querySelectorAll('[data-view]')) {
    button.setAttribute('aria-pressed', button.dataset.view === view);
  }
  repaint();
}

function fillSelects() {
  const layers = Math.max(...models.map(({ spec }) => spec.layers)), heads = Math.max(...models.map(({ spec }) => spec.heads));
  const count = (number) => [...Array(number).keys()];
  fill(byId('layer'), count(layers).map((i) => [i, `layer ${i}`]));
  state.layer = layers - 1;
  byId('layer').value = state.layer;
  fill(byId('head'), [['mean', 'mean over heads'], ...count(heads).map((i) => [i, `head ${i}`])]);
  fill(byId('class'), [['top', 'the likeliest'], ...meta.classes.map((name, c) => [c, name])]);
  fill(byId('stage'), count(layers + 3).map((i) => [i, i === 0 ? 'out of the tokenizer' : i === 1 ? 'with its position'
    : i === layers + 2 ? 'at the end' : `after layer ${i - 2}`]));
  fill(byId('order'), ORDERS.filter(([kind]) => kind !== 'votes' || models[0].pooling()));
  byId('count').max = models[0].squares;
}

let kernel, weightsOf;

async function unpack() {
  const bytes = await inflated(...await decodedInSlices(byId('blob').textContent));
  kernel = newKernel(decoded(byId('kernel').textContent));
  weightsOf = meta.models.map((spec) => unpackedWeights(spec, bytes.buffer));
  const built = () => meta.models.map((spec, i) => newModel(spec, weightsOf[i], kernel));
  models = built();
  await pause();
  before = built();
  await inSlices(...[...models, ...before].map((model) => model.prepare()));
  const each = height * width * channels;
  pictures = Array.from({ length: meta.pictures }, (_, i) =>
    Float32Array.from(bytes.subarray(meta.pictures_at + i * each, meta.pictures_at + (i + 1) * each)));
}

async function decodedInSlices(text) {
  const clean = text.trim(), step = 4 * 50_000, parts = [];
  for (let at = 0; at < clean.length; at += step) {
    parts.push(decoded(clean.slice(at, at + step)));
    if (at) await pause();
  }
  return parts;
}

async function start() {
  await unpack();
  byId('live').classList.toggle('alone', models.length === 1);
  empty = emptyColour();
  state.pixels = state.origin = pictures[0] ?? Float32Array.from({ length: height * width * channels }, (_, i) => empty[i % channels]);
  state.hidden = new Uint8Array(models[0].squares);
  pointTo(Math.floor(mainGrid()[0] / 2) * mainGrid()[1] + Math.floor(mainGrid()[1] / 2), mainGrid());
  keepReference();
  cards = models.map(newCard);
  models.forEach(newSwitches);
  fillSelects();
  thumbnails();
  byId('colour').value = '#e69f00';
  byId('colour').hidden = channels === 1;
  byId('swap').hidden = channels === 3;
  Object.assign(byId('width'), { max: Math.max(4, Math.round(width / 3)), value: Math.max(2, Math.round(width / 8)) });
  byId('picture').setAttribute('aria-label', `Picture of ${height} by ${width} pixels`);
  connect();
  chooseTool('draw');
  chooseView('looks');
  byId('loading').hidden = true;
  byId('live').hidden = false;
  new ResizeObserver(resize).observe(byId('picture'));
  resize();
  change();
}

byId('title').textContent = meta.title;
byId('lead').append(...(meta.models.length > 1 ? 'Some small networks look at this picture. They run' :
  'A small network looks at this picture. It runs').concat(' here, in this page. *Draw* on the picture, and the bars show ' +
  'what it makes of it now. *Point* at a square, and the small pictures show which other squares it takes from. ' +
  '*Compare*: the upright lines on the bars are from before you changed anything.').split('*').map(
  (text, i) => (i % 2 ? element('strong', { textContent: text }) : text)));
start().catch(fail);
