// SHA-256 (FIPS 180-4) of a list of bytes, as a list of 32 bytes. Pure.

const firstPrimes = [];
for (let n = 2; firstPrimes.length < 64; n += 1) {
  if (firstPrimes.every((prime) => n % prime !== 0)) firstPrimes.push(n);
}
/** The first 32 bits of a number's fractional part. */
const fraction = (x) => Math.floor((x - Math.floor(x)) * 2 ** 32) | 0;
const constants = firstPrimes.map((prime) => fraction(Math.cbrt(prime)));
const start = firstPrimes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

const turned = (word, bits) => (word >>> bits) | (word << (32 - bits));

export function sha256(bytes) {
  const padded = [...bytes, 0x80];
  while (padded.length % 64 !== 56) padded.push(0);
  const view = new DataView(new ArrayBuffer(padded.length + 8));
  padded.forEach((byte, i) => view.setUint8(i, byte));
  view.setUint32(padded.length, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length + 4, (bytes.length * 8) >>> 0);

  const state = start.slice();
  for (let at = 0; at < view.byteLength; at += 64) block(view, at, state);
  return state.flatMap((word) => [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff]);
}

function block(view, at, state) {
  const words = [];
  for (let i = 0; i < 16; i += 1) words.push(view.getInt32(at + 4 * i));
  for (let i = 16; i < 64; i += 1) {
    const [early, late] = [words[i - 15], words[i - 2]];
    const small = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
    const large = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
    words.push((words[i - 16] + small + words[i - 7] + large) | 0);
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const choice = (e & f) ^ (~e & g);
    const first = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + choice + constants[i] + words[i]) | 0;
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const second = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + majority) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = (state[i] + word) | 0;
  });
}
