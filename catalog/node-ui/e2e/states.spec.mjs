// The page of a node in states that no test's node reaches: on the main network, with peers,
// behind, starting. All answers are staged: no node is needed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import * as lib from './lib.mjs';

const config = {
  unit: 'archy-bitcoin',
  title: 'Bitcoin Core',
  coin: 'bitcoin',
  cli: 'bitcoin-cli',
  p2p: { address: '0.0.0.0', port: 8333 },
  rpc: 'archy-bitcoin:8332',
  zmq: { rawblock: 'tcp://archy-bitcoin:28332', rawtx: 'tcp://archy-bitcoin:28333' },
};
const tip = 925_123;
const hash = (height) => height.toString(16).padStart(64, '0');
const seconds = () => Math.floor(Date.now() / 1000);

const chain = {
  chain: 'main',
  blocks: tip,
  headers: tip,
  bestblockhash: hash(tip),
  verificationprogress: 0.999998,
  initialblockdownload: false,
  size_on_disk: 812_345_678_901,
  pruned: false,
  warnings: [],
};
const network = {
  subversion: '/Satoshi:31.1.0/',
  networkactive: true,
  connections: 34,
  connections_in: 24,
  connections_out: 10,
  localaddresses: [{ address: '2001:db8:85a3:8d3:1319:8a2e:370:7348', port: 8333, score: 4 }],
  warnings: [],
};
const mempool = { loaded: true, size: 48_213, bytes: 31_400_000, usage: 171_000_000, maxmempool: 300_000_000, mempoolminfee: 0.00001 };
const longOnion = `${'pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd'}.onion:8333`;
const networks = [
  ['ipv4', '203.0.113.77:8333'],
  ['ipv6', '[2001:db8:85a3:8d3:1319:8a2e:370:7348]:8333'],
  ['onion', longOnion],
  ['i2p', `${'a'.repeat(52)}.b32.i2p:0`],
  ['not_publicly_routable', '10.89.0.1:41234'],
];
const versions = [
  '/Satoshi:31.1.0/',
  '/Satoshi:30.0.0/',
  '/Satoshi:29.1.0/Knots:20250903/',
  '/Satoshi:28.1.0/',
  '/btcwire:0.5.0/neutrino:0.16.0/',
  '/Satoshi:27.0.0/',
  '',
];
const peers = Array.from({ length: 34 }, (_, id) => {
  const inbound = id >= 10;
  const [type, addr] = networks[inbound ? 4 : id % 4];
  return {
    id,
    addr,
    network: type,
    inbound,
    connection_type: inbound ? 'inbound' : id < 8 ? 'outbound-full-relay' : 'block-relay-only',
    version: 70016,
    subver: versions[id % versions.length],
    synced_headers: tip,
    synced_blocks: tip,
    pingtime: 0.021 * (id + 1),
    conntime: id,
  };
});
const blocks = Array.from({ length: 8 }, (_, i) => ({
  hash: hash(tip - i),
  height: tip - i,
  time: seconds() - 240 - i * 611,
  size: 1_400_000 + i * 41_000,
  weight: 3_990_000 - (i % 3) * 1_300_000,
  txs: 4211 - i * 301,
}));

/** Answers to all calls in their order. If `error` is given, it is the answer to each call. */
function rpc(changed = {}, error = null) {
  const results = { getblockchaininfo: chain, getnetworkinfo: network, getmempoolinfo: mempool, uptime: 1_234_567, getpeerinfo: peers, ...changed };
  return (request) => ({
    status: 200,
    value: request.postDataJSON().map(({ id, method }) => ({ id, result: error ? null : results[method], error })),
  });
}
const inSync = { folder: 'node', config, rpc: rpc(), blocks: { status: 200, value: blocks }, ready: { status: 200, value: { ready: true } } };

let browser;
before(async () => {
  browser = await lib.launch();
});
after(() => browser?.close());

const states = {
  'in sync': [{}, 'In sync', async (page) => {
    await lib.says(page, '#height', '925,123');
    await lib.says(page, '#synced', '100 %');
    await lib.says(page, '#mempool-note', '31.4 MvB, fee from 1 sat/vB');
    assert.equal(await page.locator('#peers-rows tr').count(), 34);
    await lib.says(page, '#versions li:last-child', 'Others9');
    await lib.says(page, '#connect > div:first-child code', 'node.test:8333');
  }],
  syncing: [
    {
      rpc: rpc({
        getblockchaininfo: {
          ...chain,
          blocks: 700_000,
          initialblockdownload: true,
          verificationprogress: 0.834,
          pruned: true,
          pruneheight: 690_000,
          prune_target_size: 1e12,
        },
      }),
      ready: { status: 503, value: { ready: false, message: 'at 83 %, about 2 h left', progress: 0.834, remaining_s: 7200 } },
    },
    'Catching up',
    async (page) => {
      await lib.says(page, '#progress', 'Block 700,000 of 925,123: 83 % of all the work, about 2\u00a0h left');
      await lib.says(page, '#blocks-empty', /once the node has caught up/);
    },
  ],
  starting: [{ rpc: rpc({}, { code: -28, message: 'Loading block index…' }) }, 'Starting', (page) => lib.says(page, '#detail', 'Loading block index…')],
  refused: [{ rpc: { status: 403, value: {} } }, 'Bitcoin Core refuses this page', (page) => lib.says(page, '#detail', /^It answered 403/)],
  silent: [{ rpc: { status: 504, value: {} } }, 'Bitcoin Core answers too slowly', (page) => lib.says(page, '#detail', /gives no answer for seconds/)],
};
for (const [name, [changed, headline, look]] of Object.entries(states)) {
  for (const view of lib.looks) {
    test(`${name}: ${view.name}`, async () => {
      const opening = await lib.open(browser, 'http://node.test/', view, { failing: true, answers: { ...inSync, ...changed } });
      await lib.says(opening.page, '#headline', headline);
      await look(opening.page);
      await lib.picture(opening.page, `state-${name.replace(' ', '-')}-${view.name}`);
      await lib.expectSound(opening);
      await opening.close();
    });
  }
}

test('a list is shown as empty only after an answer', async () => {
  let away = true;
  const answering = rpc({ getpeerinfo: [] });
  const answers = { ...inSync, rpc: (request) => (away ? { status: 502, value: {} } : answering(request)) };
  const opening = await lib.open(browser, 'http://node.test/', lib.looks[0], { failing: true, answers });
  await lib.says(opening.page, '#headline', 'Bitcoin Core does not answer');
  await lib.says(opening.page, '#peers-empty', 'Loading…');
  away = false;
  await lib.says(opening.page, '#peers-empty', 'No other node is connected.');
  await opening.close();
});

for (const [folder, path] of [['electrum', 'api/status'], ['lightning', 'api/overview']]) {
  test(`no list is shown as empty while the daemon is away: ${folder}`, async () => {
    const other = { ...config, unit: `archy-${folder}`, title: folder, network: 'regtest', electrum_port: 50001, make_wallet: true };
    const answers = { folder, config: other, [path]: { status: 502, value: {} } };
    const opening = await lib.open(browser, 'http://node.test/', lib.looks[0], { failing: true, answers });
    await lib.says(opening.page, '#headline', `${folder} does not answer`);
    for (const sentence of await opening.page.locator('.empty').allTextContents()) assert.equal(sentence, 'Loading…');
    assert.equal(await opening.page.locator('#words:visible').count(), 0);
    await lib.expectSound(opening);
    await opening.close();
  });
}

test('a page that fails says so, and recovers with its server', async () => {
  let wrong = true;
  const answering = rpc();
  const answers = { ...inSync, rpc: (request) => (wrong ? rpc({ getnetworkinfo: { connections: 1 } })(request) : answering(request)) };
  const opening = await lib.open(browser, 'http://node.test/', lib.looks[0], { failing: true, answers });
  await lib.says(opening.page, '#headline', 'This page failed');
  assert.ok(await opening.page.locator('main.stale').count());
  wrong = false;
  await lib.says(opening.page, '#headline', 'In sync');
  await lib.expectSound(opening);
  await opening.close();
});

test('a page asks for its configuration until it comes, and once', async () => {
  let wrong = true;
  let given = 0;
  const configured = () => {
    if (wrong) return { status: 500, value: {} };
    given += 1;
    return { status: 200, value: config };
  };
  const opening = await lib.open(browser, 'http://node.test/', lib.looks[0], { failing: true, answers: { ...inSync, config: configured } });
  await lib.says(opening.page, '#headline', 'This page failed');
  wrong = false;
  await lib.says(opening.page, '#headline', 'In sync');
  assert.equal(given, 1);
  await opening.close();
});

test('a node that goes away: the figures stay and are marked as old', async () => {
  let away = false;
  const answering = rpc();
  const answers = { ...inSync, rpc: (request) => (away ? { status: 502, value: {} } : answering(request)) };
  const opening = await lib.open(browser, 'http://node.test/', lib.looks[0], { failing: true, answers });
  await lib.says(opening.page, '#headline', 'In sync');
  away = true;
  await lib.says(opening.page, '#headline', 'Bitcoin Core does not answer');
  await lib.says(opening.page, '#height', '925,123');
  await lib.says(opening.page, '#freshness', /^The figures are from /);
  await lib.picture(opening.page, 'state-gone-desktop-light');
  await lib.expectSound(opening);
  away = false;
  await lib.says(opening.page, '#headline', 'In sync');
  await opening.close();
});
