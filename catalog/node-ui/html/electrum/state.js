// What electrs' figures mean, in words. Pure.
import { count, duration } from '../shared/format.js';

/** How much of the node's chain is in the index, from 0 to 1; null while that is not known. */
export function share({ height, node }) {
  if (height === null || node === null) return null;
  return node.blocks === 0 ? 1 : Math.min(1, height / node.blocks);
}

/**
 * The state to show: {tone, headline, detail, progress}. What changes at each turn is in `progress`, a text or null;
 * headline and detail stay the same while the state does, since a screen reader speaks them when they change.
 */
export function describe({ verdict, reached, waits_for: waitsFor, height, node, node_trouble: trouble }, { unit }) {
  if (verdict.ready) {
    return { tone: 'good', headline: 'In sync', detail: 'Every block of the Bitcoin node is in the index.', progress: null };
  }
  if (verdict.progress !== undefined) {
    const left = verdict.remaining_s === undefined ? '' : `, about ${duration(verdict.remaining_s)} left`;
    return {
      tone: 'busy',
      headline: 'Building the index',
      detail: 'Until it is complete, wallets get old answers, or none.',
      progress: height === null || node === null ? null : `Block ${count(height)} of ${count(node.blocks)}${left}`,
    };
  }
  if (node === null) {
    return {
      tone: 'bad',
      headline: 'Without its Bitcoin node',
      detail: `electrs is ${trouble}. It needs it for every answer; when it is back, so is electrs.`,
      progress: null,
    };
  }
  if (waitsFor === 'block') {
    const which = node.blocks === 0 ? 'there is none yet' : 'the newest one is old';
    return {
      tone: 'calm',
      headline: 'Waiting for a block',
      detail: `electrs begins once its Bitcoin node has a new block: ${which}. On regtest none comes unless somebody mines it.`,
      progress: null,
    };
  }
  if (waitsFor === 'bitcoin') {
    return {
      tone: 'busy',
      headline: 'Waiting for Bitcoin',
      detail: 'electrs builds its index once the Bitcoin node has all blocks.',
      progress: `The node is at block ${count(node.blocks)} of ${count(node.headers)}`,
    };
  }
  if (!reached) {
    return {
      tone: 'bad',
      headline: 'electrs does not answer',
      detail: `It is stopped, or it is just starting or stopping. Its last words are in the journal: journalctl --user -u ${unit}`,
      progress: null,
    };
  }
  return { tone: 'busy', headline: 'Not ready yet', detail: `electrs is ${verdict.message}.`, progress: null };
}
