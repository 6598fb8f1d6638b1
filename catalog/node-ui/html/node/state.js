// The state of the node in words. Pure: the time is an argument.
import { ago, count, duration, share as shareText } from '../shared/format.js';

const justArrived = 2; // headers; this few blocks are on their way
const inWarmup = -28; // RPC_IN_WARMUP in Bitcoin Core's src/rpc/protocol.h

/** The node has headers whose blocks it still fetches and checks. */
export function isBehind({ blocks, headers, initialblockdownload }) {
  return blocks < headers && (initialblockdownload || headers - blocks > justArrived);
}

/**
 * The node has all blocks that it knows of. On regtest the newest block is old unless somebody has
 * just mined.
 */
export function isSynced(chain) {
  return !isBehind(chain) && (!chain.initialblockdownload || chain.chain === 'regtest');
}

/** The share of the chain that the node has checked, from 0 to 1; 1 only if it is in sync. */
export function share(chain) {
  return isSynced(chain) ? 1 : Math.min(chain.verificationprogress, 0.9999);
}

/**
 * The state to show: {tone, headline, detail, progress}. `now` is in seconds since 1970.
 * `progress`, a text or null, may change at each turn. Headline and detail stay the same within a
 * state, since screen readers announce their changes.
 */
export function describe({ chain, network, blocks, peers, ready, error }, now) {
  if (error?.code === inWarmup) return says('busy', 'Starting', error.message);
  if (!chain || !network) return says('bad', 'The node answered with an error', error?.message ?? '');
  if (network.networkactive === false) {
    return says('warn', 'Networking is switched off', 'The node connects to no other node until networking is switched on again.');
  }
  if (isBehind(chain)) {
    return says('busy', 'Catching up', 'The node fetches and checks blocks of which it has only the headers.', progressOf(chain, ready));
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
    return says('calm', 'Alone, as usual on regtest', `No peers: this chain was mined here.${stillInitial(chain, time, now)}`);
  }
  return says('warn', 'No peers', 'The node looks for other nodes. Without them it cannot know whether there are newer blocks.');
}

function notRecent(chain, time, peers, now) {
  if (chain.blocks === 0) {
    // Since Bitcoin Core 24 a node checks that the chain of headers has enough work before it
    // stores them.
    const checked = Math.max(0, ...(peers ?? []).map((peer) => peer.presynced_headers ?? -1));
    const progress = checked > chain.headers ? `At header ${count(checked)}, in a first check before they are stored` : null;
    return says('busy', 'Fetching headers', 'The node asks its peers which blocks exist, before it fetches them.', progress);
  }
  return says('busy', 'Looking for newer blocks', `The node has every block that it knows of.${stillInitial(chain, time, now)}`);
}

/** Bitcoin Core leaves its initial download once its newest block is less than a day old. */
function stillInitial(chain, time, now) {
  if (!chain.initialblockdownload) return '';
  if (time === null || now - time < 86400) return ' It has not yet left its initial download.';
  return ` Its newest block is old (${ago(time, now)}), so it counts as still in its initial download.`;
}
