// The answer to `GET /ready`, the same for every companion. The manager reads it; so do the pages.
//
//   200 {"ready": true}
//   503 {"ready": false, "message": "at 83 %, about 2 h left", "progress": 0.83, "remaining_s": 7200}
//
// `message` goes on after "bitcoin is", in at most 200 characters of plain text. `progress` and `remaining_s` are there only
// when they are known. To use it: make a verdict with the functions below, and hand it to `answer`.

import progress from './progress.js';

const longest = 200;
const memoryS = 60; // for how long an answer stands in for one that does not come

/** It can be used. */
function yes() {
  return { ready: true };
}

/** It cannot, for a reason that is not a matter of how far it is. */
function no(message) {
  return { ready: false, message: plain(message) };
}

/** It is under way: `share` of all, with the time that is left as far as `samples` of progress.js tell. */
function underWay(share, samples) {
  const left = progress.remaining(samples);
  const verdict = { ready: false, message: progress.words(share, left), progress: share };
  if (left !== null) verdict.remaining_s = left;
  return verdict;
}

/** Text of a daemon, made fit to be shown in a line: no control characters, not too long. */
function plain(text) {
  const line = String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').replace(/ {2,}/g, ' ').trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}

/** Sends the verdict. */
function answer(r, verdict) {
  r.headersOut['Content-Type'] = 'application/json';
  r.return(verdict.ready ? 200 : 503, `${JSON.stringify(verdict)}\n`);
}

/**
 * What is kept from one question to the next, in shared memory (`js_shared_dict_zone` in nginx/http.conf), so that all who
 * ask are told the same: {samples, verdict, time}.
 */
function recall() {
  const kept = ngx.shared.readiness.get('last');
  return kept === undefined ? { samples: [], verdict: null, time: 0 } : JSON.parse(kept);
}

function remember(memory) {
  ngx.shared.readiness.set('last', JSON.stringify(memory));
}

/** A memory with this verdict. */
function said(verdict, samples, now) {
  return { samples: samples, verdict: verdict, time: now };
}

/**
 * The memory for a daemon that holds a call back, as one does that checks a block: as it was while that is not old, else with
 * `message`. Only for one that was reached: who refuses a connection is away, and what was said before is true no longer.
 */
function kept(memory, now, message) {
  const fresh = memory.verdict !== null && now >= memory.time && now - memory.time <= memoryS;
  return fresh ? memory : said(no(message), memory.samples, now);
}

/** The time, as it is kept here: in seconds since 1970. */
function seconds() {
  return Math.floor(Date.now() / 1000);
}

export default { yes, no, underWay, plain, answer, recall, remember, said, kept, seconds };
