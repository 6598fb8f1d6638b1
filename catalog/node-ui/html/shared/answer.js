// The possible answers when a page asks its own server, which asks the daemon.
//
//   {kind: 'answer', value}      the daemon's answer
//   {kind: 'page-offline'}       the page's own server does not answer
//   {kind: 'unreachable'}        the server answers, but cannot reach the daemon
//   {kind: 'silent'}             the daemon is there, but did not answer in time
//   {kind: 'refused', status}    the daemon does not accept the page's credentials
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
    return { kind: 'failed', message: 'The answer broke off or could not be read.' };
  }
}

/**
 * The answer to `GET ready`: {ready, message, progress, remaining_s}, the last two only if known.
 * Null if there is none.
 */
export async function askReadiness(signal) {
  try {
    const verdict = await (await fetch('ready', { cache: 'no-store', credentials: 'omit', redirect: 'error', signal })).json();
    return typeof verdict.ready === 'boolean' ? verdict : null;
  } catch {
    return null;
  }
}

/**
 * The state to show without an answer of the daemon: {tone, headline, detail}. Null if there is an
 * answer.
 */
export function withoutAnswer(answer, { unit, title }) {
  switch (answer.kind) {
    case 'answer':
      return null;
    case 'page-offline':
      return {
        tone: 'bad',
        headline: 'This page is cut off',
        detail: `Its own server (${unit}-ui) does not answer, so the state of ${title} is unknown. The page tries again every few seconds.`,
      };
    case 'unreachable':
      return {
        tone: 'bad',
        headline: `${title} does not answer`,
        detail: `It is stopped, or is just starting or stopping. Its journal says more: journalctl --user -u ${unit}`,
      };
    case 'silent':
      return {
        tone: 'warn',
        headline: `${title} answers too slowly`,
        detail: 'It runs, but gives no answer for seconds: it is busy, or it hangs.',
      };
    case 'refused':
      return {
        tone: 'bad',
        headline: `${title} refuses this page`,
        detail:
          `It answered ${answer.status}: it runs, but does not accept this page's credentials. ` +
          'If its settings were changed, restart it.',
      };
    default:
      return { tone: 'bad', headline: `${title} answered with an error`, detail: answer.message };
  }
}
