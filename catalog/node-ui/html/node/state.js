// What the node's answers mean, in words. Pure: answers and the time go in, text comes out.
import { ago, count, percent } from '../shared/format.js';

const justArrived = 2; // headers: the blocks of so few are on their way
const inWarmup = -28; // RPC_IN_WARMUP in Bitcoin Core's src/rpc/protocol.h

/**
 * The state to show: {tone, headline, detail, progress}. `now` is in seconds since 1970. What changes at each turn is in
 * `progress`; headline and detail stay the same while the state does, since a screen reader speaks them when they change.
 */
export function describe({ chain, network, tip, error }, now) {
  if (error?.code === inWarmup) {
    return { tone: 'busy', headline: 'Starting', detail: error.message, progress: null };
  }
  if (!chain || !network) {
    return { tone: 'bad', headline: 'The node answered with an error', detail: error?.message ?? '', progress: null };
  }
  if (network.networkactive === false) {
    return { tone: 'warn', headline: 'Networking is switched off', detail: 'The node talks to no other node until it is switched on again.', progress: null };
  }
  if (chain.blocks < chain.headers && (chain.initialblockdownload || chain.headers - chain.blocks > justArrived)) {
    return { tone: 'busy', headline: 'Catching up', detail: 'The node fetches and checks the blocks that it has only headers of.', progress: progressOf(chain) };
  }
  if (network.connections === 0) return alone(chain, tip, now);
  if (chain.initialblockdownload) return notRecent(chain, tip, now);
  return { tone: 'good', headline: 'In sync', detail: 'The node has every block that its peers know.', progress: null };
}

function progressOf({ blocks, headers, verificationprogress }) {
  return {
    share: verificationprogress,
    label: `Block ${count(blocks)} of ${count(headers)}, about ${percent(verificationprogress)} of all the work`,
  };
}

function alone(chain, tip, now) {
  if (chain.chain === 'regtest') {
    return {
      tone: 'calm',
      headline: 'Alone, as usual on regtest',
      detail: `No peers: this chain is what was mined here.${stillInitial(chain, tip, now)}`,
      progress: null,
    };
  }
  return {
    tone: 'warn',
    headline: 'No peers',
    detail: 'The node looks for other nodes. Without them it cannot know whether there are newer blocks.',
    progress: null,
  };
}

function notRecent(chain, tip, now) {
  return {
    tone: 'busy',
    headline: chain.blocks === 0 ? 'Fetching headers' : 'Looking for newer blocks',
    detail: `The node has every block that it knows of.${stillInitial(chain, tip, now)}`,
    progress: null,
  };
}

/** Bitcoin Core leaves its initial download only once its newest block is less than a day old. */
function stillInitial(chain, tip, now) {
  if (!chain.initialblockdownload) return '';
  if (!tip || now - tip.time < 86400) return ' It has not yet left its initial download.';
  return ` Its newest block is old (${ago(tip.time, now)}), so it counts itself as still in its initial download.`;
}
