// The mempool and a history as rows and texts. Pure.
import { count, virtualBytes } from '../shared/format.js';

const mostBands = 8;

/** Satoshis as '0.00012345 BTC', with every digit. */
export function coins(satoshis) {
  const sign = satoshis < 0 ? '−' : '';
  const digits = String(Math.abs(satoshis)).padStart(9, '0');
  return `${sign}${count(Number(digits.slice(0, -8)))}.${digits.slice(-8)} BTC`;
}

/**
 * electrs' estimate in BTC per 1000 virtual bytes as '12 sat/vB'; null if it has none (-1, or no
 * answer).
 */
export function feeRate(estimate) {
  if (!Number.isFinite(estimate) || estimate <= 0) return null;
  const rate = estimate * 1e5;
  return `${rate < 10 ? Number(rate.toFixed(1)) : Math.round(rate)} sat/vB`;
}

/**
 * Rows for shared/page.js `table()` from Electrum's histogram [[fee rate, virtual size], …],
 * highest rate first. Neighbours are merged into at most `mostBands` rows. The last cell is the
 * share that waits for at least the row's rate.
 */
export function bands(all) {
  // electrs' steps are fixed, and most are empty.
  const histogram = all.filter(([, vsize]) => vsize > 0);
  const size = Math.ceil(histogram.length / mostBands);
  const groups = [];
  for (let i = 0; i < histogram.length; i += size) groups.push(histogram.slice(i, i + size));
  const total = histogram.reduce((sum, [, vsize]) => sum + vsize, 0);
  const largest = Math.max(0, ...groups.map(sizeOf));
  let above = 0;
  return groups.map((group) => {
    const vsize = sizeOf(group);
    above += vsize;
    const least = group.at(-1)[0];
    return {
      key: least,
      cells: [
        { text: `${count(least)}+` },
        { text: virtualBytes(vsize), className: 'number', share: vsize / largest },
        { text: `${Math.round((above / total) * 100)} %`, className: 'number minor' },
      ],
    };
  });
}

function sizeOf(group) {
  return group.reduce((sum, [, vsize]) => sum + vsize, 0);
}

/**
 * Rows of a history: unconfirmed transactions, then the newest first. `tip` is the newest block's
 * height.
 */
export function historyRows(history, tip) {
  return history
    .slice()
    .reverse()
    .map(({ tx_hash: id, height, fee }) => ({
      key: id,
      cells: [
        { text: height > 0 ? count(height) : 'Waiting', under: height > 0 ? confirmations(tip - height + 1) : waiting(fee) },
        { text: id, className: 'hash' },
      ],
    }));
}

function confirmations(n) {
  return n === 1 ? '1 confirmation' : `${count(Math.max(n, 0))} confirmations`;
}

function waiting(fee) {
  return Number.isFinite(fee) ? `Fee ${count(fee)} sat` : 'Not in a block yet';
}
