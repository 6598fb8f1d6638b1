// How others reach the node. Pure.
import { isEverywhere, isLoopback, joined } from '../shared/host.js';

/**
 * The rows for shared/connect.js. `config` is config.json, `info` what api/overview says of lnd, `hostname` what the reader's
 * browser calls this machine.
 */
export function connections({ p2p }, info, hostname) {
  const announced = (info.uris ?? []).map((uri) => uriRow(uri, 'Announced to the Lightning network.'));
  const rows = announced.length > 0 || isLoopback(p2p.address) ? announced : [unannounced(p2p, info, hostname)];
  const closed =
    'Only programs on this machine can connect to it; the node itself connects to others. ' +
    'The settings p2p_address and external_address open it.';
  const key = info.identity_pubkey;
  return [...rows, { label: 'Public key', value: key, note: rows.length === 0 ? closed : '', code: key }];
}

function unannounced({ address, port }, info, hostname) {
  const host = isEverywhere(address) ? hostname : address;
  const whom = isLoopback(host)
    ? `Not announced: others use this machine's address in their network instead of ${host}.`
    : 'Not announced: give it to those whom you want to connect.';
  return uriRow(`${info.identity_pubkey}@${joined(host, port)}`, `${whom} The setting external_address announces one.`);
}

function uriRow(uri, note) {
  return { label: 'Address for other nodes (URI)', value: uri, note, code: uri };
}
