// The page of lnd with more channels than a test's lnd has, with peers, invoices and payments.
// All answers are staged: no node is needed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import * as lib from './lib.mjs';

const config = { unit: 'archy-lnd', title: 'lnd', network: 'mainnet', make_wallet: true, p2p: { address: '0.0.0.0', port: 9735 } };
const tip = 925_123;
const key = (i) => `0${2 + (i % 2)}${(i + 10).toString(16).padStart(2, '0').repeat(32)}`;
const point = (i) => `${(i + 160).toString(16).padStart(2, '0').repeat(32)}:${i % 3}`;
const seconds = () => Math.floor(Date.now() / 1000);
const names = ['Zoë', 'a name that is as long as a name may be', 'unable to lookup peer alias: alias for node not found'];

const overview = {
  state: 'SERVER_ACTIVE',
  info: {
    alias: 'archipelago', identity_pubkey: key(0), uris: [`${key(0)}@${'b'.repeat(56)}.onion:9735`], version: '0.21.2-beta commit=v0.21.2-beta',
    block_height: tip, best_header_timestamp: String(seconds()), synced_to_chain: true, synced_to_graph: true,
  },
  info_status: 200,
  wallet: { confirmed_balance: '123456789', unconfirmed_balance: '5000' },
  channels: { local: '61234567', remote: '41234567', unsettled: '1200' },
  node: { chain: 'main', blocks: tip, headers: tip, initialblockdownload: false },
  verdict: { ready: true },
};
const open = names.map((peer_alias, i) => ({
  active: i !== 2, private: i === 1, peer_alias, remote_pubkey: key(i), channel_point: point(i),
  capacity: String(10_000_000 * (9 - i)), local_balance: String(4_000_000 * (i + 1)), remote_balance: '30000000', unsettled_balance: i === 0 ? '1200' : '0',
}));
const pending = [
  { what: 'opening', remote_node_pub: key(5), channel_point: point(5), local_balance: '2000000' },
  { what: 'closing by force', remote_node_pub: key(6), channel_point: point(6), local_balance: '0', limbo_balance: '1999000', blocks_til_maturity: 144 },
];
const peers = [4, 2, 3].map((i) => ({
  pub_key: key(i), address: i === 3 ? `${'c'.repeat(56)}.onion:9735` : `203.0.113.${i}:9735`, inbound: i === 2,
  ping_time: String(34_000 * i), bytes_sent: '123456', bytes_recv: '7654321',
}));
const activity = {
  invoices: [{ memo: 'Two kilograms of coffee', value: '42000', amt_paid_sat: '42000', state: 'SETTLED', creation_date: String(seconds() - 4000), expiry: '3600', add_index: '7' }],
  payments: [{ payment_index: '3', value_sat: '1500', fee_sat: '2', status: 'SUCCEEDED', creation_time_ns: `${seconds() - 700}000000000` }],
};
const answers = {
  folder: 'lightning',
  config,
  'api/overview': { status: 200, value: overview },
  'api/channels': { status: 200, value: { total: open.length, open, pending } },
  'api/peers': { status: 200, value: { total: peers.length, peers } },
  'api/activity': { status: 200, value: activity },
};

let browser;
before(async () => {
  browser = await lib.launch();
});
after(() => browser?.close());

for (const look of lib.looks) {
  test(`a node with channels: ${look.name}`, async () => {
    const opening = await lib.open(browser, 'http://node.test/', look, { answers });
    await lib.says(opening.page, '#headline', 'In sync');
    await lib.says(opening.page, '#channels-summary', '3, 1 of them inactive. In satoshis.');
    assert.equal(await opening.page.locator('#pending-rows > tr').count(), 2);
    await lib.picture(opening.page, `lightning-channels-${look.name}`);
    await lib.expectSound(opening);
    await opening.close();
  });
}

for (const [what, rows, label, value] of [
  ['the key behind a name', '#channels-rows', 'Copy: public key of Zoë', key(0)],
  ['a channel point', '#channels-rows', 'Copy: channel point of the channel with Zoë, a0a0a0a0…a0a0:0', point(0)],
  ['the key of a channel that opens', '#pending-rows', 'Copy: public key of 030f0f0f…0f0f0f', key(5)],
  ['the key of a peer', '#peers-rows', 'Copy: public key of 020c0c0c…0c0c0c', key(2)],
]) {
  test(`${what} is copied whole, by keyboard`, async () => {
    // A browser lets a page from localhost read the clipboard.
    const opening = await lib.open(browser, 'http://localhost/', lib.looks[2], { answers });
    const { page } = opening;
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const button = page.locator(rows).getByRole('button', { name: label, exact: true });
    await button.focus();
    await page.keyboard.press('Enter');
    await lib.says(page, '#said', label.replace('Copy', 'Copied'));
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);
    await lib.expectSound(opening);
    await opening.close();
  });
}

const denied = () => {
  document.execCommand = () => false;
};
for (const [word, clipboard] of [['Copied', () => {}], ['Not copied', denied]]) {
  for (const [what, where] of [['a button with a word', '#connect'], ['a small button', '#channels-rows']]) {
    test(`${what} is sound while it says “${word}”, and afterwards`, async () => {
      const prepare = async (page) => {
        await page.addInitScript(clipboard);
        await page.clock.install();
      };
      const opening = await lib.open(browser, 'http://node.test/', lib.looks[0], { answers, prepare });
      const { page } = opening;
      await lib.says(page, '#channels-summary', /^3, /);
      // The page's time stands still, so that the state is there for as long as it takes to look at
      // it.
      await page.clock.pauseAt(Date.now() + 60_000);
      const button = await page.locator(where).getByRole('button', { name: /^Copy: / }).first().elementHandle();
      const label = (await button.getAttribute('aria-label')).replace('Copy: ', '');
      await button.click();
      await lib.says(page, '#said', new RegExp(`^${word}: `));
      assert.equal(await button.getAttribute('aria-label'), `${word}: ${label}`);
      await lib.expectSound(opening);
      await page.clock.runFor(2000);
      assert.equal(await button.getAttribute('aria-label'), `Copy: ${label}`);
      await lib.expectSound(opening);
      await opening.close();
    });
  }
}

test('a focused button in a list keeps the focus while the list changes', async () => {
  let turns = 0;
  const changing = () => {
    turns += 1;
    const moved = peers.map((peer) => ({ ...peer, bytes_sent: String(123456 * turns) }));
    return { status: 200, value: { total: 3, peers: turns % 2 ? moved : [...moved, { ...peers[0], pub_key: `00${key(9).slice(2)}` }] } };
  };
  const opening = await lib.open(browser, 'http://node.test/', lib.looks[0], { answers: { ...answers, 'api/peers': changing } });
  const { page } = opening;
  const label = 'Copy: public key of 020c0c0c…0c0c0c';
  // The element and not its name, which changes when it is pressed.
  const button = await page.locator('#peers-rows').getByRole('button', { name: label }).elementHandle();
  await button.focus();
  await page.waitForFunction(() => document.querySelectorAll('#peers-rows > tr').length === 4);
  assert.ok(await button.evaluate((element) => document.activeElement === element), 'the button has the focus');
  // Without TLS, as here, the page copies a selection, and the focus must return to the button.
  await page.keyboard.press('Enter');
  await lib.says(page, '#said', label.replace('Copy', 'Copied'));
  assert.ok(await button.evaluate((element) => document.activeElement === element), 'the button still has the focus');
  await opening.close();
});

for (const look of [lib.looks[0], lib.looks[1]]) {
  test(`a row that has just come can be read: ${look.name}`, async () => {
    const opening = await lib.open(browser, 'http://node.test/', look, { answers });
    const { page } = opening;
    await lib.says(page, '#channels-summary', /^3, /);
    const frozen = await page.evaluate(() => {
      document.querySelectorAll('tbody > tr').forEach((row) => row.classList.add('fresh'));
      const animations = document.getAnimations();
      for (const animation of animations) {
        animation.pause();
        animation.currentTime = 0;
      }
      return animations.length;
    });
    assert.ok(frozen > 0, 'rows are lit up');
    await lib.expectSound(opening);
    await opening.close();
  });
}

test('every stop of the tab key is named and can be seen', async () => {
  const { page, close } = await lib.open(browser, 'http://node.test/', lib.looks[0], { answers });
  await lib.says(page, '#channels-summary', /^3, /);
  const stops = await lib.tabStops(page);
  for (const [start, count] of [['Copy: public key of ', 8], ['Copy: channel point of ', 5]]) {
    assert.equal(stops.filter(({ name }) => name.startsWith(start)).length, count, JSON.stringify(stops));
  }
  for (const { name, visible } of stops) {
    assert.notEqual(name, '');
    assert.ok(visible, `${name} shows that it has the focus`);
  }
  await close();
});
