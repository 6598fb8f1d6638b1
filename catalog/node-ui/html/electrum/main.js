// The page of electrs.
import { ask, withoutAnswer } from '../shared/answer.js';
import { count, moment, networkName } from '../shared/format.js';
import * as page from '../shared/page.js';
import { poll } from '../shared/poll.js';
import { readMetrics } from './metrics.js';
import { describe } from './state.js';

const config = await (await fetch('config.json')).json();
document.documentElement.dataset.coin = 'electrum';
page.text('command', `journalctl --user -u ${config.unit}`);
page.shown('network', true);
page.text('network', networkName(config.network));
page.text('server', `${location.hostname}:${config.electrum_port}`);

let answeredAt = null; // when the figures on the page were true, in seconds since 1970

/** An answer whose value is {height, mempool, chain}, each null while it is not known. */
async function askElectrs(signal) {
  const [metrics, chain] = await Promise.all([
    ask('api/metrics', 'text', { signal }),
    ask('api/chain', 'json', { signal }),
  ]);
  if (metrics.kind !== 'answer') return metrics;
  return { kind: 'answer', value: { ...readMetrics(metrics.value), chain: chain.kind === 'answer' ? chain.value : null } };
}

function show(answer) {
  const state = withoutAnswer(answer, config) ?? describe(answer.value);
  page.state(state);
  page.progress(state.progress ?? null);
  document.title = `${state.headline} · ${config.title}`;

  if (answer.kind !== 'answer') {
    page.stale(answeredAt === null ? 'It has not answered since this page was opened.' : `The figures are from ${moment(answeredAt)}.`);
    return;
  }
  answeredAt = Date.now() / 1000;
  page.stale(null);
  figures(answer.value);
}

function figures({ height, mempool, chain }) {
  page.text('height', count(height ?? NaN));
  page.text('mempool', count(mempool ?? NaN));
  page.text('chain', count(chain?.blocks ?? NaN));
  page.text('chain-note', chain === null ? 'Not reachable from this page' : '');
}

poll(askElectrs, show);
