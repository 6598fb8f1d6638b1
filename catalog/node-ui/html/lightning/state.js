// The state of lnd in words. Pure.
// lnrpc/stateservice.proto of lnd defines the states.
import { count, duration } from '../shared/format.js';

/** The share of the node's chain that lnd has seen, from 0 to 1; null while it is unknown. */
export function share({ info, node, verdict }) {
  if (info === null) return null;
  if (verdict.ready) return 1;
  if (node === null || node.blocks === 0) return null;
  return Math.min(0.9999, info.block_height / node.blocks);
}

/**
 * Whether there is a wallet, which lnd is opening or has opened. Earlier states say nothing about
 * it.
 */
export function hasWallet({ state }) {
  return ['LOCKED', 'UNLOCKED', 'RPC_ACTIVE', 'SERVER_ACTIVE'].includes(state);
}

/**
 * The state to show: {tone, headline, detail, progress, command}. `overview` is the answer to
 * api/overview. `progress`, a text or null, may change at each turn. Headline and detail stay the
 * same within a state, since screen readers announce their changes.
 */
export function describe(overview, { unit, make_wallet: makesWallet }) {
  const { state, info, node, node_trouble: trouble, verdict } = overview;
  switch (state) {
    case 'NON_EXISTING':
      if (makesWallet) return says('busy', 'Making its wallet', 'This takes some seconds. If it takes longer, the journal says why.');
      return says(
        'warn',
        'There is no wallet yet',
        'lnd waits for one. Use the password that catalog/README.md names. In a terminal on this machine:',
        { command: `podman exec -it ${unit} lncli create` },
      );
    case 'LOCKED':
      return says(
        'busy',
        'Opening its wallet',
        'lnd does so by itself at every start. If it stays in this state, the wallet may have another password: see catalog/README.md.',
      );
    case 'WAITING_TO_START':
      return says('busy', 'Starting', starts);
    case 'UNLOCKED':
    case 'RPC_ACTIVE':
    case 'SERVER_ACTIVE':
      break;
    default:
      return says('warn', `lnd says ${state}`, 'This page does not know that state.');
  }
  if (verdict.ready) return says('good', 'In sync', 'lnd has seen every block of its Bitcoin node.');
  if (node === null) return says('bad', 'Without its Bitcoin node', `lnd is ${trouble}. Until it answers, lnd sees no new blocks.`);
  if (state === 'UNLOCKED') return says('busy', 'Starting', starts);
  return info === null ? closed(overview, unit) : running(overview);
}

const starts = 'lnd opens its wallet and connects to the Bitcoin node.';

function says(tone, headline, detail, more = {}) {
  return { tone, headline, detail, progress: null, ...more };
}

/** lnd runs, but getinfo has no answer. */
function closed({ state, info_status: status }, unit) {
  if (status === 0) {
    return says(
      'busy',
      'Running, but not open to this page yet',
      'The page gets its read-only macaroon within half a minute of the first start.',
    );
  }
  if (state === 'RPC_ACTIVE') return says('busy', 'Starting', 'lnd reads the chain before it opens its channels.');
  // lnd answers 500 for both causes.
  const journal = `The journal says why: journalctl --user -u ${unit}`;
  if (status === 504) return says('warn', 'Running, but without an answer', `It is busy, or cannot reach its Bitcoin node. ${journal}`);
  return says(
    'warn',
    'Running, but without figures',
    `It cannot reach its Bitcoin node, or does not accept this page's macaroon (HTTP ${status}). ${journal}`,
  );
}

function running({ info, awaits_block: awaitsBlock, node, verdict }) {
  if (awaitsBlock) {
    const which = node.blocks === 0 ? 'there is none yet' : 'the newest one is old';
    return says(
      'calm',
      'Waiting for a block',
      `lnd begins once there is a block less than two hours old: ${which}. On regtest a block comes only when somebody mines one.`,
    );
  }
  if (node.blocks > info.block_height) {
    const left = verdict.remaining_s === undefined ? '' : `, about ${duration(verdict.remaining_s)} left`;
    return says('busy', 'Catching up with the chain', 'lnd opens its channels once it has seen every block.', {
      progress: `Block ${count(info.block_height)} of ${count(node.blocks)}${left}`,
    });
  }
  return says(
    'busy',
    'Waiting for its Bitcoin node',
    'lnd has seen every block of the node. The node does not have all blocks yet, or lnd is still starting.',
  );
}
