// The page of lnd, and its part of nginx's JavaScript. Run: node --test catalog/node-ui/test/
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { asker } from '../html/lightning/asked.js';
import { connections } from '../html/lightning/connections.js';
import { channelRows, invoiceRows, paymentRows, peerRows, pendingRows, sats, short } from '../html/lightning/lists.js';
import { describe, hasWallet, share } from '../html/lightning/state.js';
import lightning from '../njs/lightning.js';

const now = 1_800_000_000;
const empty = { samples: [], verdict: null, time: 0 };
const info = { block_height: 900, best_header_timestamp: String(now - 60), synced_to_chain: true };
const behind = { ...info, block_height: 90, synced_to_chain: false };
const old = { ...info, best_header_timestamp: String(now - 86400), synced_to_chain: false };
const node = { chain: 'main', blocks: 900, headers: 900, initialblockdownload: false };

const answers = (changed = {}) => ({ chain: { ...node, ...changed }, held: false, message: null });
const oldRegtest = answers({ chain: 'regtest', initialblockdownload: true });
const away = { chain: null, held: false, message: 'waiting for bitcoin, which does not answer' };
const silent = { ...away, held: true };
const catchingUp = { ready: false, message: 'catching up, block 90 of 900', progress: 0.1 };
const incomplete = 'waiting for bitcoin, which does not have all blocks yet';

for (const [what, seen, expected] of [
  ['in sync', { info }, true],
  ['not yet a server', { state: 'RPC_ACTIVE', info }, 'catching up, at block 900'],
  ['behind', { info: behind }, catchingUp],
  ['without a block for hours', { info: old }, true],
  ['on an old regtest', { info: old, node: oldRegtest }, true],
  [
    'begun on a regtest without a block',
    { state: 'RPC_ACTIVE', info: { ...old, block_height: 0 }, node: answers({ ...oldRegtest.chain, blocks: 0, headers: 0 }) },
    'waiting for the first block of regtest: mine one',
  ],
  [
    'begun on an old regtest',
    { state: 'RPC_ACTIVE', info: old, node: answers({ chain: 'regtest' }) },
    'waiting for a new block of regtest, the newest being old: mine one',
  ],
  [
    'begun on a regtest with a new block',
    { state: 'RPC_ACTIVE', info: { ...info, synced_to_chain: false }, node: answers({ chain: 'regtest' }) },
    'catching up, at block 900',
  ],
  ['begun where no block came for hours', { state: 'RPC_ACTIVE', info: old }, 'catching up, at block 900'],
  ['above a regtest that is being fetched', { info: old, node: answers({ ...oldRegtest.chain, headers: 901 }) }, incomplete],
  ['above a node that is three blocks behind', { info: old, node: answers({ headers: 903 }) }, incomplete],
  ['above a node whose newest block is on its way', { info: old, node: answers({ headers: 902 }) }, true],
  ['above a node in its first download', { info: old, node: answers({ initialblockdownload: true }) }, incomplete],
  ['above a node far behind', { info: old, node: answers({ headers: 2400 }) }, incomplete],
  ['not to be asked yet', { state: 'RPC_ACTIVE', infoStatus: 500 }, 'starting, and waiting for the chain'],
  ['without a wallet', { state: 'NON_EXISTING', infoStatus: 0 }, 'without a wallet'],
  ['locked', { state: 'LOCKED', infoStatus: 0 }, 'opening its wallet'],
  ['unlocked', { state: 'UNLOCKED', infoStatus: 0 }, 'starting'],
  ['without a key', { infoStatus: 0 }, 'running, but its page does not have the read-only macaroon yet'],
  ['with a wrong key', { infoStatus: 500 }, 'unable to reach bitcoin, or refusing its page (HTTP 500)'],
  ['silent about itself', { infoStatus: 504 }, 'not answering its page, as when it does not reach bitcoin'],
  ['away', { status: 502, state: null, infoStatus: 502 }, 'not answering'],
  ['silent', { status: 504, state: null, infoStatus: 504 }, 'not answering'],
  ['in sync, its node away', { info, node: away }, away.message],
  ['unlocked, its node away', { state: 'UNLOCKED', infoStatus: 0, node: away }, away.message],
  ['locked, its node away', { state: 'LOCKED', infoStatus: 0, node: away }, 'opening its wallet'],
  ['away, its node too', { status: 502, state: null, infoStatus: 502, node: away }, 'not answering'],
  ['above a silent node, and new here', { info, node: silent }, silent.message],
]) {
  test(`readiness: ${what}`, () => {
    const whole = { status: 200, state: 'SERVER_ACTIVE', infoStatus: 200, info: null, node: answers(), ...seen };
    const said = typeof expected === 'string' ? { ready: false, message: expected } : expected === true ? { ready: true } : expected;
    assert.deepEqual(lightning.verdict(whole, empty, now).verdict, said);
  });
}

test('readiness: after a timeout of lnd or of its node the verdict holds for a minute', () => {
  const ready = { samples: [], verdict: { ready: true }, time: now - 10 };
  const running = { status: 200, state: 'SERVER_ACTIVE', infoStatus: 200, info, node: answers() };
  for (const seen of [
    { ...running, status: 504, state: null, infoStatus: 504, info: null },
    { ...running, infoStatus: 504, info: null },
    { ...running, node: silent },
    { ...running, infoStatus: 504, info: null, node: silent },
  ]) {
    assert.deepEqual(lightning.verdict(seen, ready, now), ready);
    assert.deepEqual(lightning.verdict(seen, ready, now + 50), ready);
    assert.equal(lightning.verdict(seen, ready, now + 51).verdict.ready, false);
  }
});

test('readiness: a node that is away is reported at once, with any previous verdict and any state of lnd', () => {
  const ready = { samples: [], verdict: { ready: true }, time: now - 1 };
  for (const [status, state] of [[200, 'SERVER_ACTIVE'], [200, 'RPC_ACTIVE'], [200, 'UNLOCKED'], [504, null]]) {
    for (const [infoStatus, about] of [[200, info], [504, null], [500, null], [0, null]]) {
      const seen = { status, state, infoStatus, info: about, node: away };
      assert.deepEqual(lightning.verdict(seen, ready, now).verdict, { ready: false, message: away.message }, JSON.stringify(seen));
    }
  }
});

test('no preimage, route or request goes on to the page', () => {
  const told = JSON.stringify([
    lightning.told.activity(
      { invoices: [{ memo: 'tea', value: '5', r_preimage: 'SECRET', payment_request: 'SECRET', payment_addr: 'SECRET', htlcs: ['SECRET'] }] },
      { payments: [{ value_sat: '7', payment_preimage: 'SECRET', payment_request: 'SECRET', htlcs: [{ route: 'SECRET' }] }] },
    ),
    lightning.told.channels({ channels: [{ capacity: '9', pending_htlcs: ['SECRET'], chan_status_flags: 'SECRET' }] }, {}),
    lightning.told.overview({ state: 'X' }, { alias: 'a', features: 'SECRET' }, { total_balance: '1', account_balance: 'SECRET' }, {}, null),
    lightning.told.peers({ peers: [{ pub_key: 'k', features: 'SECRET', errors: ['SECRET'] }] }),
  ]);
  assert.ok(!told.includes('SECRET'), told);
  for (const kept of ['tea', '"5"', '"7"', '"9"', '"a"', '"k"']) assert.ok(told.includes(kept), kept);
});

test('channels that open and channels that close are told apart, and long lists are cut', () => {
  const one = (key) => ({ channel: { remote_node_pub: key, capacity: '10' }, limbo_balance: '3' });
  const told = lightning.told.channels(
    { channels: Array(700).fill({ capacity: '1' }) },
    { pending_open_channels: [one('a')], waiting_close_channels: [one('b')], pending_force_closing_channels: [one('c')] },
  );
  assert.deepEqual(told.pending.map(({ what, remote_node_pub: key }) => [what, key]), [['opening', 'a'], ['closing', 'b'], ['closing by force', 'c']]);
  assert.deepEqual([told.total, told.open.length], [700, 500]);
});

for (const [overview, tone, headline, makes = true] of [
  [{ state: 'WAITING_TO_START', info_status: 0 }, 'busy', 'Starting'],
  [{ state: 'NON_EXISTING', info_status: 0 }, 'busy', 'Making its wallet'],
  [{ state: 'NON_EXISTING', info_status: 0 }, 'warn', 'There is no wallet yet', false],
  [{ state: 'LOCKED', info_status: 0 }, 'busy', 'Opening its wallet'],
  [{ state: 'LOCKED', info_status: 0, node: null, node_trouble: away.message }, 'busy', 'Opening its wallet'],
  [{ state: 'UNLOCKED', info_status: 0 }, 'busy', 'Starting'],
  [{ state: 'UNLOCKED', info_status: 0, node: null, node_trouble: away.message }, 'bad', 'Without its Bitcoin node'],
  [{ state: 'RPC_ACTIVE', info_status: 500 }, 'busy', 'Starting'],
  [{ info_status: 0 }, 'busy', 'Running, but not open to this page yet'],
  [{ info_status: 500 }, 'warn', 'Running, but without figures'],
  [{ info_status: 504 }, 'warn', 'Running, but without an answer'],
  [{ info: old, verdict: { ready: true } }, 'good', 'In sync'],
  [{ info: behind }, 'busy', 'Catching up with the chain'],
  [{ info: old }, 'busy', 'Waiting for its Bitcoin node'],
  [{ state: 'RPC_ACTIVE', info: old, awaits_block: true, node: { ...node, chain: 'regtest' } }, 'calm', 'Waiting for a block'],
  [{ info_status: 0, node: null, node_trouble: away.message }, 'bad', 'Without its Bitcoin node'],
  // Its node did not answer in time: the previous verdict still holds.
  [{ info_status: 0, node: null, node_trouble: away.message, verdict: { ready: true } }, 'good', 'In sync'],
  [{ state: 'SOMETHING_NEW' }, 'warn', 'lnd says SOMETHING_NEW'],
]) {
  test(`the page says: ${headline}`, () => {
    const whole = { state: 'SERVER_ACTIVE', info: null, info_status: 200, awaits_block: false, node, node_trouble: null, verdict: { ready: false }, ...overview };
    const said = describe(whole, { unit: 'archy-lnd', make_wallet: makes });
    assert.deepEqual([said.tone, said.headline], [tone, headline]);
    assert.doesNotMatch(said.detail, /undefined|null/);
  });
}

test('the wallet words are mentioned once there is a wallet', () => {
  const states = ['WAITING_TO_START', 'NON_EXISTING', 'LOCKED', 'UNLOCKED', 'RPC_ACTIVE', 'SERVER_ACTIVE'];
  assert.deepEqual(states.filter((state) => hasWallet({ state })), states.slice(2));
});

test('the share of the chain', () => {
  assert.deepEqual([{ info: old, node, verdict: { ready: true } }, { info: behind, node, verdict: {} }, { info: behind, node: null, verdict: {} }, { info: null, node }].map(share), [1, 0.1, null, null]);
});

test('a channel: its peer, our balance and theirs, the largest first', () => {
  const key = `02${'ab'.repeat(32)}`;
  const rows = channelRows([
    { channel_point: 'p1', remote_pubkey: key, capacity: '100', local_balance: '0', remote_balance: '0', peer_alias: 'unable to lookup peer alias: alias for node not found', active: false, private: true },
    { channel_point: 'p2', remote_pubkey: key, peer_alias: 'Zoë', capacity: '9007199254740', local_balance: '25', remote_balance: '75', unsettled_balance: '5', active: true },
  ]);
  assert.deepEqual(rows.map((row) => row.cells.map((cell) => [cell.text, cell.under, cell.share])), [
    [['Zoë', 'Active', undefined], ['25 ours', '75 theirs, 5 on its way', 0.25], ['9,007,199,254,740', undefined, undefined]],
    [['02ababab…ababab', 'Inactive, not announced', undefined], ['0 ours', '0 theirs', 0], ['100', undefined, undefined]],
  ]);
});

test('channels that open and close', () => {
  const rows = pendingRows([
    { what: 'opening', remote_node_pub: 'k', channel_point: 'p', local_balance: '40' },
    { what: 'closing by force', remote_node_pub: 'k', channel_point: 'p', local_balance: '40', limbo_balance: '39', blocks_til_maturity: 1 },
  ]);
  assert.deepEqual(rows.map((row) => row.cells.slice(1).map((cell) => [cell.text, cell.under])), [
    [['Opening', null], ['40', undefined]],
    [['Closing by force', '1 block to wait'], ['39', undefined]],
  ]);
});

test('invoices: the newest first, and one that has expired', () => {
  const rows = invoiceRows([
    { add_index: '1', memo: '', value: '5', state: 'OPEN', creation_date: String(now - 7200), expiry: '3600' },
    { add_index: '2', memo: 'tea', value: '5', amt_paid_sat: '6', state: 'SETTLED', creation_date: String(now - 600), expiry: '3600' },
  ], now);
  assert.deepEqual(rows.map((row) => row.cells.map((cell) => cell.text)), [['tea', 'Paid', '6'], ['Without a memo', 'Expired', '5']]);
});

test('payments: their outcome', () => {
  const rows = paymentRows([
    { payment_index: '1', status: 'FAILED', failure_reason: 'FAILURE_REASON_NO_ROUTE', value_sat: '9', fee_sat: '0', creation_time_ns: `${now - 7200}000000000` },
    { payment_index: '2', status: 'SUCCEEDED', value_sat: '1000', fee_sat: '1', creation_time_ns: `${now - 5}000000000` },
  ], now);
  assert.deepEqual(rows.map((row) => row.cells.map((cell) => [cell.text, cell.under])), [
    [['just now', undefined], ['Sent', null], ['1,000', '1 fee']],
    [['2 h ago', undefined], ['Failed', 'No route to the recipient'], ['9', null]],
  ]);
});

test('peers', () => {
  const [row] = peerRows([{ pub_key: 'k', address: '10.0.0.1:9735', inbound: true, ping_time: '34000', bytes_sent: '600', bytes_recv: '900' }]);
  assert.deepEqual(row.cells.map((cell) => cell.text), ['k', 'In', '34 ms', '1.5 kB']);
});

test('addresses for other nodes', () => {
  const me = { identity_pubkey: '02aa', uris: [] };
  const rows = (p2p, about = me, reader = 'node.lan') => connections({ p2p }, about, reader).map(({ label, value }) => [label, value]);
  assert.deepEqual(rows({ address: '127.0.0.1', port: 9735 }), [['Public key', '02aa']]);
  assert.deepEqual(rows({ address: '0.0.0.0', port: 9736 })[0], ['Address for other nodes (URI)', '02aa@node.lan:9736']);
  for (const address of ['::', '[::]']) assert.equal(rows({ address, port: 9735 })[0][1], '02aa@node.lan:9735');
  assert.equal(rows({ address: 'fd00::5', port: 9735 })[0][1], '02aa@[fd00::5]:9735');
  const [{ value, note }] = connections({ p2p: { address: '0.0.0.0', port: 9735 } }, me, 'localhost');
  assert.deepEqual([value, /instead of localhost/.test(note)], ['02aa@localhost:9735', true]);
  assert.deepEqual(rows({ address: '127.0.0.1', port: 9735 }, { ...me, uris: ['02aa@1.2.3.4:9735'] })[0][1], '02aa@1.2.3.4:9735');
});

test('texts', () => {
  assert.equal(sats('2100000000000000'), '2,100,000,000,000,000 sat');
  assert.equal(short('12345678901234567890'), '12345678901234567890');
});

test('lists are fetched at every fourth turn, and a failure has its reason', async () => {
  const asked = [];
  const turn = asker(async (path) => {
    asked.push(path);
    if (path === 'api/peers') return { kind: 'silent' };
    return { kind: 'answer', value: { info: {}, path } };
  }, { title: 'lnd', unit: 'archy-lnd' });
  const answers = [await turn(), await turn(), await turn(), await turn(), await turn()];
  assert.deepEqual(asked.filter((path) => path !== 'api/overview'), [0, 1].flatMap(() => ['api/channels', 'api/peers', 'api/activity']));
  assert.equal(answers[0].value.channels.value.path, 'api/channels');
  assert.match(answers[0].value.peers.failed, /^lnd answers too slowly/);
  assert.deepEqual([answers[1].value.channels, answers[4].value.peers.value], [null, undefined]);
});

test('shortened values can be copied whole, and each button names its value', () => {
  const [key, point] = [`02${'ab'.repeat(32)}`, `${'cd'.repeat(32)}:1`];
  const [channel] = channelRows([{ channel_point: point, remote_pubkey: key, peer_alias: 'Zoë', capacity: '1', local_balance: '1', remote_balance: '0', active: true }]);
  const [pending] = pendingRows([{ what: 'opening', remote_node_pub: key, channel_point: point, local_balance: '40' }]);
  const [peer] = peerRows([{ pub_key: key, address: 'a', inbound: true, ping_time: '0', bytes_sent: '0', bytes_recv: '0' }]);
  const copies = ({ cells: [{ copy, lines = [] }] }) => [copy, ...lines.map((line) => line.copy)].map(({ label, value }) => [label, value]);
  assert.deepEqual(copies(channel), [['public key of Zoë', key], ['channel point of the channel with Zoë, cdcdcdcd…cdcd:1', point]]);
  assert.deepEqual(copies(pending), [['public key of 02ababab…ababab', key], ['channel point of the channel with 02ababab…ababab, cdcdcdcd…cdcd:1', point]]);
  assert.deepEqual(copies(peer), [['public key of 02ababab…ababab', key]]);
});

test('peers keep their places', () => {
  const of = (...keys) => peerRows(keys.map((key) => ({ pub_key: key, address: 'a', inbound: true, ping_time: '0', bytes_sent: '0', bytes_recv: '0' }))).map((row) => row.key);
  assert.deepEqual(of('b', 'c', 'a'), of('a', 'b', 'c'));
});

test('a server does not wait for a block, however old the newest one is', () => {
  const seen = { info: old, node: answers({ chain: 'regtest' }) };
  assert.deepEqual(['RPC_ACTIVE', 'SERVER_ACTIVE'].map((state) => lightning.awaitsBlock({ ...seen, state }, now)), [true, false]);
  assert.equal(lightning.awaitsBlock({ state: 'RPC_ACTIVE', info: null, node: seen.node }, now), false);
});
