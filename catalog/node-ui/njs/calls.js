// Checks a page's JSON-RPC calls, and reads JSON answers. Pure.

/**
 * Checks the body of a request, one call or a batch, by `rules`: {methods, mostCalls, mostParams,
 * isParam}. Returns {status: 200, batch, calls}, the calls as {id, method, params} and nothing
 * else, so that the daemon reads exactly what was checked here; or {status, reason} with a status
 * of 400 or more.
 */
function judge(text, rules) {
  let asked;
  try {
    asked = JSON.parse(text);
  } catch (error) {
    return { status: 400, reason: 'not JSON' };
  }
  const batch = Array.isArray(asked);
  const given = batch ? asked : [asked];
  if (given.length === 0 || given.length > rules.mostCalls) return { status: 400, reason: `${given.length} calls at once` };
  const calls = [];
  for (let i = 0; i < given.length; i += 1) {
    const call = given[i];
    if (call === null || typeof call !== 'object' || typeof call.method !== 'string') return { status: 400, reason: 'not a call' };
    if (rules.methods.indexOf(call.method) === -1) return { status: 403, reason: `the method ${named(call.method)}` };
    const params = call.params === undefined ? [] : call.params;
    if (!Array.isArray(params) || params.length > rules.mostParams || !params.every(rules.isParam)) {
      return { status: 400, reason: `these parameters of ${call.method}` };
    }
    calls.push({ id: call.id === undefined ? null : call.id, method: call.method, params: params });
  }
  return { status: 200, batch: batch, calls: calls };
}

/** The name of a method, if it is safe to log. */
function named(method) {
  return /^[A-Za-z0-9_.]{1,60}$/.test(method) ? method : 'with an invalid name';
}

/** The answer to a subrequest as JSON; null if the status is not 200 or the body is not JSON. */
function json(reply) {
  if (reply.status !== 200) return null;
  try {
    return JSON.parse(reply.responseText);
  } catch (error) {
    return null;
  }
}

export default { judge, json };
