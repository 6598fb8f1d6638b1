// Everything the page asks of the node in one turn.
import { batch } from './rpc.js';

let tip = { hash: '', header: null }; // a block's header never changes, so it is asked for once

/** An answer whose value is {chain, network, uptime, tip}, each null or the daemon's own object, and `error` if it gave one. */
export async function askNode(signal) {
  const answer = await batch([['getblockchaininfo'], ['getnetworkinfo'], ['uptime']], signal);
  if (answer.kind !== 'answer') return answer;
  const [chain, network, uptime] = answer.value;
  const error = [chain, network, uptime].map((reply) => reply.error).find(Boolean) ?? null;
  if (chain.result) await askTip(chain.result.bestblockhash, signal);
  return {
    kind: 'answer',
    value: {
      chain: chain.result ?? null,
      network: network.result ?? null,
      uptime: uptime.result ?? null,
      tip: tip.header,
      error,
    },
  };
}

async function askTip(hash, signal) {
  if (tip.hash === hash) return;
  tip = { hash: '', header: null };
  const answer = await batch([['getblockheader', hash]], signal);
  if (answer.kind === 'answer' && answer.value[0].result) tip = { hash, header: answer.value[0].result };
}
