// Text as a QR code (ISO/IEC 18004): byte mode, error correction level M, versions 1 to 10, up to
// 213 bytes. Pure.

// For each version at level M: [all codewords, codewords for error correction in a block, blocks].
// Tables 7 and 9.
const versions = [
  null,
  [26, 10, 1],
  [44, 16, 1],
  [70, 26, 1],
  [100, 18, 2],
  [134, 24, 2],
  [172, 16, 4],
  [196, 18, 4],
  [242, 22, 4],
  [292, 22, 5],
  [346, 26, 5],
];
// Rows and columns of the centres of alignment patterns. Annex E.
const alignments = [null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

/**
 * Rows of modules, true for dark, without the quiet zone. Throws a RangeError if the text is too
 * long.
 */
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const version = versions.findIndex((row, v) => row !== null && bytes.length <= room(v));
  if (version === -1) throw new RangeError(`${bytes.length} bytes do not fit into a QR code of version 10`);
  const words = interleave(withPadding(bytes, version), version);
  const candidates = masks.map((mask, number) => drawn(version, words, mask, number));
  const penalties = candidates.map(penalty);
  return candidates[penalties.indexOf(Math.min(...penalties))];
}

function dataWords(version) {
  const [all, correction, blocks] = versions[version];
  return all - correction * blocks;
}

const lengthBits = (version) => (version < 10 ? 8 : 16);

/** How many bytes fit: the mode takes 4 bits, the length 8 or 16. */
function room(version) {
  return Math.floor((dataWords(version) * 8 - 4 - lengthBits(version)) / 8);
}

function withPadding(bytes, version) {
  const bits = [];
  const push = (value, count) => {
    for (let i = count - 1; i >= 0; i -= 1) bits.push((value >> i) & 1);
  };
  push(0b0100, 4); // byte mode
  push(bytes.length, lengthBits(version));
  for (const byte of bytes) push(byte, 8);
  const end = dataWords(version) * 8;
  push(0, Math.min(4, end - bits.length)); // terminator
  push(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < end; pad ^= 0xec ^ 0x11) push(pad, 8);
  return Array.from({ length: end / 8 }, (_, i) => Number.parseInt(bits.slice(i * 8, i * 8 + 8).join(''), 2));
}

// ── Error correction: Reed-Solomon over GF(256) with the polynomial x⁸+x⁴+x³+x²+1 ──

const power = [1];
for (let i = 1; i < 255; i += 1) power[i] = (power[i - 1] << 1) ^ (power[i - 1] & 0x80 ? 0x11d : 0);
const logarithm = [];
power.forEach((value, exponent) => {
  logarithm[value] = exponent;
});

function times(a, b) {
  return a === 0 || b === 0 ? 0 : power[(logarithm[a] + logarithm[b]) % 255];
}

/** The coefficients of (x − 1)(x − α)…(x − αⁿ⁻¹) below the leading one. */
function generator(degree) {
  let coefficients = [1];
  for (let i = 0; i < degree; i += 1) {
    const next = [...coefficients, 0];
    coefficients.forEach((coefficient, j) => {
      next[j + 1] ^= times(coefficient, power[i]);
    });
    coefficients = next;
  }
  return coefficients.slice(1);
}

/** The remainder of the data, shifted by the generator's degree, divided by it. */
function correctionOf(data, divisor) {
  const remainder = divisor.map(() => 0);
  for (const word of data) {
    const factor = word ^ remainder.shift();
    remainder.push(0);
    divisor.forEach((coefficient, i) => {
      remainder[i] ^= times(coefficient, factor);
    });
  }
  return remainder;
}

/**
 * Cuts the data into blocks, shorter ones first, and interleaves their words: first data, then
 * correction.
 */
function interleave(data, version) {
  const [, correction, count] = versions[version];
  const short = Math.floor(data.length / count);
  const longer = data.length % count;
  const blocks = [];
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const length = short + (i >= count - longer ? 1 : 0);
    blocks.push(data.slice(at, at + length));
    at += length;
  }
  const divisor = generator(correction);
  return [...inTurn(blocks), ...inTurn(blocks.map((block) => correctionOf(block, divisor)))];
}

function inTurn(blocks) {
  const longest = Math.max(...blocks.map((block) => block.length));
  return Array.from({ length: longest }, (_, i) => blocks.map((block) => block[i]).filter((word) => word !== undefined)).flat();
}

// ── Drawing ──

const masks = [
  (row, column) => (row + column) % 2 === 0,
  (row) => row % 2 === 0,
  (row, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
];

function drawn(version, words, mask, maskNumber) {
  const size = 17 + 4 * version;
  const grid = Array.from({ length: size }, () => Array(size).fill(null)); // null: free for data
  const set = (row, column, dark) => {
    if (row >= 0 && row < size && column >= 0 && column < size) grid[row][column] = dark;
  };

  for (let i = 0; i < size; i += 1) {
    set(6, i, i % 2 === 0); // timing
    set(i, 6, i % 2 === 0);
  }
  for (const [row, column] of [[3, 3], [3, size - 4], [size - 4, 3]]) {
    // a finder and its separator: rings around the centre
    square(4, (dr, dc, ring) => set(row + dr, column + dc, ring !== 2 && ring !== 4));
  }
  const centres = alignments[version];
  const last = centres.length - 1;
  centres.forEach((row, i) => centres.forEach((column, j) => {
    const onFinder = (i === 0 && (j === 0 || j === last)) || (i === last && j === 0);
    if (!onFinder) square(2, (dr, dc, ring) => set(row + dr, column + dc, ring !== 1));
  }));
  formatModules(size).forEach(([row, column], i) => set(row, column, bit(formatBits(maskNumber), i % 15)));
  set(size - 8, 8, true); // always dark
  if (version >= 7) {
    for (let i = 0; i < 18; i += 1) {
      const [far, near] = [size - 11 + (i % 3), Math.floor(i / 3)];
      set(far, near, bit(versionBits(version), i));
      set(near, far, bit(versionBits(version), i));
    }
  }

  const bits = words.flatMap((word) => [7, 6, 5, 4, 3, 2, 1, 0].map((i) => bit(word, i)));
  let next = 0; // modules after the last bit are light before masking
  for (const [row, column] of zigzag(size)) {
    if (grid[row][column] !== null) continue;
    grid[row][column] = (bits[next] ?? false) !== mask(row, column);
    next += 1;
  }
  return grid;
}

const bit = (value, i) => ((value >> i) & 1) === 1;

/** Calls `draw(dr, dc, ring)` for the square of this reach around a centre. */
function square(reach, draw) {
  for (let dr = -reach; dr <= reach; dr += 1) {
    for (let dc = -reach; dc <= reach; dc += 1) draw(dr, dc, Math.max(Math.abs(dr), Math.abs(dc)));
  }
}

/**
 * The places of the 15 format bits, lowest first: once around the upper left finder, once at the
 * other two.
 */
function formatModules(size) {
  const around = [[0, 8], [1, 8], [2, 8], [3, 8], [4, 8], [5, 8], [7, 8], [8, 8], [8, 7], [8, 5], [8, 4], [8, 3], [8, 2], [8, 1], [8, 0]];
  const right = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => [8, size - i]);
  const below = [7, 6, 5, 4, 3, 2, 1].map((i) => [size - i, 8]);
  return [...around, ...right, ...below];
}

/** Level M (00) and the mask with a BCH code, masked so that they are never all light. Annex C. */
function formatBits(maskNumber) {
  return ((maskNumber << 10) | remainder(maskNumber << 10, 0x537, 10)) ^ 0x5412;
}

/** The version with its BCH code. Annex D. */
function versionBits(version) {
  return (version << 12) | remainder(version << 12, 0x1f25, 12);
}

function remainder(value, divisor, degree) {
  let rest = value;
  for (let i = 31 - Math.clz32(rest || 1); i >= degree; i -= 1) {
    if (bit(rest, i)) rest ^= divisor << (i - degree);
  }
  return rest;
}

/**
 * The modules in the order of the bits: pairs of columns from the right, up and down in turn, past
 * the timing column.
 */
function* zigzag(size) {
  let upwards = true;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i += 1) {
      const row = upwards ? size - 1 - i : i;
      yield [row, right];
      yield [row, right - 1];
    }
    upwards = !upwards;
  }
}

/** How hard a grid is to read; the mask with the lowest penalty is used. Section 7.8.3. */
function penalty(grid) {
  const columns = grid[0].map((_, column) => grid.map((row) => row[column]));
  let points = 0;
  for (const line of [...grid, ...columns]) points += runs(line) + lookalikes(line);
  for (let row = 1; row < grid.length; row += 1) {
    for (let column = 1; column < grid.length; column += 1) {
      const dark = grid[row][column];
      if (grid[row - 1][column] === dark && grid[row][column - 1] === dark && grid[row - 1][column - 1] === dark) points += 3;
    }
  }
  const dark = grid.flat().filter(Boolean).length / grid.length ** 2;
  return points + 10 * Math.floor(Math.abs(dark - 0.5) / 0.05);
}

/** Five or more of one colour in a row. */
function runs(line) {
  let points = 0;
  let length = 0;
  line.forEach((dark, i) => {
    length = i > 0 && line[i - 1] === dark ? length + 1 : 1;
    if (length === 5) points += 3;
    if (length > 5) points += 1;
  });
  return points;
}

/** Patterns that look like a finder: 1011101 with four light modules before or after it. */
function lookalikes(line) {
  const text = line.map((dark) => (dark ? '1' : '0')).join('');
  let found = 0;
  for (const pattern of ['10111010000', '00001011101']) {
    for (let at = text.indexOf(pattern); at !== -1; at = text.indexOf(pattern, at + 1)) found += 1;
  }
  return 40 * found;
}
