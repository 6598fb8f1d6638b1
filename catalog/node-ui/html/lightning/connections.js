// How others reach the node. Pure.

/**
 * The rows for shared/connect.js. `config` is config.json, `info` what api/overview says of lnd, `hostname` what the reader's
 * browser calls this machine.
 */
export function connections({ p2p }, info, hostname) {
  const uris = info.uris ?? [];
  const rows = uris.map((uri) => ({ label: 'Address for other nodes (URI)', value: uri, note: 'Announced to the Lightning network.', code: uri }));
  if (uris.length === 0 && !isLoopback(p2p.address)) {
    const uri = `${info.identity_pubkey}@${p2p.address === '0.0.0.0' ? hostname : p2p.address}:${p2p.port}`;
    rows.push({ label: 'Address for other nodes (URI)', value: uri, note: 'Not announced: give it to those whom you want to connect. The setting external_address announces one.', code: uri });
  }
  const closed = 'Only programs on this machine can connect to it; the node itself connects to others. The settings p2p_address and external_address open it.';
  rows.push({ label: 'Public key', value: info.identity_pubkey, note: rows.length === 0 ? closed : '', code: info.identity_pubkey });
  return rows;
}

function isLoopback(address) {
  return address === 'localhost' || /^127\./.test(address) || address === '::1' || address === '[::1]';
}
