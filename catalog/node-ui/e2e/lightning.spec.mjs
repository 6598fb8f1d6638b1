// The page of a running lnd. Variables that are not set are not compared.
//   LIGHTNING_URL       the page
//   LIGHTNING_HEIGHT    the height that it must show
//   LIGHTNING_PUBKEY    its public key, from lncli
//   LIGHTNING_CHANNELS, LIGHTNING_PEERS, LIGHTNING_PAYMENTS  the lists of lncli, in JSON
//   LIGHTNING_CONFIRMED, LIGHTNING_UNCONFIRMED  satoshis in its wallet
//   LIGHTNING_INVOICE   the memo of an invoice that it must list
//   LIGHTNING_PREIMAGE  that invoice's preimage in hexadecimal, which no answer may hold
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as lib from './lib.mjs';

const opened = lib.running('LIGHTNING');
const pubkey = process.env.LIGHTNING_PUBKEY ?? null;
const [channels, peers, payments] = ['CHANNELS', 'PEERS', 'PAYMENTS'].map((name) => {
  return JSON.parse(process.env[`LIGHTNING_${name}`] ?? 'null');
});
const confirmed = lib.expected('LIGHTNING_CONFIRMED');
const unconfirmed = lib.expected('LIGHTNING_UNCONFIRMED');
const invoice = process.env.LIGHTNING_INVOICE ?? null;
const preimage = process.env.LIGHTNING_PREIMAGE ?? null;

/** A figure of lnd, which sends numbers as strings. */
const figure = (amount) => lib.figure(Number(amount));
const sum = (list, key) => lib.figure(list.reduce((all, one) => all + Number(one[key]), 0));

for (const look of lib.looks) {
  test(`the page is sound: ${look.name}`, async () => {
    const opening = await opened(look);
    const { page } = opening;
    await lib.says(page, '#headline', 'In sync');
    await lib.says(page, '#software', /^Version \d/);
    await lib.says(page, '#wallet', confirmed === null ? /^[\d,]+ sat$/ : `${lib.figure(confirmed)} sat`);
    if (unconfirmed !== null) await lib.says(page, '#wallet-note', `${lib.figure(unconfirmed)} sat more, not confirmed yet`);
    if (invoice !== null) await page.locator('#invoices-rows > tr', { hasText: invoice }).waitFor();
    await lib.says(page, '#ours', channels === null ? /^[\d,]+ sat$/ : `${sum(channels, 'local_balance')} sat`);
    await lib.says(page, '#theirs', channels === null ? /^[\d,]+ sat$/ : `${sum(channels, 'remote_balance')} sat`);
    await lib.says(page, '#connect', /[0-9a-f]{66}/);
    if (pubkey !== null) assert.ok((await page.textContent('#connect')).includes(pubkey));
    if (channels !== null) await page.locator('#channels-rows > tr').first().waitFor();
    await lib.picture(page, `lightning-${look.name}`);
    await lib.expectSound(opening);
    await opening.close();
  });
}

const lists = [
  ['channels', channels, ({ active, remote_pubkey: key, channel_point: point, local_balance: ours, remote_balance: theirs, capacity }) => [
    key.slice(0, 8), `${point.slice(0, 8)}…${point.slice(-6)}`, active ? /Active/ : /Inactive/,
    `${figure(ours)} ours`, `${figure(theirs)} theirs`, figure(capacity),
  ]],
  ['peers', peers, ({ pub_key: key, address, inbound }) => [`${key.slice(0, 8)}…${key.slice(-6)}`, address, inbound ? /In/ : /Out/]],
  ['payments', payments, ({ value_sat: paid, fee_sat: fee, status }) => [figure(paid), `${figure(fee)} fee`, status === 'SUCCEEDED' ? 'Sent' : status]],
];
for (const [id, list, texts] of lists.filter(([, list]) => list !== null)) {
  test(`its ${id} are those that lncli lists`, async () => {
    const { page, close } = await opened(lib.looks[0]);
    const rows = page.locator(`#${id}-rows > tr`);
    for (const one of list) await texts(one).reduce((row, hasText) => row.filter({ hasText }), rows).waitFor();
    assert.equal(await rows.count(), list.length);
    await close();
  });
}

test('every stop of the tab key is named and can be seen', async () => {
  const { page, close } = await opened(lib.looks[0]);
  await lib.says(page, '#connect', /[0-9a-f]{66}/);
  const stops = await lib.tabStops(page);
  assert.ok(stops.some(({ name }) => name === 'Copy: Public key'), JSON.stringify(stops));
  for (const { name, visible } of stops) {
    assert.notEqual(name, '');
    assert.ok(visible, `${name} shows that it has the focus`);
  }
  await close();
});

for (const look of [lib.looks[0], lib.looks[3]]) {
  test(`the public key can be copied and scanned: ${look.name}`, async () => {
    const opening = await opened(look);
    const { copied, scanned } = await lib.taken(opening, 'Public key', `lightning-code-${look.name}`);
    assert.match(copied, /^[0-9a-f]{66}$/);
    if (pubkey !== null) assert.equal(copied, pubkey);
    assert.equal(scanned, copied);
    await opening.close();
  });
}

test('no answer of its server holds a key, a preimage or a macaroon', async () => {
  const { page, close } = await opened(lib.looks[0]);
  const bytes = preimage === null ? null : Buffer.from(preimage, 'hex');
  const spellings = bytes === null ? [] : ['hex', 'base64', 'base64url'].map((form) => bytes.toString(form).replace(/=+$/, ''));
  for (const path of ['config.json', 'ready', 'api/overview', 'api/channels', 'api/peers', 'api/activity']) {
    const text = await page.evaluate(async (where) => (await fetch(where)).text(), path);
    assert.doesNotMatch(text, /macaroon|preimage|password|payment_request|BEGIN CERTIFICATE|0201036c6e64/i, path);
    if (invoice !== null) assert.equal(text.includes(invoice), path === 'api/activity', `the invoice is in ${path}`);
    for (const spelling of spellings) assert.ok(!text.includes(spelling), `the preimage is in ${path}`);
  }
  await close();
});
