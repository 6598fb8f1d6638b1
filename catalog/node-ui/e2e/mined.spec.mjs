// A block that is mined while somebody looks at the page of a node.
//   NODE_URL   the page
//   NODE_MINE  a shell command that mines blocks and prints the height after that
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import * as lib from './lib.mjs';

const withinMs = 5000;
const url = lib.address('NODE_URL');
const mine = process.env.NODE_MINE;
assert.ok(mine, 'NODE_MINE says how to mine');

test('mined blocks are on the page in time, without a reload', async () => {
  const browser = await lib.launch();
  const { page } = await lib.open(browser, url, lib.looks[0]);
  await lib.says(page, '#height', /^[\d,]+$/);
  await page.locator('#blocks > li').first().waitFor();
  await page.evaluate(() => {
    document.body.dataset.same = 'yes';
  });
  const mined = Number(execFileSync('sh', ['-c', mine], { encoding: 'utf8' }).trim());
  const from = Date.now();
  await lib.says(page, '#height', lib.figure(mined), withinMs);
  await lib.says(page, '#blocks > li b', lib.figure(mined), withinMs);
  console.log(`height ${mined} was on the page ${Date.now() - from} ms after it was mined`);
  assert.equal(await page.evaluate(() => document.body.dataset.same), 'yes');
  await browser.close();
});
