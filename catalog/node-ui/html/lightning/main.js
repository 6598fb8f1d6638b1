// The page of lnd.
import { ask, withoutAnswer } from '../shared/answer.js';
import { count, moment, networkName } from '../shared/format.js';
import * as page from '../shared/page.js';
import { poll } from '../shared/poll.js';
import { describe } from './state.js';

const config = await (await fetch('config.json')).json();
document.documentElement.dataset.coin = 'lightning';
page.text('command', `podman exec ${config.unit} lncli getinfo`);
page.shown('network', true);
page.text('network', networkName(config.network));

let answeredAt = null; // when the figures on the page were true, in seconds since 1970

/** An answer whose value is {state, info}: lnd's own word, and the answer to getinfo or null. */
async function askLnd(signal) {
  const state = await ask('api/state', 'json', { signal });
  if (state.kind !== 'answer') return state;
  const ready = state.value.state === 'SERVER_ACTIVE' || state.value.state === 'RPC_ACTIVE';
  const info = ready ? await ask('api/getinfo', 'json', { signal }) : null;
  return { kind: 'answer', value: { state: state.value.state, info } };
}

function show(answer) {
  const state = withoutAnswer(answer, config) ?? describe(answer.value, config);
  page.state(state);
  page.shown('todo', state.command !== undefined);
  page.text('todo-command', state.command ?? '');
  document.title = `${state.headline} · ${config.title}`;

  if (answer.value?.info?.kind === 'answer') {
    answeredAt = Date.now() / 1000;
    page.stale(null);
    figures(answer.value.info.value);
  } else if (answeredAt !== null) {
    page.stale(`The figures are from ${moment(answeredAt)}.`);
  } else {
    page.stale(null);
  }
}

function figures(info) {
  page.text('software', `Version ${info.version.split(' ')[0]}`);
  page.text('channels', count(info.num_active_channels));
  page.text('channels-note', `${count(info.num_inactive_channels)} inactive, ${count(info.num_pending_channels)} pending`);
  page.text('height', count(info.block_height));
  page.text('height-note', info.synced_to_chain ? 'Up to its Bitcoin node' : 'Behind its Bitcoin node');
  page.text('graph', info.synced_to_graph ? 'Up to date' : 'Being fetched');
  page.text('peers', count(info.num_peers));
  page.text('alias', info.alias);
  page.text('pubkey', info.identity_pubkey);
  page.text('addresses', info.uris?.length ? `Announced as ${info.uris.map((uri) => uri.split('@')[1]).join(', ')}` : 'No address announced: others cannot open a connection to it');
}

poll(askLnd, show);
