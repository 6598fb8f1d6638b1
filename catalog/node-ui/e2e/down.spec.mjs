// The pages while a daemon is stopped.
//   DOWN  the stopped daemons: `bitcoin`, or `others` (electrs and lnd, while bitcoin runs)
//   NODE_URL, ELECTRUM_URL, LIGHTNING_URL  the pages
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import * as lib from './lib.mjs';

const withoutNode = ['Without its Bitcoin node', /waiting for bitcoin, which does not answer/];
const said = {
  bitcoin: {
    NODE: ['Bitcoin Core does not answer', /journalctl --user -u archy-bitcoin/],
    ELECTRUM: withoutNode,
    LIGHTNING: withoutNode,
  },
  others: {
    ELECTRUM: ['electrs does not answer', /journalctl --user -u archy-electrs/],
    LIGHTNING: ['lnd does not answer', /journalctl --user -u archy-lnd/],
  },
}[process.env.DOWN];
assert.ok(said, 'DOWN must be `bitcoin` or `others`');

let browser;
before(async () => {
  browser = await lib.launch();
});
after(() => browser?.close());

for (const [name, [headline, detail]] of Object.entries(said)) {
  for (const look of [lib.looks[0], lib.looks[3]]) {
    test(`${name}_URL says “${headline}”: ${look.name}`, async () => {
      const opening = await lib.open(browser, lib.address(`${name}_URL`), look, { failing: true });
      const { page } = opening;
      await lib.says(page, '#headline', headline);
      await lib.says(page, '#detail', detail);
      await lib.says(page, '#height', '–');
      for (const sentence of await page.locator('.empty').allTextContents()) assert.equal(sentence, 'Loading…');
      await lib.picture(page, `down-${process.env.DOWN}-${name.toLowerCase()}-${look.name}`);
      await lib.expectSound(opening);
      await opening.close();
    });
  }
}
