// What the pages say, as tables. Run: node --test catalog/node-ui/test/
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as electrum from '../html/electrum/state.js';
import { readMetrics } from '../html/electrum/metrics.js';
import * as lightning from '../html/lightning/state.js';
import * as node from '../html/node/state.js';
import * as format from '../html/shared/format.js';

const now = 1_800_000_000;
const synced = { chain: 'main', blocks: 900, headers: 900, initialblockdownload: false, verificationprogress: 1 };
const answer = ({ chain = {}, network = {}, tip = { time: now - 60 }, error = null }) => ({
  chain: { ...synced, ...chain },
  network: { networkactive: true, connections: 8, ...network },
  tip,
  error,
});

for (const [what, given, tone, headline, detail] of [
  ['a node in sync', {}, 'good', 'In sync', /every block/],
  ['one new block on its way', { chain: { headers: 901 } }, 'good', 'In sync', /./],
  ['an initial download', { chain: { headers: 5000, initialblockdownload: true, verificationprogress: 0.1 } }, 'busy', 'Catching up', /./],
  ['far behind after a pause', { chain: { headers: 950 } }, 'busy', 'Catching up', /./],
  ['no headers yet', { chain: { blocks: 0, headers: 0, initialblockdownload: true }, tip: { time: 1_300_000_000 } }, 'busy', 'Fetching headers', /is old/],
  ['no peers', { network: { connections: 0 } }, 'warn', 'No peers', /cannot know/],
  ['no peers on regtest', { chain: { chain: 'regtest' }, network: { connections: 0 } }, 'calm', 'Alone, as usual on regtest', /mined here\.$/],
  ['an old regtest chain', { chain: { chain: 'regtest', initialblockdownload: true }, network: { connections: 0 }, tip: { time: now - 5 * 86400 } }, 'calm', 'Alone, as usual on regtest', /is old \(5 d ago\).*still in its initial download/],
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
  const state = node.describe({ chain: null, network: null, tip: null, error: { code: -28, message: 'Loading block index…' } }, now);
  assert.deepEqual([state.headline, state.detail], ['Starting', 'Loading block index…']);
});

test('node: what is spoken stays the same while blocks come in', () => {
  const at = (blocks) => node.describe(answer({ chain: { blocks, headers: 5000, initialblockdownload: true, verificationprogress: blocks / 5000 } }), now);
  assert.equal(at(100).detail, at(101).detail);
  assert.notEqual(at(100).progress.label, at(101).progress.label);
});

for (const [state, info, headline] of [
  ['NON_EXISTING', null, 'There is no wallet yet'],
  ['LOCKED', null, 'The wallet is locked'],
  ['UNLOCKED', null, 'Starting'],
  ['RPC_ACTIVE', null, 'Waiting for the chain'],
  ['SERVER_ACTIVE', { kind: 'answer', value: { synced_to_chain: true } }, 'In sync'],
  ['SERVER_ACTIVE', { kind: 'answer', value: { synced_to_chain: false } }, 'Catching up with the chain'],
  ['SERVER_ACTIVE', { kind: 'refused', status: 403 }, 'Running, but closed to this page'],
  ['SOMETHING_NEW', null, 'lnd says SOMETHING_NEW'],
]) {
  test(`lightning: ${state} ${info?.kind ?? ''}`, () => {
    assert.equal(lightning.describe({ state, info }, { unit: 'archy-lnd' }).headline, headline);
  });
}

for (const [height, chain, headline] of [
  [null, { blocks: 5 }, 'Waiting for Bitcoin'],
  [5, null, 'Running, perhaps behind'],
  [5, { blocks: 900 }, 'Building the index'],
  [899, { blocks: 900 }, 'In sync'],
  [900, { blocks: 900, initialblockdownload: true }, 'Up to its Bitcoin node'],
]) {
  test(`electrum: ${height} of ${chain?.blocks}`, () => assert.equal(electrum.describe({ height, chain }).headline, headline));
}

test('metrics', () => {
  const text = '# HELP electrs_index_height x\nelectrs_index_height{type="tip"} 42\nelectrs_mempool_txs_count{fee_rate=" [1, 2)"} 3\nelectrs_mempool_txs_count{fee_rate=" [2, 3)"} 4\n';
  assert.deepEqual(readMetrics(text), { height: 42, mempool: 7 });
  assert.deepEqual(readMetrics('# nothing yet\n'), { height: null, mempool: null });
});

test('figures', () => {
  assert.deepEqual([0, 59, 60, 3599, 3600, 90000, 86400].map(format.duration), ['0 s', '59 s', '1 min', '59 min', '1 h', '1 d 1 h', '1 d']);
  assert.deepEqual([999, 1500, 812_000_000_000].map(format.bytes), ['999 B', '1.5 kB', '812 GB']);
  assert.equal(format.percent(0.99999), '99.99 %');
  assert.equal(format.ago(now + 30, now), 'just now');
  assert.equal(format.count(undefined), '–');
});
