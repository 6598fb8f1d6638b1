// A block that is mined while the page of a node is open.
//   NODE_URL   the page
//   NODE_MINE  a shell command that mines blocks and prints the height after that
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import * as lib from './lib.mjs';

const url = lib.address('NODE_URL');
const mine = process.env.NODE_MINE;
assert.ok(mine, 'NODE_MINE must be a command that mines');

test('the first answer after a block was mined puts it on the page, without a reload', async () => {
  const browser = await lib.launch();
  const { page } = await lib.open(browser, url, lib.looks[0]);
  await lib.says(page, '#height', /^[\d,]+$/);
  await page.locator('#blocks > li').first().waitFor();
  // Records when the height changes; the browser records when the page asked. A reload would lose
  // both.
  await page.evaluate(() => {
    window.shown = [];
    const height = document.getElementById('height');
    new MutationObserver(() => window.shown.push([height.textContent, Date.now()])).observe(height, { childList: true });
  });
  const mined = Number(execFileSync('sh', ['-c', mine], { encoding: 'utf8' }).trim());
  const from = Date.now();
  const height = lib.figure(mined);
  await lib.says(page, '#height', height);
  await lib.says(page, '#blocks > li b', height);
  const { shownAt, asked } = await page.evaluate((wanted) => ({
    shownAt: window.shown.find(([text]) => text === wanted)[1],
    asked: performance.getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('/rpc'))
      .map(({ startTime, responseEnd }) => [startTime, responseEnd].map((at) => performance.timeOrigin + at)),
  }), height);
  console.log(`height ${mined} was on the page ${shownAt - from} ms after it was mined`);
  // Counted in answers, not seconds: the time between them is intervalMs of shared/poll.js, the
  // rest is the machine's speed.
  const whole = asked.filter(([began, ended]) => began >= from && ended <= shownAt);
  assert.ok(whole.length <= 1, `${whole.length} answers came before the height was shown`);
  await browser.close();
});
