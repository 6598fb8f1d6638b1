// The page of a running electrs, on regtest. Variables that are not set are not compared.
//   ELECTRUM_URL           the page
//   ELECTRUM_HEIGHT        the height that it must show
//   ELECTRUM_ADDRESS       an address to look up; without it, the one that the tests mine to
//   ELECTRUM_TRANSACTIONS  the number of its transactions
//   ELECTRUM_WAITING       the number of unconfirmed ones among them, all that the mempool has
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as lib from './lib.mjs';

const opened = lib.running('ELECTRUM');
const address = process.env.ELECTRUM_ADDRESS ?? 'bcrt1qyq0052zwswfzn3qm3mdrca8c6wjclkv57t7mk0';
const transactions = lib.expected('ELECTRUM_TRANSACTIONS');
const waiting = lib.expected('ELECTRUM_WAITING');

async function lookUp(page, query) {
  await page.getByLabel('Address or script hash').fill(query);
  await page.getByRole('button', { name: 'Look up' }).click();
}

for (const look of lib.looks) {
  test(`the page is sound, with a history on it: ${look.name}`, async () => {
    const opening = await opened(look);
    const { page } = opening;
    await lib.says(page, '#headline', 'In sync');
    await lib.says(page, '#chain', await page.textContent('#height'));
    await lib.says(page, '#software', /^Version \d/);
    await lib.says(page, '#mempool', waiting === null ? /^[\d,]+$/ : lib.figure(waiting));
    await lookUp(page, address);
    await lib.says(page, '#summary', transactions === null ? /^[\d,]+ transactions\.$/ : `${lib.figure(transactions)} transactions.`);
    await lib.says(page, '#confirmed', /^[\d,]+\.\d{8} BTC$/);
    assert.ok((await page.locator('#history > tr').count()) > 0);
    if (waiting !== null) assert.equal(await page.locator('#history > tr', { hasText: 'Waiting' }).count(), waiting);
    await lib.picture(page, `electrum-${look.name}`);
    await lib.expectSound(opening);
    await opening.close();
  });
}

test('a script hash is found like its address', async () => {
  const { page, close } = await opened(lib.looks[0]);
  await lookUp(page, address);
  await lib.says(page, '#hash', /^[0-9a-f]{64}$/);
  const [summary, hash] = [await page.textContent('#summary'), await page.textContent('#hash')];
  await lookUp(page, 'f'.repeat(64));
  await lib.says(page, '#summary', /^It has no history/);
  await lookUp(page, hash.toUpperCase());
  await lib.says(page, '#summary', summary);
  await close();
});

for (const [what, query, message] of [
  ['of another network', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', /of the main network/],
  ['mistyped', `${address.slice(0, -1)}q`, /mistyped/],
  ['none at all', 'satoshi', /neither an address nor a script hash/],
]) {
  test(`an address that is ${what} is refused, with the reason`, async () => {
    const opening = await opened(lib.looks[2]);
    const { page } = opening;
    await lookUp(page, query);
    await lib.says(page, '#query-error', message);
    assert.equal(await page.getByLabel('Address or script hash').getAttribute('aria-invalid'), 'true');
    assert.ok(await page.locator('#query').evaluate((field) => document.activeElement === field), 'the field has the focus');
    await lib.picture(page, 'electrum-refused');
    await lib.expectSound(opening);
    await opening.close();
  });
}

test('every stop of the tab key is named and can be seen', async () => {
  const { page, close } = await opened(lib.looks[0]);
  const stops = await lib.tabStops(page);
  for (const name of ['Look up', 'Copy: Server for wallets', 'QR code: Server for wallets']) {
    assert.ok(stops.some((stop) => stop.name === name), `${name} in ${JSON.stringify(stops)}`);
  }
  for (const { name, visible } of stops) assert.ok(visible, `${name} shows that it has the focus`);
  await close();
});

for (const look of [lib.looks[0], lib.looks[3]]) {
  test(`the server for wallets can be copied and scanned: ${look.name}`, async () => {
    const opening = await opened(look);
    const { copied, scanned } = await lib.taken(opening, 'Server for wallets', `electrum-code-${look.name}`);
    assert.match(copied, /:\d+$/);
    // In Electrum's notation `:t` means “without TLS”.
    assert.equal(scanned, `${copied}:t`);
    await opening.close();
  });
}
