// Leads what Funcraft asks of RAM, STS, ROS, OSS and MNS to FC_ENDPOINT, where fun-local answers for them all:
//
//   NODE_OPTIONS="--require ./redirect.js" fun deploy -y
//
// Only where a request goes is changed, not what is in it: its Host header and its signature stay as they are.
// Run by itself it is a relay, for names that lead to this machine (docs/clients.md):
//
//   node redirect.js KEY CERTIFICATE [PORT_OF_HTTPS PORT_OF_HTTP]
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');
const net = require('net');
const tls = require('tls');
const { urlToHttpOptions } = require('url');

const OURS = /^((ram|sts|ros)(\.[\w-]+)?|([\w-]+\.)?oss-[\w-]+|[\w-]+\.mns\.[\w-]+)\.aliyuncs\.com$/;
if (!process.env.FC_ENDPOINT) throw new Error('FC_ENDPOINT is not set: eval "$(fun env)"');
const here = urlToHttpOptions(new URL(process.env.FC_ENDPOINT));
const target = { hostname: here.hostname.replace(/^\[|\]$/g, ''), port: here.port || 80 };

function redirected(elsewhere) {
  return (...given) => {
    const rest = given.filter((part) => typeof part === 'function');
    const [url, more] = given.filter((part) => typeof part !== 'function');
    const options = typeof url === 'string' || url instanceof URL ? { ...urlToHttpOptions(new URL(url)), ...more } : url;
    const name = options.hostname || options.host || '';
    if (!OURS.test(name)) return elsewhere(...given);
    const headers = { ...options.headers };
    if (!Object.keys(headers).some((key) => key.toLowerCase() === 'host')) headers.host = name;
    const moved = { protocol: 'http:', host: target.hostname, ...target, headers, agent: undefined };
    return request({ ...options, ...moved }, ...rest);
  };
}

const request = http.request;
function install() {
  for (const module of [http, https]) {
    module.request = redirected(module.request);
    module.get = (...given) => module.request(...given).end();
  }
}

function relay(key, certificate, securePort = 443, port = 80) {
  const pass = (client) => {
    const daemon = net.connect({ host: target.hostname, port: target.port });
    for (const side of [client, daemon]) side.on('error', () => [client, daemon].forEach((end) => end.destroy()));
    client.pipe(daemon).pipe(client);
  };
  const files = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) };
  const servers = [[tls.createServer(files, pass), securePort], [net.createServer(pass), port]];
  for (const [server, wanted] of servers) {
    server.listen(wanted, '127.0.0.1', () => console.log(`port ${server.address().port}`));
  }
}

if (require.main === module) relay(...process.argv.slice(2));
else install();
