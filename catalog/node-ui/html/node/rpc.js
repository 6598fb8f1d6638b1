// JSON-RPC over this page's own server, which adds the credentials and allows the calls listed in
// njs/chain.js. A new call must be added there and to `rpcwhitelist` of litecoin.conf and
// bitcoin.conf.
import { ask } from '../shared/answer.js';

/**
 * Makes several calls ([[method, ...params], …]) in one request. The answer's value is an array in
 * the same order, of {result} or {error: {code, message}}.
 */
export async function batch(calls, signal) {
  const body = calls.map(([method, ...params], id) => ({ jsonrpc: '1.0', id, method, params }));
  const answer = await ask('rpc', 'json', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  if (answer.kind !== 'answer') return answer;
  if (!Array.isArray(answer.value)) return { kind: 'failed', message: 'The node did not answer in JSON-RPC.' };
  const replies = new Map(answer.value.map((reply) => [reply.id, reply]));
  return {
    kind: 'answer',
    value: calls.map((_, id) => replies.get(id) ?? { error: { code: 0, message: 'No answer to this call.' } }),
  };
}
