// The requests to the node in one turn.
import { ask, askReadiness } from '../shared/answer.js';
import { batch } from './rpc.js';
import { isBehind, isSynced } from './state.js';

const peersEveryTurns = 4; // the list is long and changes little

let turns = 0;
let peers = null;
let blocks = { tip: '', list: [] }; // fetched once for each newest block, since blocks never change

/**
 * An answer whose value is {chain, network, mempool, uptime, peers, blocks, ready, error}, each
 * null or the daemon's own object. `blocks` are the newest ones, `ready` comes from this page's
 * server: shared/answer.js.
 */
export async function askNode(signal) {
  const calls = [['getblockchaininfo'], ['getnetworkinfo'], ['getmempoolinfo'], ['uptime']];
  if (turns % peersEveryTurns === 0) calls.push(['getpeerinfo']);
  const answer = await batch(calls, signal);
  if (answer.kind !== 'answer') {
    turns = 0;
    return answer;
  }
  const [chain, network, mempool, uptime, list] = answer.value;
  const error = [chain, network, mempool, uptime].map((reply) => reply.error).find(Boolean) ?? null;
  if (list) peers = list.result ?? null;
  // If the number of peers has changed, fetch the list at the next turn.
  turns = error || peers?.length !== network.result?.connections ? 0 : turns + 1;
  if (chain.result) await askBlocks(chain.result, signal);
  return {
    kind: 'answer',
    value: {
      chain: chain.result ?? null,
      network: network.result ?? null,
      mempool: mempool.result ?? null,
      uptime: uptime.result ?? null,
      peers,
      blocks: blocks.list,
      ready: chain.result && !isSynced(chain.result) ? await askReadiness(signal) : null,
      error,
    },
  };
}

async function askBlocks(chain, signal) {
  // A node that catches up passes thousands of blocks. Do not load it with requests for them.
  if (blocks.tip === chain.bestblockhash || isBehind(chain)) return;
  const answer = await ask('blocks', 'json', { signal });
  if (answer.kind === 'answer') blocks = { tip: chain.bestblockhash, list: answer.value };
}
