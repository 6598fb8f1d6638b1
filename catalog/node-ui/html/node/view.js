// Puts the node's figures on the page.
import { withoutAnswer } from '../shared/answer.js';
import { addresses } from '../shared/connect.js';
import { ago, count, duration, moment, networkName, share as shareText, virtualBytes } from '../shared/format.js';
import * as page from '../shared/page.js';
import { connections } from './connections.js';
import { blockCards, directions, disk, leastFee, peerRows, versionCounts } from './lists.js';
import { describe, isBehind, share } from './state.js';

let answeredAt = null; // time of the figures on the page, in seconds since 1970
let newest = null; // the newest block on the page

export function introduce(config) {
  document.documentElement.dataset.coin = config.coin;
  document.title = config.title;
  page.text('title', config.title);
  page.text('command', `podman exec ${config.unit} ${config.cli} getblockchaininfo`);
  page.ring(null, '', 'calm');
  addresses('connect', connections(config, null, location.hostname));
}

export function show(answer, config, now) {
  const absent = withoutAnswer(answer, config);
  const state = absent ?? describe(answer.value, now);
  page.state(state);
  page.text('progress', state.progress ?? '');
  document.title = `${state.headline} · ${config.title}`;

  if (absent || !answer.value.chain || !answer.value.network) {
    page.ring(null, '–', state.tone);
    // "4 min ago" would become wrong without updates.
    if (newest) page.text('tip-age', `Newest block of ${moment(newest.time)}`);
    page.stale(answeredAt === null ? 'It has not answered since this page was opened.' : `The figures are from ${moment(answeredAt)}.`);
    return;
  }
  answeredAt = now;
  page.stale(null);
  page.ring(share(answer.value.chain), shareText(share(answer.value.chain)), state.tone);
  figures(answer.value, config, now);
  newestBlocks(answer.value, now);
  peerList(answer.value);
  addresses('connect', connections(config, answer.value.network, location.hostname));
}

function figures({ chain, network, mempool, uptime }, config, now) {
  page.shown('network', true);
  page.text('network', networkName(chain.chain));
  page.text('software', version(network.subversion));

  page.text('height', count(chain.blocks));
  const behind = chain.headers - chain.blocks;
  page.text('synced', shareText(share(chain)));
  page.text('synced-note', behind === 0 ? 'Every block it knows of' : `${count(behind)} blocks to go`);
  page.text('headers', count(chain.headers));
  page.text('headers-note', behind === 0 ? 'As many as blocks' : `${count(behind)} ahead of the blocks`);

  page.text('peers', count(network.connections));
  page.text('peers-note', directions(network));

  page.text('mempool', count(mempool?.size));
  page.text('mempool-note', mempool ? mempoolNote(mempool, config.coin) : '');
  page.gauge('mempool-gauge', mempool ? mempool.usage / mempool.maxmempool : null);

  const room = disk(chain);
  page.text('disk', room.figure);
  page.text('disk-note', room.note);
  page.gauge('disk-gauge', room.share);

  page.text('uptime', duration(uptime));
  page.text('uptime-note', uptime === null ? '' : `Since ${moment(now - uptime)}`);

  const warnings = [chain.warnings, network.warnings].flat().filter(Boolean);
  page.shown('warnings', warnings.length > 0);
  page.text('warnings-text', [...new Set(warnings)].join(' '));
}

function mempoolNote(mempool, coin) {
  if (mempool.loaded === false) return 'Being read from disk';
  return `${virtualBytes(mempool.bytes)}, fee from ${leastFee(mempool, coin)}`;
}

function newestBlocks({ chain, blocks }, now) {
  const behind = isBehind(chain);
  page.shown('blocks', !behind && blocks.length > 0);
  page.shown('blocks-empty', behind || blocks.length === 0);
  page.text('blocks-empty', behind ? 'Shown once the node has caught up.' : 'Loading…');
  newest = behind ? null : (blocks[0] ?? null);
  page.text('tip-age', newest ? `Newest block ${ago(newest.time, now)}` : '');
  if (!behind) page.strip('blocks', blockCards(blocks, now));
}

function peerList({ peers, network }) {
  if (peers === null) return;
  page.text('peers-summary', peers.length === 0 ? '' : directions(network));
  page.chips('versions', versionCounts(peers));
  page.list('peers', peerRows(peers), 'No other node is connected.');
}

/** '/LitecoinCore:0.21.4/' → 'Version 0.21.4'; a longer text stays as it is. */
function version(subversion) {
  return subversion.replace(/^\/\w+:([\d.]+)\/$/, 'Version $1');
}
