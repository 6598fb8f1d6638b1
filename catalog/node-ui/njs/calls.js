// What nginx lets through of a page's calls, which are JSON-RPC, and how it reads an answer. Pure.

/**
 * Reads the body of a request, one call or a batch, by `rules`: {methods, mostCalls, mostParams, isParam}. Returns
 * {status: 200, batch, calls} with the calls as {id, method, params} and nothing else, for the daemon is to read what was judged
 * here; or a status of 400 or more and the reason.
 */
function judge(text, rules) {
  let asked;
  try {
    asked = JSON.parse(text);
  } catch (error) {
    return { status: 400, reason: 'no JSON' };
  }
  const batch = Array.isArray(asked);
  const given = batch ? asked : [asked];
  if (given.length === 0 || given.length > rules.mostCalls) return { status: 400, reason: `${given.length} calls at once` };
  const calls = [];
  for (let i = 0; i < given.length; i += 1) {
    const call = given[i];
    if (call === null || typeof call !== 'object' || typeof call.method !== 'string') return { status: 400, reason: 'no call' };
    if (rules.methods.indexOf(call.method) === -1) return { status: 403, reason: `the method ${named(call.method)}` };
    const params = call.params === undefined ? [] : call.params;
    if (!Array.isArray(params) || params.length > rules.mostParams || !params.every(rules.isParam)) {
      return { status: 400, reason: `parameters of ${call.method} that a page does not send` };
    }
    calls.push({ id: call.id === undefined ? null : call.id, method: call.method, params: params });
  }
  return { status: 200, batch: batch, calls: calls };
}

/** A stranger's word, fit for a log. */
function named(method) {
  return /^[A-Za-z0-9_.]{1,60}$/.test(method) ? method : 'of a name that no method has';
}

/** The answer to a subrequest as JSON; null when it is a refusal, or no JSON. */
function json(reply) {
  if (reply.status !== 200) return null;
  try {
    return JSON.parse(reply.responseText);
  } catch (error) {
    return null;
  }
}

export default { judge, json };
