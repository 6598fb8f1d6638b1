// The page of electrs, and its part of nginx's JavaScript. Run: node --test catalog/node-ui/test/
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHash } from 'node:crypto';

import { AddressError, script, scriptHash } from '../html/electrum/address.js';
import { bands, coins, feeRate, historyRows } from '../html/electrum/figures.js';
import { server } from '../html/electrum/server.js';
import { sha256 } from '../html/electrum/sha256.js';
import { describe, share } from '../html/electrum/state.js';
import electrum from '../njs/electrum.js';
import line from '../njs/electrum_line.js';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const now = 1_800_000_000;
const empty = { samples: [], verdict: null, time: 0 };

test('SHA-256 is that of node, at every length around a block', () => {
  for (let length = 0; length < 200; length += 1) {
    const bytes = Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
    assert.equal(hex(sha256(bytes)), createHash('sha256').update(Buffer.from(bytes)).digest('hex'), `${length}`);
  }
});

// The valid addresses of BIP-173 and BIP-350, with their scripts; and the first one ever paid to.
for (const [network, address, expected] of [
  ['main', 'BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4', '0014751e76e8199196d454941c45d1b3a323f1433bd6'],
  ['testnet4', 'tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7', '00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262'],
  ['main', 'bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y', '5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6'],
  ['main', 'BC1SW50QGDZ25J', '6002751e'],
  ['main', 'bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs', '5210751e76e8199196d454941c45d1b3a323'],
  ['signet', 'tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy', '0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433'],
  ['signet', 'tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c', '5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433'],
  ['main', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0', '512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'],
  ['main', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', '76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac'],
  ['main', '3P14159f73E4gFr7JterCCQh9QjiTjiZrG', 'a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87'],
  ['regtest', 'bcrt1qyq0052zwswfzn3qm3mdrca8c6wjclkv57t7mk0', '0014201efa284e839229c41b8eda3c74f8d3a58fd994'],
]) {
  test(`an address: ${address}`, () => assert.equal(hex(script(address, network)), expected));
}

test('a script hash is that of the first address ever paid to, and one that is typed stays as it is', () => {
  // https://electrumx.readthedocs.io/en/latest/protocol-basics.html#script-hashes
  const known = '8b01df4e368ea28f8dc0423bcf7a4923e3a12d307c875e47a0cfbf90b5c39161';
  assert.equal(scriptHash(' 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa\n', 'main'), known);
  assert.equal(scriptHash(known.toUpperCase(), 'regtest'), known);
});

for (const [network, typed, expected] of [
  // Invalid ones of BIP-173 and BIP-350.
  ['main', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd', /checksum/], // Bech32 instead of Bech32m
  ['testnet4', 'tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf', /checksum/],
  ['main', 'BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL', /checksum/],
  ['main', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh', /checksum/], // Bech32m instead of Bech32
  ['main', 'bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4', /no “o”/],
  ['main', 'BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R', /checksum/], // version 17
  ['main', 'bc1pw5dgrnzv', /checksum/], // a program of one byte
  ['main', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav', /checksum/],
  ['main', 'BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P', /checksum/],
  ['testnet4', 'tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq', /small letters/],
  ['main', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf', /checksum/], // padding of more than 4 bits
  ['testnet4', 'tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j', /checksum/], // padding that is not zero
  ['main', 'bc1gmk9yu', /checksum/],
  ['main', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb', /checksum/],
  ['main', '1A1zP1eP5QGefi2DMPTfTL5SLmv7Dlvf0a', /no “l”/],
  ['main', '', /^Type an address/],
  ['main', 'hello', /neither/],
  ['main', 'LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9', /another currency/],
  ['regtest', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', /of the main network.*follows regtest/],
  ['main', 'bcrt1qyq0052zwswfzn3qm3mdrca8c6wjclkv57t7mk0', /of regtest.*follows the main network/],
  ['signet', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', /of the main network.*follows signet/],
]) {
  test(`refused, with a reason: ${typed}`, () => {
    assert.throws(() => scriptHash(typed, network), (error) => error instanceof AddressError && expected.test(error.message));
  });
}

const node = { chain: 'main', blocks: 900, headers: 900, initialblockdownload: false };
const regtest = { ...node, chain: 'regtest', initialblockdownload: true };
// electrs' metrics before and after it has first read its node's blocks.
const running = '';
const begun = 'x\nelectrs_server_loop_duration_count{step="sync"} 12\n';
const away = { chain: null, held: false, message: 'waiting for bitcoin, which does not answer' };
const answered = (chain) => (chain === null ? away : { chain, held: false, message: null });
const measured = (text) => ({ status: text === null ? 502 : 200, text });
const replies = (height) => [{ result: 'Welcome' }, { result: { height } }];
const incomplete = 'waiting for bitcoin, which does not have all blocks yet';
for (const [what, electrs, metrics, chain, expected] of [
  ['an index that is complete', { status: 200, replies: replies(900) }, begun, node, true],
  ['a block that has just come', { status: 200, replies: replies(899) }, begun, node, true],
  ['two that are missing', { status: 200, replies: replies(898) }, begun, node, { ready: false, message: 'catching up, block 898 of 900', progress: 898 / 900 }],
  [
    'an index that is being built',
    { status: 200, replies: [{ error: { code: -32603 } }, { result: { height: 90 } }] },
    begun,
    node,
    { ready: false, message: 'catching up, block 90 of 900', progress: 0.1 },
  ],
  [
    'one that is being compacted',
    { status: 200, replies: [{ error: { code: -32603 } }, { result: { height: 900 } }] },
    begun,
    node,
    'compacting its new index',
  ],
  [
    'one too busy to answer, with metrics',
    { status: 504, replies: null },
    `${begun}electrs_index_height{type="tip"} 450\n`,
    node,
    { ready: false, message: 'catching up, block 450 of 900', progress: 0.5 },
  ],
  ['one too busy to answer', { status: 504, replies: null }, begun, node, 'not answering, as when it builds its index'],
  ['one that waits for its node', null, running, { ...node, initialblockdownload: true }, incomplete],
  ['one that has all blocks of a node in its first download', { status: 200, replies: replies(900) }, begun, { ...node, initialblockdownload: true }, incomplete],
  ['one above a node that has fallen behind', { status: 200, replies: replies(900) }, begun, { ...node, headers: 1044 }, incomplete],
  ['one on a regtest without a block', null, running, { ...regtest, blocks: 0, headers: 0 }, 'waiting for the first block of regtest: mine one'],
  ['one on a main network without a block', null, running, { ...node, blocks: 0, headers: 900, initialblockdownload: true }, incomplete],
  ['one that keeps calls on an old regtest', null, running, regtest, 'waiting for a new block of regtest, the newest being old: mine one'],
  ['one that has ended on an old regtest', null, null, regtest, 'not answering'],
  ['one that opens its index', null, running, node, 'starting'],
  ['one that has begun before, on an old regtest', { status: 200, replies: replies(900) }, begun, regtest, true],
  ['one on a regtest that is being fetched', null, running, { ...regtest, headers: 901 }, incomplete],
  ['one that is not there', null, null, node, 'not answering'],
  ['a port that answers something else', { status: 200, replies: null }, begun, node, 'giving answers that cannot be read'],
  ['one without its node', null, running, null, away.message],
]) {
  test(`readiness: ${what}`, () => {
    const said = typeof expected === 'string' ? { ready: false, message: expected } : expected === true ? { ready: true } : expected;
    assert.deepEqual(electrum.verdict(electrum.look(electrs, measured(metrics), answered(chain)), empty, now).verdict, said);
  });
}

test('readiness: while electrs reads blocks, its previous verdict holds', () => {
  const silent = electrum.look({ status: 504, replies: null }, measured(begun), answered(node));
  const ready = { samples: [], verdict: { ready: true }, time: now - 10 };
  assert.deepEqual(electrum.verdict(silent, ready, now), ready);
  assert.equal(electrum.verdict(silent, ready, now + 120).verdict.ready, false);
});

test('readiness: while its node checks a block, the previous verdict holds', () => {
  const silent = electrum.look(null, measured(begun), { ...away, held: true });
  const ready = { samples: [], verdict: { ready: true }, time: now - 10 };
  assert.deepEqual(electrum.verdict(silent, ready, now), ready);
  assert.equal(electrum.verdict(silent, ready, now + 120).verdict.message, away.message);
});

test('readiness: the previous verdict holds while metrics are late, but not without metrics', () => {
  const ready = { samples: [], verdict: { ready: true }, time: now - 10 };
  const look = (status) => electrum.look(null, { status, text: null }, answered(node));
  assert.deepEqual(electrum.verdict(look(504), ready, now), ready);
  assert.equal(electrum.verdict(look(504), ready, now + 120).verdict.message, 'not answering, as when it builds its index');
  assert.equal(electrum.verdict(look(502), ready, now).verdict.message, 'not answering');
});

test('readiness: a node that is away is reported at once', () => {
  const ready = { samples: [], verdict: { ready: true }, time: now - 1 };
  const { verdict } = electrum.verdict(electrum.look(null, measured(begun), away), ready, now);
  assert.deepEqual(verdict, { ready: false, message: away.message });
});

test('electrs gets calls once it has begun', () => {
  const never = begun.replace('12', '0');
  assert.deepEqual([null, running, never, begun].map(electrum.hasBegun), [false, false, false, true]);
  const waiting = (text) => electrum.look(null, measured(text), answered(node)).waiting;
  assert.deepEqual([null, running, begun].map(waiting), [false, true, false]);
});

test('readiness: the time that is left, from the pace so far', () => {
  const look = (height) => electrum.look({ status: 200, replies: replies(height) }, measured(begun), answered(node));
  const at = (height, memory, time) => electrum.verdict(look(height), memory, time);
  const later = at(190, at(90, empty, now), now + 100);
  assert.equal(later.verdict.remaining_s, 710);
});

const hash = '0f'.repeat(32);
for (const [body, status, reason] of [
  [`{"method":"blockchain.scripthash.subscribe","params":["${hash}"]}`, 200],
  [`[{"method":"blockchain.scripthash.get_history","params":["${hash}"]}]`, 200],
  ['{"method":"blockchain.transaction.broadcast","params":["00"]}', 403, /blockchain\.transaction\.broadcast/],
  // Calls that nginx makes itself; the headers ones end an electrs that has just started.
  ['{"method":"server.banner"}', 403],
  ['{"method":"blockchain.headers.subscribe"}', 403],
  ['{"method":"blockchain.block.header","params":[1]}', 403],
  [`[{"method":"blockchain.scripthash.get_balance","params":["${hash}"]},{"method":"blockchain.transaction.broadcast"}]`, 403],
  ['{"method":"x\\n{}"}', 403, /invalid name/],
  [`{"method":"blockchain.scripthash.get_balance","params":["${hash}\\n"]}`, 400],
  [`{"method":"blockchain.scripthash.get_balance","params":["${hash}0"]}`, 400],
  ['{"method":"blockchain.scripthash.get_balance","params":[{"a":1}]}', 400],
  [`{"method":"blockchain.scripthash.get_balance","params":["${hash}","${hash}"]}`, 400],
  [JSON.stringify(Array(4).fill({ method: 'blockchain.scripthash.get_balance', params: [hash] })), 400],
  ['[]', 400],
  ['null', 400],
  ['{', 400],
]) {
  test(`asked: ${body.slice(0, 80)}`, () => {
    const judged = electrum.judge(body);
    assert.equal(judged.status, status);
    if (reason) assert.match(judged.reason, reason);
    if (status === 200) assert.ok(!judged.line.includes('\n'));
  });
}

test('the line for electrs is written anew, with its own numbers', () => {
  const call = `"method":"blockchain.scripthash.subscribe","params":["${hash}"]`;
  const { line: sent, batch } = electrum.judge(`{"id":"theirs",${call},"more":1}`);
  assert.equal(sent, `[{"jsonrpc":"2.0","id":0,${call}}]`);
  assert.equal(batch, false);
});

test('answers come in the order of the calls; of a long history the newest, and how many there are', () => {
  const history = Array.from({ length: 700 }, (_, height) => ({ height }));
  const text = JSON.stringify([{ id: 1, result: history }, { id: 0, error: { code: 2, message: 'no\nsuch' } }]);
  const [first, second] = electrum.replies(text, 2);
  assert.deepEqual(first, { error: { code: 2, message: 'no such' } });
  assert.equal(second.total, 700);
  assert.deepEqual([second.result.length, second.result.at(-1).height], [500, 699]);
  for (const strange of ['', '{}', '[]', '[null,null]', '[{"id":7},{"id":0}]']) assert.equal(electrum.replies(strange, 2), null, strange);
});

test('the body of a request is taken out when all of it is there', () => {
  const whole = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n[1,2]';
  assert.equal(line.body(whole), '[1,2]');
  assert.equal(line.body(whole.slice(0, -1)), null);
  assert.equal(line.body('POST / HTTP/1.1\r\nContent-Len'), null);
  assert.equal(line.body('POST / HTTP/1.1\r\nHost: x\r\n\r\n'), null);
});

/** Drives the filter as nginx does. Returns the bytes of each direction. */
function bridge(chunks) {
  const handlers = {};
  const sent = [];
  line.translate({ on: (event, handler) => { handlers[event] = handler; }, send: (data) => sent.push(Buffer.from(data)), deny: () => sent.push('denied') });
  handlers.upstream(Buffer.from('POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n['), {});
  handlers.upstream(Buffer.from(']'), {});
  const up = Buffer.concat(sent.splice(0)).toString();
  for (const chunk of chunks) handlers.downstream(Buffer.from(chunk), {});
  return { up, down: Buffer.concat(sent).toString() };
}

test('a line in pieces of one byte is one answer, and later bytes are dropped', () => {
  const bytes = Buffer.from('{"result":"ë"}\n{"method":"news"}\n');
  const { up, down } = bridge([...bytes].map((byte) => [byte]));
  assert.equal(up, '[]\n');
  assert.equal(down, 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"result":"ë"}');
});

test('a line without an end is abandoned', () => {
  const { down } = bridge(Array(70).fill('x'.repeat(65536)));
  assert.match(down, /^HTTP\/1\.1 507 /);
  assert.equal(down.match(/HTTP/g).length, 1);
});

for (const [status, tone, headline] of [
  [{ verdict: { ready: true }, height: 900 }, 'good', 'In sync'],
  [{ verdict: { ready: false, message: '', progress: 0.1, remaining_s: 7200 }, height: 90 }, 'busy', 'Building the index'],
  [{ height: 900, node: null, node_trouble: away.message }, 'bad', 'Without its Bitcoin node'],
  [{ reached: false, waits_for: 'bitcoin', height: null, node: { ...node, initialblockdownload: true } }, 'busy', 'Waiting for Bitcoin'],
  [{ reached: false, waits_for: 'block', height: null, node: { ...regtest, blocks: 0 } }, 'calm', 'Waiting for a block'],
  [{ verdict: { ready: false, message: '', progress: 0.1 }, reached: false, height: null, node: null }, 'busy', 'Building the index'],
  [{ reached: false, height: null }, 'bad', 'electrs does not answer'],
  [{ verdict: { ready: false, message: 'compacting its new index' }, height: 900 }, 'busy', 'Not ready yet'],
]) {
  test(`the page says: ${headline}`, () => {
    const whole = { verdict: { ready: false, message: '' }, reached: true, waits_for: null, node, node_trouble: null, ...status };
    const said = describe(whole, { unit: 'archy-electrs' });
    assert.deepEqual([said.tone, said.headline], [tone, headline]);
    assert.doesNotMatch(said.detail, /undefined|null/);
    if (whole.verdict.remaining_s) assert.equal(said.progress, 'Block 90 of 900, about 2 h left');
  });
}

test('the share of the index', () => {
  assert.deepEqual([[450, node], [901, node], [null, node], [5, null], [0, { blocks: 0 }]].map(([height, chain]) => share({ height, node: chain })), [0.5, 1, null, null, 1]);
});

test('amounts and fees', () => {
  assert.deepEqual([0, 1, -1, 123_456_789_012].map(coins), ['0.00000000 BTC', '0.00000001 BTC', '−0.00000001 BTC', '1,234.56789012 BTC']);
  assert.deepEqual([0.00012, 0.0000101, -1, null].map(feeRate), ['12 sat/vB', '1 sat/vB', null, null]);
});

test('a fee histogram in few bands', () => {
  const rows = bands(Array.from({ length: 20 }, (_, i) => [40 - i, 1000]));
  assert.equal(rows.length, 7);
  assert.deepEqual(rows[0].cells.map((cell) => cell.text), ['38+', '3.0 kvB', '15 %']);
  assert.equal(rows.at(-1).cells[2].text, '100 %');
  assert.deepEqual(bands([[5, 0], [1, 0]]), []);
});

test('a history: unconfirmed transactions first, then the newest', () => {
  const rows = historyRows([{ tx_hash: 'a', height: 5 }, { tx_hash: 'b', height: 10 }, { tx_hash: 'c', height: 0, fee: 141 }], 10);
  assert.deepEqual(rows.map((row) => [row.key, row.cells[0].text, row.cells[0].under]), [
    ['c', 'Waiting', 'Fee 141 sat'],
    ['b', '10', '1 confirmation'],
    ['a', '5', '6 confirmations'],
  ]);
});

test('the address for wallets, and where it can be used', () => {
  assert.match(server({ electrum_port: 50001 }, 'localhost')[0].note, /no TLS.*on this machine only/);
  const [row] = server({ electrum_port: 50001 }, 'node.lan');
  assert.deepEqual([row.value, row.code], ['node.lan:50001', 'node.lan:50001:t']);
});
