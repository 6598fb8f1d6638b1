// Hosts of addresses: their reach, and their form with a port. Pure.

/** Whether only programs on the machine itself can reach the host. */
export function isLoopback(host) {
  return host === 'localhost' || host.endsWith('.localhost') || /^127\./.test(host) || host === '::1' || host === '[::1]';
}

/** Whether the host stands for all addresses of a machine. */
export function isEverywhere(host) {
  return host === '0.0.0.0' || host === '::' || host === '[::]';
}

/** HOST:PORT, with an IPv6 address in brackets. */
export function joined(host, port) {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}
