// The page of electrs.
import { ask, withoutAnswer } from '../shared/answer.js';
import { addresses } from '../shared/connect.js';
import { count, moment, networkName, share as shareText, virtualBytes } from '../shared/format.js';
import * as page from '../shared/page.js';
import { poll } from '../shared/poll.js';
import { bands, feeRate } from './figures.js';
import { history } from './history.js';
import { server } from './server.js';
import { describe, share } from './state.js';

let answeredAt = null; // time of the figures on the page, in seconds since 1970
let refresh = null; // function of history.js, called at each turn

function introduce(config) {
  document.documentElement.dataset.coin = 'electrum';
  page.text('command', `journalctl --user -u ${config.unit}`);
  page.shown('network', true);
  page.text('network', networkName(config.network));
  page.ring(null, '', 'calm');
  addresses('connect', server(config, location.hostname));
  refresh = history(config);
}

function show(answer, config) {
  const absent = withoutAnswer(answer, config);
  const state = absent ?? describe(answer.value, config);
  page.state(state);
  page.text('progress', state.progress ?? '');
  document.title = `${state.headline} · ${config.title}`;

  const done = absent ? null : share(answer.value);
  page.ring(done, done === null ? '–' : shareText(done), state.tone);
  if (absent || answer.value.height === null) {
    page.stale(answeredAt === null ? 'It has not answered since this page was opened.' : `The figures are from ${moment(answeredAt)}.`);
    return;
  }
  answeredAt = Date.now() / 1000;
  page.stale(null);
  figures(answer.value);
  refresh(answer.value.height);
}

function figures({ version, height, node, mempool, histogram, fees }) {
  if (version !== null) page.text('software', `Version ${version.replace('electrs/', '')}`);
  page.text('height', count(height));
  page.text('chain', count(node?.blocks));
  page.text('chain-note', node === null ? 'It does not answer' : behind(node.blocks - height));
  page.text('mempool', count(mempool?.size));
  page.text('size', mempool === null ? '–' : virtualBytes(mempool.bytes));
  page.text('size-note', mempool === null ? '' : room(mempool.bytes));
  for (const [blocks, estimate] of fees) {
    page.text(`fee-${blocks}`, feeRate(estimate) ?? '–');
  }
  const unknown = fees.every(([, estimate]) => feeRate(estimate) === null);
  page.text('fee-note', unknown ? 'The node has seen too few payments to estimate' : 'For 2, 6 and 144 blocks');
  if (histogram !== null) page.list('bands', bands(histogram), 'No transaction is waiting.');
}

function behind(blocks) {
  return blocks <= 0 ? 'All of them are in the index' : `${count(blocks)} not in the index yet`;
}

/** A block holds a million virtual bytes. */
function room(vsize) {
  return vsize <= 1e6 ? 'Fits into one block' : `Fills ${count(Math.ceil(vsize / 1e6))} blocks`;
}

poll({ introduce, ask: (signal) => ask('api/status', 'json', { signal }), show, failed: page.failed });
