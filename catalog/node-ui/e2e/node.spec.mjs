// The page of a running node.
//   NODE_URL     the page
//   NODE_HEIGHT  the height that it must show; not compared if not set
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as lib from './lib.mjs';

const opened = lib.running('NODE');

for (const look of lib.looks) {
  test(`the node's page is sound: ${look.name}`, async () => {
    const opening = await opened(look);
    const { page } = opening;
    await lib.says(page, '#headers', /^[\d,]+$/);
    await lib.says(page, '#synced', /^[\d.]+ %$/);
    await lib.says(page, '#peers-note', /^\d+ out, \d+ in$/);
    await lib.says(page, '#mempool-note', /vB, fee from [\d.]+ /);
    await lib.says(page, '#disk', /^[\d.]+ [kMGT]?B$/);
    await lib.picture(page, `node-${look.name}`);
    await lib.expectSound(opening);
    await opening.close();
  });
}

test('the newest block is the first of the latest ones, at the height that the page shows', async () => {
  const { page, close } = await opened(lib.looks[0]);
  const shown = await page.textContent('#height');
  const cards = page.locator('#blocks > li');
  await cards.first().waitFor();
  assert.equal(await cards.first().locator('b').textContent(), shown);
  assert.equal(await cards.count(), Math.min(8, Number(shown.replaceAll(',', '')) + 1));
  await close();
});

test('every stop of the tab key is named and can be seen', async () => {
  const { page, close } = await opened(lib.looks[0]);
  const stops = await lib.tabStops(page);
  assert.ok(stops.some(({ name }) => name.startsWith('Copy: ')), JSON.stringify(stops));
  for (const { name, visible } of stops) {
    assert.notEqual(name, '');
    assert.ok(visible, `${name} shows that it has the focus`);
  }
  await close();
});

for (const look of [lib.looks[0], lib.looks[3]]) {
  test(`an address can be copied and scanned: ${look.name}`, async () => {
    const opening = await opened(look);
    const { copied, scanned } = await lib.taken(opening, 'P2P, for other nodes', `node-code-${look.name}`);
    assert.match(copied, /:\d+$/);
    assert.equal(scanned, copied);
    await opening.close();
  });
}
