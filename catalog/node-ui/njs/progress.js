// How long something still takes, judged by how far it came of late. Pure: the time is an argument.
//
// nginx's own JavaScript (njs) runs what lies in this folder: no destructuring, no classes, one default export a file,
// and a constant stands above the functions that use it: an async one below finds nothing.

const windowS = 900; // long enough to even out slow blocks, short enough to notice a faster disk
const spacingS = 30; // so that a window is at most 60 samples, however often somebody asks
const leastS = 30; // less says nothing
const mostS = 365 * 86400; // more than that is no estimate but a standstill

/** The samples ([[time in s, share from 0 to 1], …], oldest first) with one more: the newest is always the last. */
function noted(samples, share, now) {
  const last = samples.length > 0 ? samples[samples.length - 1] : null;
  // Fewer than before, or the clock went back: another chain, another index, another time. What was is no guide.
  if (last !== null && (share < last[1] || now < last[0])) return [[now, share]];
  const kept = samples.filter((sample) => now - sample[0] <= windowS);
  const crowded = kept.length > 1 && now - kept[kept.length - 2][0] < spacingS;
  return (crowded ? kept.slice(0, -1) : kept).concat([[now, share]]);
}

/** Seconds until the share is 1, at the pace of these samples; null where they do not tell. */
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

/** 'at 83 %, about 2 h left', to be read after "bitcoin is". */
function words(share, left) {
  return left === null ? `at ${percent(share)}` : `at ${percent(share)}, ${about(left)} left`;
}

/** Rounded down, so that it never says 100 before it is; finer near the end, where a per cent is hours. */
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
