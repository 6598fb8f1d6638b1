// The address of the server for wallets. Pure.
import { isLoopback } from '../shared/host.js';

/**
 * The row for shared/connect.js. `hostname` is the host of the page's address in the reader's
 * browser.
 */
export function server({ electrum_port: port }, hostname) {
  const value = `${hostname}:${port}`;
  const where = isLoopback(hostname)
    ? 'This address works on this machine only. To see the address for another device, open this page there.'
    : 'It works where this page opens under the same address, if the node publishes its ports there.';
  const note = `Not encrypted (no TLS): use it only in a network that you trust. ${where}`;
  // In Electrum's notation `:t` means “without TLS”.
  return [{ label: 'Server for wallets', value, note, code: `${value}:t` }];
}
