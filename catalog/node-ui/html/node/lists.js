// The node's lists as table rows, and its figures in words. Pure.
import { ago, bytes, count, milliseconds, moment } from '../shared/format.js';

const fullWeight = 4_000_000; // the limit of a block's weight, BIP 141
const mostVersions = 6;
const longestAddress = 28; // characters

/** The newest blocks, for page.strip(). */
export function blockCards(blocks, now) {
  return blocks.map(({ hash, height, time, size, weight, txs }) => ({
    key: hash,
    title: `${moment(time)}, ${Math.round((weight / fullWeight) * 100)} % full, ${hash}`,
    figure: count(height),
    lines: [ago(time, now), `${count(txs)} tx`, bytes(size)],
    share: weight / fullWeight,
  }));
}

/** The peers, longest connected first. */
export function peerRows(peers) {
  const ordered = [...peers].sort((a, b) => a.conntime - b.conntime || a.id - b.id);
  return ordered.map((peer) => ({
    key: peer.id,
    cells: [
      { text: addressType(peer), under: shortened(peer.addr), title: peer.addr },
      { text: peer.inbound ? 'In' : 'Out', under: purpose(peer) },
      { text: software(peer), className: 'loose' },
      { text: heightOf(peer), className: 'number' },
      { text: milliseconds(peer.pingtime ?? peer.minping), className: 'number' },
    ],
  }));
}

/** Cuts the middle out of a long address, such as an onion address with its 62 characters. */
function shortened(address) {
  return address.length <= longestAddress ? address : `${address.slice(0, longestAddress - 15)}…${address.slice(-14)}`;
}

const types = {
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  onion: 'Tor',
  i2p: 'I2P',
  cjdns: 'CJDNS',
  not_publicly_routable: 'Local',
};

function addressType({ network, addr }) {
  if (network !== undefined) return types[network] ?? network;
  if (addr.includes('.onion')) return types.onion; // a daemon that does not say the network
  return addr.startsWith('[') ? types.ipv6 : types.ipv4;
}

const purposes = {
  'outbound-full-relay': 'full relay',
  'block-relay-only': 'blocks only',
  manual: 'manual',
  feeler: 'feeler',
  'addr-fetch': 'address fetch',
};

function purpose({ inbound, connection_type: type }) {
  return inbound || type === undefined ? null : (purposes[type] ?? type);
}

/** '/Satoshi:31.1.0/' → 'Satoshi 31.1.0'. Cut short, since a peer can send any text. */
function software({ subver, version }) {
  const name = (subver ?? '').replace(/^\/|\/$/g, '').replace(/:/, ' ').slice(0, 40);
  return name === '' ? `Protocol ${version || 'unknown'}` : name;
}

function heightOf({ synced_headers: headers = -1, synced_blocks: blocks = -1, startingheight = -1 }) {
  const height = Math.max(headers, blocks) >= 0 ? Math.max(headers, blocks) : startingheight;
  return height >= 0 ? count(height) : '–';
}

/** [[software, count], …], most frequent first, rare ones merged. */
export function versionCounts(peers) {
  const counts = new Map();
  for (const peer of peers) counts.set(software(peer), (counts.get(software(peer)) ?? 0) + 1);
  const ordered = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  if (ordered.length <= mostVersions) return ordered;
  const others = ordered.slice(mostVersions - 1).reduce((sum, [, n]) => sum + n, 0);
  return [...ordered.slice(0, mostVersions - 1), ['Others', others]];
}

/** The number of peers in each direction. Daemons before Bitcoin Core 0.21 do not tell it. */
export function directions({ connections_in: incoming, connections_out: outgoing }) {
  return incoming === undefined ? '' : `${count(outgoing)} out, ${count(incoming)} in`;
}

const feeUnits = { bitcoin: 'sat/vB', litecoin: 'litoshi/vB' };

/**
 * The lowest fee rate that the mempool accepts. The daemon gives it in coins per 1000 virtual
 * bytes.
 */
export function leastFee({ mempoolminfee: perKilobyte }, coin) {
  if (!Number.isFinite(perKilobyte)) return '';
  return `${Number((perKilobyte * 1e5).toFixed(2))} ${feeUnits[coin] ?? 'per vB'}`;
}

/**
 * {figure, note, share}: the disk space of the blocks, and its share of the prune target, or null.
 */
export function disk({ size_on_disk: used, pruned, pruneheight, prune_target_size: target }) {
  if (!pruned) return { figure: bytes(used), note: 'All blocks are kept', share: null };
  const from = pruneheight > 0 ? `Pruned below block ${count(pruneheight)}` : 'Nothing pruned yet';
  if (target === undefined) return { figure: bytes(used), note: from, share: null };
  return { figure: bytes(used), note: `${from}; keeps ${bytes(target)}`, share: used / target };
}
