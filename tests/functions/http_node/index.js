'use strict';
const { IncomingMessage } = require('http');
const { Readable } = require('stream');

function text(stream) {
  return new Promise((resolve, reject) => {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => resolve(Buffer.concat(parts).toString('latin1')));
    stream.on('error', reject);
  });
}

exports.shows = async (req, resp, context) => {
  const shown = {
    method: req.method,
    path: req.path,
    url: req.url,
    headers: req.headers,
    queries: req.queries,
    clientIP: req.clientIP,
    body: req.body.toString('latin1'),
    accept: req.getHeader('ACCEPT') || null,
    isMessage: req instanceof IncomingMessage,
    requestId: context.requestId,
    read: await text(req),
  };
  resp.setHeader('Content-Type', 'application/json');
  resp.send(JSON.stringify(shown));
  return 'counts for nothing';
};

exports.cookies = (req, resp) => {
  resp.setStatusCode(418);
  resp.setHeader('Set-Cookie', ['a=1', 'b=2']);
  resp.setHeader('X-Name', 'caf\u00e9');
  resp.setHeader('X-Gone', '1');
  resp.deleteHeader('x-gone');
  resp.setHeader('X-Has', [resp.hasHeader('set-cookie'), resp.hasHeader('x-gone')]);
  resp.send(Buffer.from([0, 255]));
};

exports.stream = (req, resp) => resp.send(Readable.from(['one ', Buffer.from('two')]));

exports.nothing = (req, resp) => resp.send();

exports.twice = (req, resp) => {
  resp.send('first');
  const complaints = [];
  for (const change of [() => resp.send('second'), () => resp.setHeader('a', 'b'), () => resp.setStatusCode(500)]) {
    try {
      change();
    } catch (error) {
      complaints.push(error.message);
    }
  }
  console.log(`complaints: ${complaints.length}`);
};

exports.raises = () => {
  throw new Error('no such page');
};

exports.rejects = async () => {
  throw new Error('no such page');
};

exports.object = (req, resp) => resp.send({ a: 1 });

exports.longHeaders = (req, resp) => {
  resp.setHeader('x-long', 'x'.repeat(100000));
  resp.send('');
};

exports.big = (req, resp) => resp.send(Readable.from([Buffer.alloc(20 << 20), Buffer.alloc(20 << 20)]));
