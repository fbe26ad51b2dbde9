// What both pages share: words, pictures, the theme and the height of the frame.

const byId = (id) => document.getElementById(id);
const ORANGE = [230, 159, 0], BLUE = [0, 114, 178], VEIL = 0.85;
const CIVIDIS = ['00224e', '1a386f', '434e6c', '61656f', '7d7c78', '9b9476', 'bcae6c', 'dec958', 'fee838'].map(
  (hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));

/** Repeatable random numbers from 0 to 1 (the generator mulberry32). */
function randomNumbers(seed) {
  return () => {
    seed = (seed + 1831565813) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const percent = (weight) => `${parseFloat((100 * weight).toPrecision(weight < 1e-3 ? 1 : 3))}%`;
const size = (value) => Math.abs(value);
const signed = (vote) => // below a millionth stands only rounding
  (size(vote) < 1e-6 ? '0' : `${vote < 0 ? '−' : '+'}${parseFloat(size(vote).toPrecision(3))}`);
const capital = (text) => text[0].toUpperCase() + text.slice(1);

function largestTokens(row, count) {
  return [...row.keys()].sort((a, b) => size(row[b]) - size(row[a])).slice(0, count);
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => Object.assign(document.createElement('option'),
                                                                         { value, textContent: text })));
}

const mix = (a, b, share) => a.map((value, i) => value + share * (b[i] - value));

/** Colour for a share of a scale, -1 to 1: [red, green, blue, alpha], each 0 to 255. */
function colourOf(share, overPhoto, isSigned) {
  const hue = share < 0 ? BLUE : ORANGE;
  if (overPhoto) return [...hue, 255 * VEIL * size(share)];
  if (isSigned) return [...mix([255, 255, 255], hue, size(share)), 255];
  const place = share * (CIVIDIS.length - 1), below = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return [...mix(CIVIDIS[below], CIVIDIS[below + 1], place - below), 255];
}

function newCanvas(width, height, fill) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d'), pixels = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) pixels.data.set(fill(i), 4 * i);
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** The photo under a map, 30 to 158 of 255: orange is lighter than all of it. */
const greyOf = ([red, green, blue]) => 30 + 0.5 * (0.299 * red + 0.587 * green + 0.114 * blue);

/** Black and white together can be seen on any colour; dashes tell the pinned token from the current one. */
function ring(context, [rows, columns], token, dashed) {
  const { width, height } = context.canvas, unit = window.devicePixelRatio || 1;
  const cell = [token % columns * width / columns, Math.floor(token / columns) * height / rows,
                width / columns, height / rows];
  for (const [line, style] of [[4, '#000'], [2, '#fff']]) {
    context.setLineDash(dashed && style === '#fff' ? [4 * unit, 3 * unit] : []);
    context.lineWidth = line * unit;
    context.strokeStyle = style;
    context.strokeRect(...cell);
  }
}

/** Thin lines between the squares, light and dark. */
function drawGrid(context, [rows, columns]) {
  const { width, height } = context.canvas;
  context.setLineDash([]);
  context.lineWidth = 1;
  for (const [style, shift] of [['rgb(0 0 0 / 35%)', 1], ['rgb(255 255 255 / 45%)', 0]]) {
    context.strokeStyle = style;
    context.beginPath();
    for (let c = 1; c < columns; c++) {
      const x = Math.round(c * width / columns) + shift + 0.5;
      context.moveTo(x, 0);
      context.lineTo(x, height);
    }
    for (let r = 1; r < rows; r++) {
      const y = Math.round(r * height / rows) + shift + 0.5;
      context.moveTo(0, y);
      context.lineTo(width, y);
    }
    context.stroke();
  }
}

/** The token of a grid under the pointer, on the element that got the event. */
function tokenAt(event, [rows, columns]) {
  const box = event.currentTarget.getBoundingClientRect();
  const cell = (place, length, count) => Math.max(0, Math.min(count - 1, Math.floor(place / length * count)));
  return cell(event.clientY - box.top, box.height, rows) * columns + cell(event.clientX - box.left, box.width, columns);
}

/** Where a key leads from a token of a grid, or null for a key that moves nothing. */
function tokenByKey(event, [rows, columns], token) {
  const row = Math.floor(token / columns), column = token % columns, all = event.ctrlKey || event.metaKey;
  const moves = {
    ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
    Home: [all ? 0 : row, 0], End: [all ? rows - 1 : row, columns - 1],
  };
  if (!(event.key in moves)) return null;
  const [r, c] = moves[event.key];
  return Math.max(0, Math.min(rows - 1, r)) * columns + Math.max(0, Math.min(columns - 1, c));
}

/** Bytes from base64. */
const decoded = (text) => Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));

/** Bytes, from parts that are deflated together. */
async function inflated(...parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** One sentence in place of a page that cannot start. */
function fail(error) {
  byId('failed').textContent = `This browser cannot unpack the weights (${error.message}). A newer one can.`;
  byId('failed').hidden = false;
}

// Around the page: theme and height. The page outside may not let itself be read; then the system's theme is taken.

const systemDark = window.matchMedia('(prefers-color-scheme: dark)');

function setTheme() {
  let dark = systemDark.matches;
  try {
    const jupyter = window.parent.document.body.dataset.jpThemeLight;
    if (jupyter) dark = jupyter === 'false';
  } catch { /* another origin */ }
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}

function fitFrame() {
  try {
    const frame = window.frameElement;
    if (!frame || !document.body.offsetHeight) return; // on its own, or in a tab that is not shown yet
    frame.style.height = `${document.body.offsetHeight + 4}px`;
    if (frame.nextElementSibling) frame.nextElementSibling.hidden = true; // the line for pages where no script runs
  } catch { /* another origin: the frame keeps its height and scrolls */ }
}

setTheme();
systemDark.addEventListener('change', setTheme);
try { // Jupyter's theme can change while the page is open
  new MutationObserver(setTheme).observe(window.parent.document.body, { attributeFilter: ['data-jp-theme-light'] });
} catch { /* another origin */ }
new ResizeObserver(fitFrame).observe(document.body);
