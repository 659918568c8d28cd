// Stands in for RAM while Funcraft deploys a service without a Role: NODE_OPTIONS="--require ./ram.js" fun deploy -y
// Or as a server at the port of https, for a name that leads to this machine: node ram.js KEY CERTIFICATE
//
// Funcraft asks RAM for a role of its own making, at an address that no setting changes. Here every role that it
// asks for exists and may do everything, as is true of this machine. Nothing leaves the machine.
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');

const RAM = 'ram.aliyuncs.com';
const ANSWERS = {
  GetRole: ({ RoleName }) => ({ Role: { Arn: `acs:ram::${process.env.ACCOUNT_ID}:role/${RoleName}` } }),
  ListPoliciesForRole: () => ({ Policies: { Policy: [] } }),
  AttachPolicyToRole: () => ({}),
  GetPolicy: () => ({ Code: 'EntityNotExist.Policy', Message: 'there is none' }),
  CreatePolicy: () => ({}),
};

function answer(request, response) {
  const asked = Object.fromEntries(new URL(request.url, `https://${RAM}`).searchParams);
  const found = ANSWERS[asked.Action] || (() => ({ Code: 'NotSupported', Message: asked.Action }));
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(found(asked)));
}

function serve(key, certificate, port = 443) {
  const files = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) };
  const server = https.createServer(files, answer);
  server.listen(port, '127.0.0.1', () => console.log(`RAM at port ${server.address().port}`));
}

function replace() {
  const server = http.createServer(answer);
  server.listen(0, '127.0.0.1');
  server.unref(); // whoever loads this may end
  const elsewhere = https.request;
  https.request = (options, ...rest) => {
    if (!options || (options.host || options.hostname) !== RAM) return elsewhere(options, ...rest);
    const here = { ...options, protocol: 'http:', host: '127.0.0.1', hostname: '127.0.0.1' };
    return http.request({ ...here, port: server.address().port, agent: undefined }, ...rest);
  };
}

if (require.main === module) serve(...process.argv.slice(2));
else replace();
