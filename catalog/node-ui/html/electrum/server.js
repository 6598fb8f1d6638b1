// How a wallet reaches the server. Pure.
import { isLoopback } from '../shared/host.js';

/** The row for shared/connect.js. `hostname` is what the reader's browser calls this machine. */
export function server({ electrum_port: port }, hostname) {
  const value = `${hostname}:${port}`;
  const where = isLoopback(hostname)
    ? 'From this machine alone: on another device, open this page by the name that this machine has there.'
    : 'From wherever this page can be opened by that name, if the node publishes its ports there.';
  const note = `Not encrypted (no TLS), so on a network that you trust. ${where}`;
  // `:t` is how Electrum writes “without TLS”.
  return [{ label: 'Server for wallets', value, note, code: `${value}:t` }];
}
