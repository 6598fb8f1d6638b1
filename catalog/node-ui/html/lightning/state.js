// What lnd's answers mean, in words. Pure.
// The states are those of lnd's lnrpc/stateservice.proto.

/** `state` is lnd's own word; `info` an answer to getinfo, or null while lnd cannot give one. */
export function describe({ state, info }, { unit }) {
  switch (state) {
    case 'NON_EXISTING':
      return {
        tone: 'warn',
        headline: 'There is no wallet yet',
        detail: 'lnd runs and waits for one. Making it shows 24 words, to be written down. In a terminal on this machine:',
        command: `podman exec -it ${unit} sh /usr/local/bin/create-wallet`,
      };
    case 'LOCKED':
      return {
        tone: 'warn',
        headline: 'The wallet is locked',
        detail: 'It was made with another password than the one lnd was given to open it. In a terminal on this machine:',
        command: `podman exec -it ${unit} lncli unlock`,
      };
    case 'WAITING_TO_START':
    case 'UNLOCKED':
      return { tone: 'busy', headline: 'Starting', detail: 'lnd opens its wallet and connects to the Bitcoin node.' };
    case 'RPC_ACTIVE':
      return { tone: 'busy', headline: 'Waiting for the chain', detail: 'lnd follows the chain up to the newest block before it opens its channels.' };
    case 'SERVER_ACTIVE':
      return running(info);
    default:
      return { tone: 'warn', headline: `lnd says ${state}`, detail: 'This page does not know that state.' };
  }
}

function running(info) {
  if (info.kind !== 'answer') {
    return { tone: 'warn', headline: 'Running, but closed to this page', detail: info.message ?? 'lnd does not accept the read-only key that this page has.' };
  }
  if (!info.value.synced_to_chain) {
    return { tone: 'busy', headline: 'Catching up with the chain', detail: 'lnd has not seen the newest blocks yet.' };
  }
  return { tone: 'good', headline: 'In sync', detail: 'lnd has seen every block of its Bitcoin node.' };
}
