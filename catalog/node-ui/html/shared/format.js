// Numbers, sizes and times as a person reads them. Pure: the time is an argument.

const grouped = new Intl.NumberFormat('en');

/** 2854321 → '2,854,321' */
export function count(n) {
  return Number.isFinite(n) ? grouped.format(n) : '–';
}

/** Bytes as '1.5 GB' (powers of ten, as disks are sold). */
export function bytes(n) {
  return scaled(n, ['B', 'kB', 'MB', 'GB', 'TB']);
}

/** Virtual bytes, the measure of transactions: '1.5 MvB'. */
export function virtualBytes(n) {
  return scaled(n, ['vB', 'kvB', 'MvB', 'GvB']);
}

function scaled(n, units) {
  if (!Number.isFinite(n)) return '–';
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit += 1;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** Seconds as the two largest units: '3 d 4 h', '12 min', '40 s'. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  const left = Math.max(0, Math.floor(seconds));
  const parts = [
    [Math.floor(left / 86400), 'd'],
    [Math.floor(left / 3600) % 24, 'h'],
    [Math.floor(left / 60) % 60, 'min'],
    [left % 60, 's'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first === -1) return '0 s';
  const shown = first === 2 ? parts.slice(2, 3) : parts.slice(first, first + 2);
  return shown.filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(' ');
}

/** Two times in seconds since 1970: '4 min ago'. A time in the future is 'just now'. */
export function ago(then, now) {
  return now - then < 5 ? 'just now' : `${duration(now - then)} ago`;
}

/** Seconds since 1970 as the reader's own date and time. */
export function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });
}

const networks = {
  main: 'Main network',
  mainnet: 'Main network',
  test: 'Testnet',
  testnet4: 'Testnet 4',
  signet: 'Signet',
  regtest: 'Regtest',
};

/** The readable name of a daemon's network; an unknown name stays as it is. */
export function networkName(name) {
  return networks[name] ?? name;
}

/** Seconds as '34 ms' or '1.2 s'. */
export function milliseconds(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

/** A share from 0 to 1: '83 %', finer from 99 % on ('99.9 %'), and '100 %' only for all. */
export function share(value) {
  if (value >= 1) return '100 %';
  return value < 0.99 ? `${Math.floor(value * 100)} %` : `${(Math.floor(value * 1000) / 10).toFixed(1)} %`;
}
