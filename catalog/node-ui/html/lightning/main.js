// The page of lnd.
import { ask, withoutAnswer } from '../shared/answer.js';
import { addresses } from '../shared/connect.js';
import { count, moment, networkName, share as shareText } from '../shared/format.js';
import * as page from '../shared/page.js';
import { poll } from '../shared/poll.js';
import { asker } from './asked.js';
import { connections } from './connections.js';
import { channelRows, invoiceRows, paymentRows, peerRows, pendingRows, sats } from './lists.js';
import { describe, hasWallet, share } from './state.js';

let answeredAt = null; // time of the figures on the page, in seconds since 1970
let askLnd = null; // asked.js

function introduce(config) {
  document.documentElement.dataset.coin = 'lightning';
  page.text('command', `podman exec ${config.unit} lncli getinfo`);
  page.text('words-command', `podman exec ${config.unit} cat /root/.lnd/wallet-words.${config.network}`);
  page.shown('network', true);
  page.text('network', networkName(config.network));
  page.ring(null, '', 'calm');
  askLnd = asker(ask, config);
}

function show(answer, config) {
  const absent = withoutAnswer(answer, config);
  const state = absent ?? describe(answer.value.overview, config);
  page.state(state);
  page.text('progress', state.progress ?? '');
  page.shown('todo', state.command !== undefined);
  page.text('todo-command', state.command ?? '');
  if (!absent) page.shown('words', config.make_wallet && hasWallet(answer.value.overview));
  document.title = `${state.headline} · ${config.title}`;

  const done = absent ? null : share(answer.value.overview);
  page.ring(done, done === null ? '–' : shareText(done), state.tone);
  if (absent || answer.value.overview.info === null) {
    page.stale(answeredAt === null ? 'It has not answered since this page was opened.' : `The figures are from ${moment(answeredAt)}.`);
    return;
  }
  const now = Date.now() / 1000;
  answeredAt = now;
  page.stale(null);
  figures(answer.value.overview, config);
  part(answer.value.channels, ['channels'], channels);
  part(answer.value.peers, ['peers'], peers);
  part(answer.value.activity, ['invoices', 'payments'], (value) => activity(value, now));
}

/** Shows the answer for a list; or keeps the old list and shows why there is no newer one. */
function part(answered, names, fill) {
  if (answered === null) return;
  for (const name of names) page.text(`${name}-failed`, answered.failed ?? '');
  if (answered.failed === undefined) fill(answered.value);
}

function figures({ info, wallet, channels: balance }, config) {
  page.text('software', `Version ${info.version.split(' ')[0]}`);
  page.text('height', count(info.block_height));
  page.text('alias', info.alias);
  page.text('graph', info.synced_to_graph ? 'Complete' : 'Being fetched');
  page.text('graph-note', info.synced_to_graph ? 'The map of the network, for finding routes' : 'From its peers, if it has any');
  addresses('connect', connections(config, info, location.hostname));

  if (wallet !== null) {
    page.text('wallet', sats(wallet.confirmed_balance));
    const waiting = Number(wallet.unconfirmed_balance);
    page.text('wallet-note', waiting === 0 ? 'All of it confirmed' : `${sats(waiting)} more, not confirmed yet`);
  }
  if (balance !== null) {
    page.text('ours', sats(balance.local));
    const moving = Number(balance.unsettled);
    page.text('ours-note', `Can be sent${moving > 0 ? `; ${sats(moving)} more on its way` : ''}`);
    page.text('theirs', sats(balance.remote));
    page.text('theirs-note', 'Can be received');
  }
}

function channels({ total, open, pending }) {
  const inactive = open.filter((channel) => !channel.active).length;
  const idle = inactive > 0 ? `, ${count(inactive)} of them inactive` : '';
  const listed = total > open.length ? `; ${count(open.length)} are listed` : '';
  page.text('channels-summary', total === 0 ? '' : `${count(total)}${idle}${listed}. In satoshis.`);
  page.list('channels', channelRows(open), 'No channel is open.');
  page.shown('pending', pending.length > 0);
  page.table('pending-rows', pendingRows(pending));
}

function peers({ total, peers: some }) {
  page.text('peers-summary', total > some.length ? `${count(total)}; ${count(some.length)} are listed` : total === 0 ? '' : count(total));
  page.list('peers', peerRows(some), 'No other node is connected.');
}

function activity({ invoices, payments }, now) {
  page.list('invoices', invoiceRows(invoices, now), 'No invoices yet.');
  page.list('payments', paymentRows(payments, now), 'No payments yet.');
}

poll({ introduce, ask: (signal) => askLnd(signal), show, failed: page.failed });
