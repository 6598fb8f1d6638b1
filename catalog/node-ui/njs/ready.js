// The answer to `GET /ready`, in the same form for every companion. The manager and the pages read
// it.
//
//   200 {"ready": true}
//   503 {"ready": false, "message": "at 83 %, about 2 h left", "progress": 0.83, "remaining_s": 7200}
//
// `message` completes "bitcoin is", in at most 200 characters of plain text. `progress` and
// `remaining_s` are present only if they are known. Usage: make a verdict with the functions below
// and pass it to `answer`.

import progress from './progress.js';

const longest = 200;
const memoryS = 60; // how long an answer stands in for one that does not come

/** The app can be used. */
function yes() {
  return { ready: true };
}

/** The app cannot be used, for a reason other than progress. */
function no(message) {
  return { ready: false, message: plain(message) };
}

/** The app has done `share` of its work; `samples` of progress.js give the remaining time. */
function underWay(share, samples) {
  const left = progress.remaining(samples);
  const verdict = { ready: false, message: progress.words(share, left), progress: share };
  if (left !== null) verdict.remaining_s = left;
  return verdict;
}

/** A daemon's text as one line of limited length, without control characters. */
function plain(text) {
  const line = String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').replace(/ {2,}/g, ' ').trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}

function answer(r, verdict) {
  r.headersOut['Content-Type'] = 'application/json';
  r.return(verdict.ready ? 200 : 503, `${JSON.stringify(verdict)}\n`);
}

/**
 * The memory between requests, {samples, verdict, time}, in shared memory (`js_shared_dict_zone` in
 * nginx/http.conf), so that all clients get the same answer.
 */
function recall() {
  const kept = ngx.shared.readiness.get('last');
  return kept === undefined ? { samples: [], verdict: null, time: 0 } : JSON.parse(kept);
}

function remember(memory) {
  ngx.shared.readiness.set('last', JSON.stringify(memory));
}

function said(verdict, samples, now) {
  return { samples: samples, verdict: verdict, time: now };
}

/**
 * The memory for a daemon that does not answer in time, for example because it checks a block: the
 * previous verdict while it is recent, then `message`. Not for a daemon that refuses the
 * connection: it is away, and the previous verdict no longer holds.
 */
function kept(memory, now, message) {
  const fresh = memory.verdict !== null && now >= memory.time && now - memory.time <= memoryS;
  return fresh ? memory : said(no(message), memory.samples, now);
}

/** The current time in seconds since 1970. */
function seconds() {
  return Math.floor(Date.now() / 1000);
}

export default { yes, no, underWay, plain, answer, recall, remember, said, kept, seconds };
