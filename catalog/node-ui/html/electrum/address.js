// Turns a typed address into the script hash that an Electrum server knows. Pure.
//
// Base58Check and Bech32 as in BIP-173 and BIP-350. The script hash of Electrum's protocol is the
// SHA-256 of the output's script, reversed. SHA-256 is in sha256.js, since over plain http a
// browser does not offer its own to pages.

import { sha256 } from './sha256.js';

// Version bytes and the human-readable part, as in Bitcoin Core's src/kernel/chainparams.cpp.
const kinds = {
  main: { p2pkh: 0, p2sh: 5, hrp: 'bc' },
  test: { p2pkh: 111, p2sh: 196, hrp: 'tb' },
  regtest: { p2pkh: 111, p2sh: 196, hrp: 'bcrt' },
};
const kindOf = { main: 'main', test: 'test', testnet4: 'test', signet: 'test', regtest: 'regtest' };
const names = { main: 'the main network', test: 'a test network', regtest: 'regtest' };

/** Why a typed text is not accepted, as a sentence for the person. */
export class AddressError extends Error {}

/**
 * The script hash (64 hexadecimal digits) of an address of `network`, or of a script hash as it is.
 * Throws an AddressError.
 */
export function scriptHash(typed, network) {
  const text = typed.trim();
  if (text === '') throw new AddressError('Type an address or a script hash.');
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  return hex(sha256(script(text, network)).reverse());
}

/** The bytes of the output's script for an address. */
export function script(address, network) {
  const kind = kindOf[network] ?? 'main';
  const split = address.lastIndexOf('1');
  const hrp = address.slice(0, split).toLowerCase();
  const theirs = Object.keys(kinds).find((name) => kinds[name].hrp === hrp);
  if (split > 0 && theirs !== undefined) {
    const bytes = segwit(address);
    mine(theirs === kind, theirs, network);
    return bytes;
  }
  return legacy(address, kind, network);
}

function mine(yes, theirs, network) {
  if (yes) return;
  const followed = network === 'main' ? names.main : network;
  throw new AddressError(`This is an address of ${names[theirs]}, but this server follows ${followed}.`);
}

// ── Base58Check: a version byte, 20 bytes of hash, 4 of checksum ──

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function legacy(address, kind, network) {
  if (address.length < 26 || address.length > 35) throw neither();
  const bytes = [];
  for (const character of address) {
    let carry = base58.indexOf(character);
    if (carry === -1) throw /\w/.test(character) ? new AddressError(`An address of this kind has no “${character}”.`) : neither();
    for (let i = 0; i < bytes.length; i += 1) {
      carry += bytes[i] * 58;
      bytes[i] = carry & 0xff;
      carry >>= 8;
    }
    while (carry > 0) {
      bytes.push(carry & 0xff);
      carry >>= 8;
    }
  }
  for (const character of address) {
    if (character !== '1') break;
    bytes.push(0);
  }
  bytes.reverse();
  const payload = bytes.slice(0, -4);
  const checksum = sha256(sha256(payload)).slice(0, 4);
  if (bytes.length !== 25 || !checksum.every((byte, i) => byte === bytes[21 + i])) throw mistyped();
  const [version, ...hash] = payload;
  const theirs = Object.keys(kinds).find((name) => version === kinds[name].p2pkh || version === kinds[name].p2sh);
  if (theirs === undefined) throw new AddressError('This is an address of another currency.');
  // Test networks and regtest share their version bytes.
  mine((theirs === 'main') === (kind === 'main'), theirs, network);
  const toKey = version === kinds[theirs].p2pkh;
  return toKey ? [0x76, 0xa9, 20, ...hash, 0x88, 0xac] : [0xa9, 20, ...hash, 0x87];
}

function neither() {
  return new AddressError('This is neither an address nor a script hash.');
}

// ── Bech32 and Bech32m ──

const bech32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const checksumOf = { bech32: 1, bech32m: 0x2bc830a3 };

function segwit(address) {
  if (address !== address.toLowerCase() && address !== address.toUpperCase()) {
    throw new AddressError('An address of this kind is all in small letters or all in capitals.');
  }
  const lower = address.toLowerCase();
  const split = lower.lastIndexOf('1');
  const values = [...lower.slice(split + 1)].map((character) => bech32.indexOf(character));
  const wrong = values.indexOf(-1);
  if (wrong !== -1) throw new AddressError(`An address of this kind has no “${lower[split + 1 + wrong]}”.`);
  if (lower.length > 90 || values.length < 7) throw mistyped();
  const sum = polymod([...expanded(lower.slice(0, split)), ...values]);
  const version = values[0];
  const program = toBytes(values.slice(1, -6));
  if (sum !== (version === 0 ? checksumOf.bech32 : checksumOf.bech32m) || version > 16 || program === null) throw mistyped();
  const fits = version === 0 ? program.length === 20 || program.length === 32 : program.length >= 2 && program.length <= 40;
  if (!fits) throw mistyped();
  return [version === 0 ? 0 : 0x50 + version, program.length, ...program];
}

function polymod(values) {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    generators.forEach((generator, i) => {
      if ((top >> i) & 1) sum ^= generator;
    });
  }
  return sum >>> 0;
}

function expanded(hrp) {
  const codes = [...hrp].map((character) => character.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

/** Groups of 5 bits as bytes; null if the remaining bits are not padding. */
function toBytes(values) {
  const bytes = [];
  let bits = 0;
  let count = 0;
  for (const value of values) {
    bits = ((bits << 5) | value) & 0xfff;
    count += 5;
    if (count >= 8) {
      count -= 8;
      bytes.push((bits >> count) & 0xff);
    }
  }
  return count >= 5 || (bits & ((1 << count) - 1)) !== 0 ? null : bytes;
}

function mistyped() {
  return new AddressError('This address is mistyped: its checksum is wrong.');
}

function hex(bytes) {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
