// The page of a node, with a node that runs.
//   NODE_URL     the page
//   NODE_HEIGHT  the height that it must show; not compared if not said
import assert from 'node:assert/strict';
import { test } from 'node:test';

import jsQR from 'jsqr';

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
    const { page } = opening;
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const row = page.locator('#connect > div').first();
    const value = await row.locator('code').textContent();
    await row.getByRole('button', { name: /^Copy: / }).click();
    await lib.says(page, '#said', /^Copied: /);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);

    await row.getByRole('button', { name: /^QR code: / }).click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    assert.equal(await scanned(dialog.getByRole('img')), value);
    await lib.picture(page, `node-code-${look.name}`);
    assert.deepEqual(await lib.violations(page), []);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await lib.expectSound(opening);
    await opening.close();
  });
}

/** Reads a code off the screen as a camera would. */
async function scanned(drawing) {
  const png = await drawing.screenshot();
  // The browser itself unpacks the picture.
  const { data, width, height: rows } = await drawing.page().evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return { data: [...context.getImageData(0, 0, image.width, image.height).data], width: image.width, height: image.height };
  }, png.toString('base64'));
  const read = jsQR.default ?? jsQR;
  return read(Uint8ClampedArray.from(data), width, rows)?.data;
}
