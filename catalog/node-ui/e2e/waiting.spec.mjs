// The pages of electrs and lnd while they wait. Most of these states last only seconds, so all
// answers are staged: no daemon is needed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import * as lib from './lib.mjs';

const node = { chain: 'main', blocks: 925_123, headers: 925_123, initialblockdownload: false };
const regtest = { chain: 'regtest', blocks: 0, headers: 0, initialblockdownload: true };
const away = { node: null, node_trouble: 'waiting for bitcoin, which does not answer' };
const loading = { node: null, node_trouble: 'waiting for bitcoin, which is loading block index' };

const refused = { status: 502, value: {} };
const lnd = {
  folder: 'lightning',
  path: 'api/overview',
  config: { unit: 'archy-lnd', title: 'lnd', network: 'mainnet', make_wallet: true, p2p: { address: '0.0.0.0', port: 9735 } },
  answer: { info: null, info_status: 0, wallet: null, channels: null, node, node_trouble: null, awaits_block: false },
  // The page asks for these once lnd has identified itself; lnd answers them once its server runs.
  more: { 'api/channels': refused, 'api/peers': refused, 'api/activity': refused },
};
const electrs = {
  folder: 'electrum',
  path: 'api/status',
  config: { unit: 'archy-electrs', title: 'electrs', network: 'main', electrum_port: 50001 },
  answer: {
    reached: true, waits_for: null, version: null, height: null, node, node_trouble: null, mempool: null, histogram: null,
    fees: [[2, null], [6, null], [144, null]],
  },
};
const info = { block_height: 0, alias: 'archipelago', identity_pubkey: `02${'ab'.repeat(32)}`, uris: [], version: '0.21.2-beta' };

let browser;
before(async () => {
  browser = await lib.launch();
});
after(() => browser?.close());

for (const [what, { folder, path, config, answer, more = {} }, changed, headline, detail, look = () => {}] of [
  ['lnd, locked', lnd, { state: 'LOCKED' }, 'Opening its wallet', /by itself at every start.* another password/, wordsAreShown],
  ['lnd, locked without a node', lnd, { state: 'LOCKED', ...away }, 'Opening its wallet', /by itself/, wordsAreShown],
  ['lnd, without a node', lnd, { state: 'SERVER_ACTIVE', ...away }, 'Without its Bitcoin node', /does not answer\. Until/],
  ['lnd, its node loading', lnd, { state: 'UNLOCKED', ...loading }, 'Without its Bitcoin node', /is loading block index/],
  [
    'lnd, on a regtest without a block',
    lnd,
    { state: 'RPC_ACTIVE', info, info_status: 200, node: regtest, awaits_block: true },
    'Waiting for a block',
    /there is none yet/,
    (page) => lib.says(page, '#height', '0'),
  ],
  ['electrs, without a node', electrs, { ...away }, 'Without its Bitcoin node', /does not answer/],
  ['electrs, on a regtest without a block', electrs, { node: regtest, waits_for: 'block' }, 'Waiting for a block', /there is none yet/],
  ['electrs, its node behind', electrs, { node: { ...node, blocks: 1000 }, waits_for: 'bitcoin' }, 'Waiting for Bitcoin', /all blocks/],
  ['electrs, away', electrs, { reached: false }, 'electrs does not answer', /journalctl --user -u archy-electrs/],
]) {
  for (const view of [lib.looks[0], lib.looks[3]]) {
    test(`${what}: ${view.name}`, async () => {
      const value = { verdict: { ready: false, message: '' }, ...answer, ...changed };
      const answers = { folder, config, [path]: { status: 200, value }, ...more };
      const opening = await lib.open(browser, 'http://node.test/', view, { failing: true, answers });
      await lib.says(opening.page, '#headline', headline);
      await lib.says(opening.page, '#detail', detail);
      await look(opening.page);
      await lib.picture(opening.page, `waiting-${what.replace(/\W+/g, '-')}-${view.name}`);
      await lib.expectSound(opening);
      await opening.close();
    });
  }
}

/**
 * There is a wallet, so its words must be mentioned; and no list is shown as empty before lnd has
 * answered for it.
 */
async function wordsAreShown(page) {
  await page.locator('#words:visible').waitFor();
  for (const sentence of await page.locator('.empty').allTextContents()) assert.equal(sentence, 'Loading…');
}
