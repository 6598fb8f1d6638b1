// The node's addresses for other nodes. Pure.
import { isEverywhere, isLoopback, joined } from '../shared/host.js';

/**
 * The rows for shared/connect.js. `config` is config.json, `info` that of api/overview, `hostname`
 * the host of the page's address in the reader's browser.
 */
export function connections({ p2p }, info, hostname) {
  const announced = (info.uris ?? []).map((uri) => uriRow(uri, 'Announced to the Lightning network.'));
  const rows = announced.length > 0 || isLoopback(p2p.address) ? announced : [unannounced(p2p, info, hostname)];
  const closed =
    'Only programs on this machine can connect to the node; it connects to others itself. ' +
    'The settings p2p_address and external_address open it to others.';
  const key = info.identity_pubkey;
  return [...rows, { label: 'Public key', value: key, note: rows.length === 0 ? closed : '', code: key }];
}

function unannounced({ address, port }, info, hostname) {
  const host = isEverywhere(address) ? hostname : address;
  const whom = isLoopback(host)
    ? `Not announced. Other machines must use this machine's address in their network instead of ${host}.`
    : 'Not announced. Give it to people whose nodes should connect.';
  return uriRow(`${info.identity_pubkey}@${joined(host, port)}`, `${whom} The setting external_address announces an address.`);
}

function uriRow(uri, note) {
  return { label: 'Address for other nodes (URI)', value: uri, note, code: uri };
}
