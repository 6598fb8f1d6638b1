// What electrs' figures mean, in words. Pure.
import { count, percent } from '../shared/format.js';

const justArrived = 2; // blocks: so few are indexed before one has read about it

/** `chain` is bitcoind's answer about itself, or null where this page cannot reach it. */
export function describe({ height, chain }) {
  if (height === null) {
    return {
      tone: 'busy',
      headline: 'Waiting for Bitcoin',
      detail: 'electrs builds its index once the Bitcoin node has left its initial download.',
      progress: null,
    };
  }
  if (chain === null) {
    return {
      tone: 'warn',
      headline: 'Running, perhaps behind',
      detail: 'The Bitcoin node does not answer this page, so it cannot say whether the index is complete.',
      progress: null,
    };
  }
  if (chain.blocks - height > justArrived) {
    return {
      tone: 'busy',
      headline: 'Building the index',
      detail: 'Until it is complete, wallets get no answer.',
      progress: { share: height / chain.blocks, label: `Block ${count(height)} of ${count(chain.blocks)}, ${percent(height / chain.blocks)}` },
    };
  }
  if (chain.initialblockdownload) {
    return { tone: 'busy', headline: 'Up to its Bitcoin node', detail: 'The Bitcoin node itself has not left its initial download.', progress: null };
  }
  return { tone: 'good', headline: 'In sync', detail: 'Every block of the Bitcoin node is in the index.', progress: null };
}
