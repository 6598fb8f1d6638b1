// The node's addresses. Pure.
import { isEverywhere, isLoopback, joined } from '../shared/host.js';

/**
 * The rows for shared/connect.js. `config` is config.json, `network` the answer to getnetworkinfo
 * or null, `hostname` the host of the page's address in the reader's browser.
 */
export function connections({ p2p, rpc, zmq }, network, hostname) {
  const rows = [peerRow(p2p, hostname)];
  for (const { address, port } of network?.localaddresses ?? []) {
    const value = joined(address, port);
    rows.push({
      label: 'As announced',
      value,
      note: 'The node announces this address to others.',
      code: value,
    });
  }
  rows.push({
    label: 'RPC, for apps on this node',
    value: rpc,
    note: 'Only containers on this app’s network reach it. Each app has its own user.',
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
  if (!isEverywhere(address)) return row(address, 'Open to everyone who can reach this address of the machine.');
  if (isLoopback(hostname)) {
    return row('127.0.0.1', 'Open on every address of this machine. Other machines must use its address in their network instead of 127.0.0.1.');
  }
  return row(hostname, 'Open on every address of this machine, including this one.');
}
