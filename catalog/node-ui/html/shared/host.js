// Hosts as they stand in addresses: who reaches them, and how they are joined with a port. Pure.

/** Reached from the machine itself alone. */
export function isLoopback(host) {
  return host === 'localhost' || host.endsWith('.localhost') || /^127\./.test(host) || host === '::1' || host === '[::1]';
}

/** Not one address but all that a machine has. */
export function isEverywhere(host) {
  return host === '0.0.0.0' || host === '::' || host === '[::]';
}

/** A host and a port; an address of IPv6 in brackets. */
export function joined(host, port) {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}
