// Puts the node's figures on the page.
import { withoutAnswer } from '../shared/answer.js';
import { ago, bytes, count, duration, moment, networkName } from '../shared/format.js';
import * as page from '../shared/page.js';
import { describe } from './state.js';

let answeredAt = null; // when the figures on the page were true, in seconds since 1970
let newest = null; // the header of the newest block shown

export function introduce(config) {
  document.documentElement.dataset.coin = config.coin;
  document.title = config.title;
  page.text('title', config.title);
  page.text('command', `podman exec ${config.unit} ${config.cli} getblockchaininfo`);
}

export function show(answer, config, now) {
  const absent = withoutAnswer(answer, config);
  const state = absent ?? describe(answer.value, now);
  page.state(state);
  page.progress(state.progress ?? null);
  document.title = `${state.headline} · ${config.title}`;

  if (absent || !answer.value.chain || !answer.value.network) {
    // "4 min ago" would grow wrong while nobody corrects it.
    if (newest) page.text('tip-age', `Its newest block was of ${moment(newest.time)}`);
    page.stale(answeredAt === null ? 'It has not answered since this page was opened.' : `The figures are from ${moment(answeredAt)}.`);
    return;
  }
  answeredAt = now;
  page.stale(null);
  figures(answer.value, now);
}

function figures({ chain, network, uptime, tip }, now) {
  page.shown('network', true);
  page.text('network', networkName(chain.chain));
  page.text('software', version(network.subversion));

  page.text('height', count(chain.blocks));
  newest = tip;
  page.text('tip-age', tip ? `Newest block ${ago(tip.time, now)}, on ${moment(tip.time)}` : '');

  const behind = chain.headers - chain.blocks;
  page.text('headers', count(chain.headers));
  page.text('headers-note', behind === 0 ? 'Every block is here' : `${count(behind)} blocks to go`);

  page.text('peers', count(network.connections));
  page.text('peers-note', `${count(network.connections_out)} outgoing, ${count(network.connections_in)} incoming`);

  page.text('disk', bytes(chain.size_on_disk));
  page.text('disk-note', chain.pruned ? `Pruned below block ${count(chain.pruneheight)}` : 'None pruned');

  page.text('uptime', duration(uptime));
  page.text('uptime-note', uptime === null ? '' : `Since ${moment(now - uptime)}`);

  const warnings = [chain.warnings, network.warnings].flat().filter(Boolean);
  page.shown('warnings', warnings.length > 0);
  page.text('warnings-text', [...new Set(warnings)].join(' '));
}

/** '/LitecoinCore:0.21.4/' → 'Version 0.21.4'; a name that says more than that is shown as it is. */
function version(subversion) {
  return subversion.replace(/^\/\w+:([\d.]+)\/$/, 'Version $1');
}
