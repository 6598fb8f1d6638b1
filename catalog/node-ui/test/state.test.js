// Texts of the pages, as tables. Run: node --test catalog/node-ui/test/
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { connections } from '../html/node/connections.js';
import * as lists from '../html/node/lists.js';
import * as node from '../html/node/state.js';
import * as format from '../html/shared/format.js';
import { encode } from '../html/shared/qr.js';

const now = 1_800_000_000;
const synced = { chain: 'main', blocks: 900, headers: 900, initialblockdownload: false, verificationprogress: 1 };
const answer = ({ chain = {}, network = {}, age = 60, peers = null, ready = null, error = null }) => ({
  chain: { ...synced, ...chain },
  network: { networkactive: true, connections: 8, ...network },
  blocks: [{ time: now - age }],
  peers,
  ready,
  error,
});

for (const [what, given, tone, headline, detail] of [
  ['a node in sync', {}, 'good', 'In sync', /every block/],
  ['one new block on its way', { chain: { headers: 901 } }, 'good', 'In sync', /./],
  ['an initial download', { chain: { headers: 5000, initialblockdownload: true, verificationprogress: 0.1 } }, 'busy', 'Catching up', /./],
  ['far behind after a pause', { chain: { headers: 950 } }, 'busy', 'Catching up', /./],
  ['no headers yet', { chain: { blocks: 0, headers: 0, initialblockdownload: true } }, 'busy', 'Fetching headers', /which blocks exist/],
  ['back after days', { chain: { initialblockdownload: true }, age: 3 * 86400 }, 'busy', 'Looking for newer blocks', /is old \(3 d ago\)/],
  ['no peers', { network: { connections: 0 } }, 'warn', 'No peers', /cannot know/],
  ['no peers on regtest', { chain: { chain: 'regtest' }, network: { connections: 0 } }, 'calm', 'Alone, as usual on regtest', /mined here\.$/],
  ['an old regtest chain', { chain: { chain: 'regtest', initialblockdownload: true }, network: { connections: 0 }, age: 5 * 86400 }, 'calm', 'Alone, as usual on regtest', /is old \(5 d ago\).*still in its initial download/],
  ['a fresh tip within the initial download', { chain: { initialblockdownload: true } }, 'busy', 'Looking for newer blocks', /not yet left/],
  ['networking off', { network: { networkactive: false, connections: 0 } }, 'warn', 'Networking is switched off', /./],
]) {
  test(`node: ${what}`, () => {
    const state = node.describe(answer(given), now);
    assert.deepEqual([state.tone, state.headline], [tone, headline]);
    assert.match(state.detail, detail);
  });
}

test('node: warming up, in its own words', () => {
  const state = node.describe({ chain: null, network: null, error: { code: -28, message: 'Loading block index…' } }, now);
  assert.deepEqual([state.headline, state.detail], ['Starting', 'Loading block index…']);
});

test('node: headline and detail stay the same while blocks come in, since screen readers speak changes', () => {
  const at = (blocks) => node.describe(answer({ chain: { blocks, headers: 5000, initialblockdownload: true, verificationprogress: blocks / 5000 } }), now);
  assert.equal(at(100).detail, at(101).detail);
  assert.notEqual(at(100).progress, at(101).progress);
});

test('node: progress, and the remaining time if it is known', () => {
  const chain = { blocks: 500, headers: 5000, initialblockdownload: true, verificationprogress: 0.834 };
  assert.equal(node.describe(answer({ chain }), now).progress, 'Block 500 of 5,000: 83 % of all the work');
  const ready = { ready: false, message: 'at 83 %, about 2 h left', progress: 0.834, remaining_s: 7200 };
  assert.equal(node.describe(answer({ chain, ready }), now).progress, 'Block 500 of 5,000: 83 % of all the work, about 2\u00a0h left');
  const early = { blocks: 0, headers: 0, initialblockdownload: true, verificationprogress: 0 };
  const peers = [{ presynced_headers: -1 }, { presynced_headers: 120000 }];
  assert.equal(node.describe(answer({ chain: early, peers }), now).progress, 'At header 120,000, in a first check before they are stored');
});

for (const [what, changed, expected] of [
  ['in sync', {}, 1],
  ['in sync, though the estimate is short of it', { verificationprogress: 0.99997 }, 1],
  ['a fresh regtest chain', { chain: 'regtest', blocks: 5, headers: 5, initialblockdownload: true, verificationprogress: 2e-6 }, 1],
  ['behind', { blocks: 500, initialblockdownload: true, verificationprogress: 0.25 }, 0.25],
  ['never all before it is all', { initialblockdownload: true, verificationprogress: 1 }, 0.9999],
]) {
  test(`node: the share of ${what}`, () => assert.equal(node.share({ ...synced, ...changed }), expected));
}

const peer = { id: 3, addr: '203.0.113.5:8333', network: 'ipv4', inbound: false, connection_type: 'outbound-full-relay', subver: '/Satoshi:31.1.0/', synced_headers: 900, synced_blocks: 899, pingtime: 0.0341, conntime: 5 };
for (const [what, changed, expected] of [
  ['a full one', {}, ['IPv4', 'Out', 'Satoshi 31.1.0', '900', '34 ms']],
  ['one from the container network', { network: 'not_publicly_routable', inbound: true, connection_type: 'inbound' }, ['Local', 'In', 'Satoshi 31.1.0', '900', '34 ms']],
  ['one that has not said anything', { subver: '', version: 0, synced_headers: -1, synced_blocks: -1, startingheight: -1, pingtime: undefined }, ['IPv4', 'Out', 'Protocol unknown', '–', '–']],
  ['one that only began', { synced_headers: -1, synced_blocks: -1, startingheight: 800 }, ['IPv4', 'Out', 'Satoshi 31.1.0', '800', '34 ms']],
  ['one of an older daemon', { network: undefined, connection_type: undefined, addr: '[2001:db8::1]:9333' }, ['IPv6', 'Out', 'Satoshi 31.1.0', '900', '34 ms']],
  ['one with much to say of itself', { subver: `/${'x'.repeat(200)}/` }, ['IPv4', 'Out', 'x'.repeat(40), '900', '34 ms']],
]) {
  test(`peers: ${what}`, () => assert.deepEqual(lists.peerRows([{ ...peer, ...changed }])[0].cells.map((cell) => cell.text), expected));
}

test('peers: a long address keeps its ends', () => {
  const addr = `${'a'.repeat(56)}.onion:8333`;
  assert.deepEqual(lists.peerRows([{ ...peer, addr }])[0].cells[0], { text: 'IPv4', under: `${'a'.repeat(13)}…aaa.onion:8333`, title: addr });
});

test('peers: versions by how many have them, the rare ones together', () => {
  const named = (name) => ({ ...peer, subver: `/${name}/` });
  assert.deepEqual(lists.versionCounts(['b', 'a', 'b'].map(named)), [['b', 2], ['a', 1]]);
  assert.deepEqual(lists.versionCounts([...'abcdefgh'].map(named)).at(-1), ['Others', 3]);
});

for (const [what, given, expected] of [
  ['all of them', { size_on_disk: 8e11, pruned: false }, { figure: '800 GB', note: 'All blocks are kept', share: null }],
  ['pruned', { size_on_disk: 5e8, pruned: true, pruneheight: 1000, prune_target_size: 1e9 }, { figure: '500 MB', note: 'Pruned below block 1,000; keeps 1.0 GB', share: 0.5 }],
  ['pruned when asked', { size_on_disk: 5e8, pruned: true, pruneheight: 0 }, { figure: '500 MB', note: 'Nothing pruned yet', share: null }],
]) {
  test(`blocks on disk: ${what}`, () => assert.deepEqual(lists.disk(given), expected));
}

test('the lowest fee, in the unit of its coin', () => {
  assert.equal(lists.leastFee({ mempoolminfee: 0.00001 }, 'bitcoin'), '1 sat/vB');
  assert.equal(lists.leastFee({ mempoolminfee: 0.000001 }, 'bitcoin'), '0.1 sat/vB');
  assert.equal(lists.leastFee({ mempoolminfee: 0.0001 }, 'litecoin'), '10 litoshi/vB');
});

for (const [address, hostname, value, note] of [
  ['127.0.0.1', 'node.lan', '127.0.0.1:8333', /^Only programs on this machine/],
  ['0.0.0.0', 'node.lan', 'node.lan:8333', /^Open on every address/],
  ['::', '[fd00::5]', '[fd00::5]:8333', /^Open on every address/],
  ['0.0.0.0', 'localhost', '127.0.0.1:8333', /must use its address/],
  ['192.168.1.5', '127.0.0.1', '192.168.1.5:8333', /^Open to everyone who/],
  ['fd00::5', '127.0.0.1', '[fd00::5]:8333', /^Open to everyone who/],
]) {
  test(`connect: ${address} seen from ${hostname}`, () => {
    const config = { p2p: { address, port: 8333 }, rpc: 'archy-bitcoin:8332', zmq: null };
    const [row, rpc, ...others] = connections(config, { localaddresses: [] }, hostname);
    assert.equal(row.value, value);
    assert.equal(row.code, value);
    assert.match(row.note, note);
    assert.deepEqual([rpc.value, rpc.code, others.length], ['archy-bitcoin:8332', null, 0]);
  });
}

test('connect: announced addresses, and ZeroMQ if it is on', () => {
  const config = { p2p: { address: '0.0.0.0', port: 8333 }, rpc: 'archy-bitcoin:8332', zmq: { rawblock: 'tcp://archy-bitcoin:28332', rawtx: 'x' } };
  const rows = connections(config, { localaddresses: [{ address: '2001:db8::9', port: 8333, score: 4 }] }, 'node.lan');
  assert.deepEqual(rows.map((row) => row.value), ['node.lan:8333', '[2001:db8::9]:8333', 'archy-bitcoin:8332', 'tcp://archy-bitcoin:28332']);
});

// An independent decoder reads such codes back (e2e/qr.spec.mjs); here a fingerprint shows that
// they are the same.
for (const [text, size, fingerprint] of [
  ['HELLO', 21, '32fbc389880456d5'],
  ['127.0.0.1:8333', 21, 'e5bcf28d3c373da7'],
  ['a'.repeat(213), 57, 'c463831103cf2588'],
]) {
  test(`QR code: ${text.length} bytes`, () => {
    const grid = encode(text);
    assert.deepEqual([grid.length, grid.every((row) => row.length === size)], [size, true]);
    const bits = grid.map((row) => row.map(Number).join('')).join('');
    assert.equal(createHash('sha256').update(bits).digest('hex').slice(0, 16), fingerprint);
  });
}

test('QR code: a text that does not fit is refused', () => {
  assert.throws(() => encode('a'.repeat(214)), RangeError);
  assert.throws(() => encode('ä'.repeat(107)), RangeError);
});

test('figures', () => {
  assert.deepEqual([0, 59, 60, 3599, 3600, 90000, 86400].map(format.duration), ['0 s', '59 s', '1 min', '59 min', '1 h', '1 d 1 h', '1 d']);
  assert.deepEqual([999, 1500, 812_000_000_000].map(format.bytes), ['999 B', '1.5 kB', '812 GB']);
  assert.deepEqual([0.834, 0.9997, 1].map(format.share), ['83 %', '99.9 %', '100 %']);
  assert.deepEqual([0.0004, 0.25, 1.26].map(format.milliseconds), ['1 ms', '250 ms', '1.3 s']);
  assert.equal(format.virtualBytes(1_500_000), '1.5 MvB');
  assert.equal(format.ago(now + 30, now), 'just now');
  assert.equal(format.count(undefined), '–');
});
