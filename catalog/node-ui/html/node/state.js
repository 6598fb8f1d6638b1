// What the node's answers mean, in words. Pure: answers and the time go in, text comes out.
import { ago, count, duration, share as shareText } from '../shared/format.js';

const justArrived = 2; // headers: the blocks of so few are on their way
const inWarmup = -28; // RPC_IN_WARMUP in Bitcoin Core's src/rpc/protocol.h

/** It has headers whose blocks it fetches and checks. */
export function isBehind({ blocks, headers, initialblockdownload }) {
  return blocks < headers && (initialblockdownload || headers - blocks > justArrived);
}

/** It has all there is, as far as it can know. On regtest the newest block is old unless somebody has just mined. */
export function isSynced(chain) {
  return !isBehind(chain) && (!chain.initialblockdownload || chain.chain === 'regtest');
}

/** The share of the whole chain that the node has checked, from 0 to 1: 1 only when it is in sync. */
export function share(chain) {
  return isSynced(chain) ? 1 : Math.min(chain.verificationprogress, 0.9999);
}

/**
 * The state to show: {tone, headline, detail, progress}. `now` is in seconds since 1970. What changes at each turn is in
 * `progress`, a text or null; headline and detail stay the same while the state does, since a screen reader speaks them
 * when they change.
 */
export function describe({ chain, network, blocks, peers, ready, error }, now) {
  if (error?.code === inWarmup) return says('busy', 'Starting', error.message);
  if (!chain || !network) return says('bad', 'The node answered with an error', error?.message ?? '');
  if (network.networkactive === false) {
    return says('warn', 'Networking is switched off', 'The node talks to no other node until it is switched on again.');
  }
  if (isBehind(chain)) {
    return says('busy', 'Catching up', 'The node fetches and checks the blocks that it has only headers of.', progressOf(chain, ready));
  }
  const time = blocks?.[0]?.time ?? null;
  if (network.connections === 0) return alone(chain, time, now);
  if (chain.initialblockdownload && chain.chain !== 'regtest') return notRecent(chain, time, peers, now);
  return says('good', 'In sync', 'The node has every block that its peers know.');
}

function says(tone, headline, detail, progress = null) {
  return { tone, headline, detail, progress };
}

function progressOf(chain, ready) {
  // Number and unit stay on one line.
  const left = ready?.remaining_s === undefined ? '' : `, about ${duration(ready.remaining_s).replaceAll(' ', '\u00a0')} left`;
  return `Block ${count(chain.blocks)} of ${count(chain.headers)}: ${shareText(share(chain))} of all the work${left}`;
}

function alone(chain, time, now) {
  if (chain.chain === 'regtest') {
    return says('calm', 'Alone, as usual on regtest', `No peers: this chain is what was mined here.${stillInitial(chain, time, now)}`);
  }
  return says('warn', 'No peers', 'The node looks for other nodes. Without them it cannot know whether there are newer blocks.');
}

function notRecent(chain, time, peers, now) {
  if (chain.blocks === 0) {
    // Before it keeps a header, a node checks that the chain of them all has enough work (since Bitcoin Core 24).
    const checked = Math.max(0, ...(peers ?? []).map((peer) => peer.presynced_headers ?? -1));
    const progress = checked > chain.headers ? `At ${count(checked)}, looked at before they are kept` : null;
    return says('busy', 'Fetching headers', 'The node asks its peers which blocks there are, before it fetches them.', progress);
  }
  return says('busy', 'Looking for newer blocks', `The node has every block that it knows of.${stillInitial(chain, time, now)}`);
}

/** Bitcoin Core leaves its initial download only once its newest block is less than a day old. */
function stillInitial(chain, time, now) {
  if (!chain.initialblockdownload) return '';
  if (time === null || now - time < 86400) return ' It has not yet left its initial download.';
  return ` Its newest block is old (${ago(time, now)}), so it counts itself as still in its initial download.`;
}
