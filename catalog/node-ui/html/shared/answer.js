// What can come back when a page asks its own server, which asks the daemon.
//
//   {kind: 'answer', value}      the daemon's answer
//   {kind: 'page-offline'}       the page's own server does not answer
//   {kind: 'unreachable'}        it does, but the daemon is not there
//   {kind: 'silent'}             the daemon is there, but keeps us waiting
//   {kind: 'refused', status}    the daemon answered that it will not talk to us
//   {kind: 'failed', message}    anything else

/** Asks `path` and reads the body with `read`, 'json' or 'text'. Never throws. */
export async function ask(path, read, options) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', credentials: 'omit', redirect: 'error', ...options });
  } catch {
    return { kind: 'page-offline' };
  }
  if (response.status === 502) return { kind: 'unreachable' };
  if (response.status === 504) return { kind: 'silent' };
  if (response.status === 401 || response.status === 403) return { kind: 'refused', status: response.status };
  try {
    if (response.ok) return { kind: 'answer', value: await response[read]() };
    return { kind: 'failed', message: `HTTP ${response.status}: ${(await response.text()).slice(0, 200)}` };
  } catch {
    return { kind: 'failed', message: 'The answer broke off, or was not what was asked for.' };
  }
}

/** What `GET ready` says: {ready, message, progress, remaining_s}, the last two only if known. Null if it says nothing. */
export async function askReadiness(signal) {
  try {
    const verdict = await (await fetch('ready', { cache: 'no-store', credentials: 'omit', redirect: 'error', signal })).json();
    return typeof verdict.ready === 'boolean' ? verdict : null;
  } catch {
    return null;
  }
}

/** The state that a page shows when there is no answer: {tone, headline, detail}, or null when there is one. */
export function withoutAnswer(answer, { unit, title }) {
  switch (answer.kind) {
    case 'answer':
      return null;
    case 'page-offline':
      return {
        tone: 'bad',
        headline: 'This page is cut off',
        detail: `Its own server (${unit}-ui) does not answer, so nothing can be said about ${title}. Asking again every few seconds.`,
      };
    case 'unreachable':
      return {
        tone: 'bad',
        headline: `${title} does not answer`,
        detail: `It is stopped, or it is just starting or stopping. Its last words are in the journal: journalctl --user -u ${unit}`,
      };
    case 'silent':
      return {
        tone: 'warn',
        headline: `${title} keeps this page waiting`,
        detail: 'It runs, but gives no answer for seconds: it is busy, or it hangs.',
      };
    case 'refused':
      return {
        tone: 'bad',
        headline: `${title} refuses this page`,
        detail:
          `It answered ${answer.status}: it runs, but does not accept this page's credentials. ` +
          'After a change of settings it has to be restarted.',
      };
    default:
      return { tone: 'bad', headline: `${title} answered with an error`, detail: answer.message };
  }
}
