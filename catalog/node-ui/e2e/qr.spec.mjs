// The pages' QR codes, read back by an independent decoder. Needs no browser and no page.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import jsQR from 'jsqr';

import { encode } from '../html/shared/qr.js';

const read = jsQR.default ?? jsQR;
const quietZone = 4;
const pixels = 3; // to a module

function decoded(grid) {
  const width = (grid.length + 2 * quietZone) * pixels;
  const image = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let y = 0; y < width; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [row, column] = [y, x].map((at) => Math.floor(at / pixels) - quietZone);
      if (grid[row]?.[column]) image.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return read(image, width, width)?.data;
}

test('every length is read back, in every version from 1 to 10', () => {
  const sizes = new Set();
  for (let length = 1; length <= 213; length += 1) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * 7 + length * 13) % 90))).join('');
    const grid = encode(text);
    sizes.add(grid.length);
    assert.equal(decoded(grid), text);
  }
  assert.deepEqual([...sizes], [21, 25, 29, 33, 37, 41, 45, 49, 53, 57]);
});

for (const text of [
  '127.0.0.1:8333',
  '[2001:db8::9]:8333',
  `${'02'.padEnd(66, 'a1')}@${'b'.repeat(56)}.onion:9735`,
  'Grüße ⚡',
]) {
  test(`reads back ${text}`, () => assert.equal(decoded(encode(text)), text));
}
