// How others reach the node. Pure.
import { isEverywhere, isLoopback, joined } from '../shared/host.js';

/**
 * The rows for shared/connect.js. `config` is config.json, `network` the answer to getnetworkinfo or null, `hostname` what
 * the reader's browser calls this machine.
 */
export function connections({ p2p, rpc, zmq }, network, hostname) {
  const rows = [peerRow(p2p, hostname)];
  for (const { address, port } of network?.localaddresses ?? []) {
    const value = joined(address, port);
    rows.push({
      label: 'As announced',
      value,
      note: 'The node tells others that it can be reached here.',
      code: value,
    });
  }
  rows.push({
    label: 'RPC, for apps on this node',
    value: rpc,
    note: 'Only containers on this app’s network reach it, each app with a user of its own. It is open to nobody else.',
    code: null,
  });
  if (zmq) {
    rows.push({
      label: 'ZeroMQ, for apps on this node',
      value: zmq.rawblock,
      note: `New blocks; new transactions at ${zmq.rawtx}.`,
      code: null,
    });
  }
  return rows;
}

function peerRow({ address, port }, hostname) {
  const row = (host, note) => ({ label: 'P2P, for other nodes', value: joined(host, port), note, code: joined(host, port) });
  if (isLoopback(address)) {
    return row(address, 'Only programs on this machine can connect here. The setting p2p_address opens it to others.');
  }
  if (!isEverywhere(address)) return row(address, 'For whoever reaches this address of the machine.');
  if (isLoopback(hostname)) {
    return row('127.0.0.1', 'Open on every address of this machine: others use its address in their network instead of 127.0.0.1.');
  }
  return row(hostname, 'Open on every address of this machine, this one among them.');
}
