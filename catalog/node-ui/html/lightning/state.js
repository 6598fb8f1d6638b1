// What lnd's answers mean, in words. Pure.
// The states are those of lnd's lnrpc/stateservice.proto.
import { count, duration } from '../shared/format.js';

/** How much of the node's chain lnd has seen, from 0 to 1; null while that is not known. */
export function share({ info, node, verdict }) {
  if (info === null) return null;
  if (verdict.ready) return 1;
  if (node === null || node.blocks === 0) return null;
  return Math.min(0.9999, info.block_height / node.blocks);
}

/** There is a wallet: lnd opens it, or has. What it says before it has looked for one tells nothing. */
export function hasWallet({ state }) {
  return ['LOCKED', 'UNLOCKED', 'RPC_ACTIVE', 'SERVER_ACTIVE'].includes(state);
}

/**
 * The state to show: {tone, headline, detail, progress, command}. `overview` is the answer to api/overview. What changes at
 * each turn is in `progress`, a text or null; headline and detail stay the same while the state does, since a screen reader
 * speaks them when they change.
 */
export function describe(overview, { unit, make_wallet: makesWallet }) {
  const { state, info, node, node_trouble: trouble, verdict } = overview;
  switch (state) {
    case 'NON_EXISTING':
      if (makesWallet) return says('busy', 'Making its wallet', 'That takes some seconds. If it stays so, the journal says why.');
      return says(
        'warn',
        'There is no wallet yet',
        'lnd waits for one. Give it the password that it knows (catalog/README.md says which). In a terminal on this machine:',
        { command: `podman exec -it ${unit} lncli create` },
      );
    case 'LOCKED':
      return says(
        'busy',
        'Opening its wallet',
        'It does so by itself at every start. If it never gets beyond that, catalog/README.md says what to do about another password.',
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

/** It runs, but says nothing of itself. */
function closed({ state, info_status: status }, unit) {
  if (status === 0) {
    return says(
      'busy',
      'Running, and not open to this page yet',
      'It gets its key, a macaroon that can only read, within half a minute of the first start.',
    );
  }
  if (state === 'RPC_ACTIVE') return says('busy', 'Starting', 'lnd looks through the chain before it opens its channels.');
  // lnd says no more than 500 for both.
  const journal = `The journal says why: journalctl --user -u ${unit}`;
  if (status === 504) return says('warn', 'Running, but without an answer', `It is busy, or does not reach its Bitcoin node. ${journal}`);
  return says(
    'warn',
    'Running, but without figures',
    `It does not reach its Bitcoin node, or does not accept this page's key (HTTP ${status}). ${journal}`,
  );
}

function running({ info, awaits_block: awaitsBlock, node, verdict }) {
  if (awaitsBlock) {
    const which = node.blocks === 0 ? 'there is none yet' : 'the newest one is old';
    return says(
      'calm',
      'Waiting for a block',
      `lnd begins once there is one that is less than two hours old: ${which}. On regtest none comes unless somebody mines it.`,
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
    'lnd has seen every block that the node has; the node has not all of them yet, or lnd still starts.',
  );
}
