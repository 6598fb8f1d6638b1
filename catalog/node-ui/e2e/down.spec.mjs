// The page of a node whose daemon is not there. NODE_DOWN_URL is the page.
import { after, before, test } from 'node:test';

import * as lib from './lib.mjs';

const url = lib.address('NODE_DOWN_URL');

let browser;
before(async () => {
  browser = await lib.launch();
});
after(() => browser?.close());

for (const look of [lib.looks[0], lib.looks[3]]) {
  test(`the page says that the node does not answer: ${look.name}`, async () => {
    const opening = await lib.open(browser, url, look, { failing: true });
    const { page } = opening;
    await lib.says(page, '#headline', /does not answer$/);
    await lib.says(page, '#detail', /journalctl --user -u archy-/);
    await lib.says(page, '#height', '–');
    await lib.says(page, '#peers-empty', 'Asking for them…');
    await lib.picture(page, `node-down-${look.name}`);
    await lib.expectSound(opening);
    await opening.close();
  });
}
