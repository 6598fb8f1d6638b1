// The state of electrs in words. Pure.
import { count, duration } from '../shared/format.js';

/** The share of the node's chain that is in the index, from 0 to 1; null while it is unknown. */
export function share({ height, node }) {
  if (height === null || node === null) return null;
  return node.blocks === 0 ? 1 : Math.min(1, height / node.blocks);
}

/**
 * The state to show: {tone, headline, detail, progress}. `progress`, a text or null, may change at
 * each turn. Headline and detail stay the same within a state, since screen readers announce their
 * changes.
 */
export function describe({ verdict, reached, waits_for: waitsFor, height, node, node_trouble: trouble }, { unit }) {
  if (verdict.ready) return says('good', 'In sync', 'Every block of the Bitcoin node is in the index.');
  if (verdict.progress !== undefined) {
    const left = verdict.remaining_s === undefined ? '' : `, about ${duration(verdict.remaining_s)} left`;
    const progress = height === null || node === null ? null : `Block ${count(height)} of ${count(node.blocks)}${left}`;
    return says('busy', 'Building the index', 'Until it is complete, wallets get old answers or none.', progress);
  }
  if (node === null) {
    return says('bad', 'Without its Bitcoin node', `electrs is ${trouble}. It needs its node for every answer, and comes back with it.`);
  }
  if (waitsFor === 'block') {
    const which = node.blocks === 0 ? 'there is none yet' : 'the newest one is old';
    return says(
      'calm',
      'Waiting for a block',
      `electrs begins once its Bitcoin node has a new block: ${which}. On regtest a block comes only when somebody mines one.`,
    );
  }
  if (waitsFor === 'bitcoin') {
    const progress = `The node is at block ${count(node.blocks)} of ${count(node.headers)}`;
    return says('busy', 'Waiting for Bitcoin', 'electrs builds its index once the Bitcoin node has all blocks.', progress);
  }
  if (!reached) {
    return says(
      'bad',
      'electrs does not answer',
      `It is stopped, or is just starting or stopping. Its journal says more: journalctl --user -u ${unit}`,
    );
  }
  return says('busy', 'Not ready yet', `electrs is ${verdict.message}.`);
}

function says(tone, headline, detail, progress = null) {
  return { tone, headline, detail, progress };
}
