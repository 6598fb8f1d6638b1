// Estimates the remaining time from recent progress. Pure: the time is an argument.
//
// njs, the JavaScript inside nginx, runs the files of this folder. It knows no destructuring and no
// classes; each file has one default export; and a constant must stand above the functions that use
// it, since an async function does not find one below it.

const windowS = 900; // averages over slow blocks, and soon notices a faster disk
const spacingS = 30; // at most 60 samples in a window, however many requests come
const leastS = 30; // a shorter span gives no estimate
const mostS = 365 * 86400; // a longer time is a standstill, not an estimate

/**
 * Adds a sample to `samples` ([[time in s, share from 0 to 1], …], oldest first). The newest is
 * always the last.
 */
function noted(samples, share, now) {
  const last = samples.length > 0 ? samples[samples.length - 1] : null;
  // A smaller share means another chain or index, an earlier time a changed clock: older samples do
  // not apply.
  if (last !== null && (share < last[1] || now < last[0])) return [[now, share]];
  const kept = samples.filter((sample) => now - sample[0] <= windowS);
  const crowded = kept.length > 1 && now - kept[kept.length - 2][0] < spacingS;
  return (crowded ? kept.slice(0, -1) : kept).concat([[now, share]]);
}

/** Seconds until the share is 1 at the pace of these samples; null if they allow no estimate. */
function remaining(samples) {
  if (samples.length < 2) return null;
  const first = samples[0];
  const last = samples[samples.length - 1];
  const elapsed = last[0] - first[0];
  const gained = last[1] - first[1];
  if (elapsed < leastS || gained <= 0) return null;
  const left = Math.round(((1 - last[1]) * elapsed) / gained);
  return left <= mostS ? left : null;
}

/** 'at 83 %, about 2 h left', as words after "bitcoin is". */
function words(share, left) {
  return left === null ? `at ${percent(share)}` : `at ${percent(share)}, ${about(left)} left`;
}

/** Rounded down, so that 100 % means all. Finer near the end, where one per cent takes hours. */
function percent(share) {
  return share < 0.99 ? `${Math.floor(share * 100)} %` : `${(Math.min(Math.floor(share * 10000), 9999) / 100).toFixed(2)} %`;
}

function about(seconds) {
  if (seconds < 90) return 'about a minute';
  if (seconds < 90 * 60) return `about ${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `about ${Math.round(seconds / 3600)} h`;
  return `about ${Math.round(seconds / 86400)} d`;
}

/** 1234567 → '1,234,567' */
function grouped(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

export default { noted, remaining, words, grouped };
