// Translates between nginx's HTTP and electrs' lines of JSON over TCP, in a `stream` server on a
// socket that only nginx's http context reaches. An HTTP request becomes a line, the line of the
// answer an HTTP response. One request for each connection. electrum.js checks the calls before;
// nginx/electrs-stream.conf sets the timeouts.

const longestRequest = 16384;
// In bytes: some 40,000 entries of a history. Below `subrequest_output_buffer_size` of
// electrs.conf.
const longestAnswer = 4194304;
const newline = 10;

/** js_filter of the stream server. */
function translate(s) {
  const parts = [];
  let request = '';
  let passedOn = false;
  let size = 0;
  let done = false;

  s.on('upstream', function (data, flags) {
    request += data.toString();
    const line = passedOn ? null : body(request);
    if (line !== null) {
      passedOn = true;
      s.send(`${line}\n`, flags);
    } else if (request.length > longestRequest) {
      s.deny();
    } else if (flags.last) {
      s.send('', flags);
    }
  });

  s.on('downstream', function (data, flags) {
    if (done) return;
    const end = data.indexOf(newline);
    const part = end === -1 ? data : data.slice(0, end);
    size += part.length;
    if (size > longestAnswer) {
      done = true;
      s.send('HTTP/1.1 507 Too long\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', { flush: true });
      return;
    }
    parts.push(Buffer.from(part)); // a copy, since nginx reuses its buffers
    if (end !== -1) {
      done = true;
      s.send(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`);
      s.send(Buffer.concat(parts), { flush: true });
    } else if (flags.last) {
      s.send('', flags);
    }
  });
}

/**
 * The body of an HTTP request if all of it has come, else null. Plain ASCII, so characters are
 * bytes.
 */
function body(request) {
  const head = request.indexOf('\r\n\r\n');
  if (head === -1) return null;
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(request.slice(0, head + 2));
  if (length === null) return null;
  const text = request.slice(head + 4);
  return text.length < Number(length[1]) ? null : text.slice(0, Number(length[1]));
}

export default { translate, body };
