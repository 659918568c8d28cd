// What a script says of a client, one function a claim, each by itself: claims.py in the other language.
'use strict';

const claims = [];
let number = 0;

exports.claim = (name, check) => claims.push([name, check]);

exports.run = async () => {
  let failures = 0;
  for (const [name, check] of claims) {
    try {
      await check();
      console.log(`holds: ${name}`);
    } catch (error) {
      failures += 1;
      console.log(`DOES NOT HOLD: ${name}\n${error.stack}`);
    }
  }
  process.exit(failures || !claims.length ? 1 : 0);
};

exports.fresh = (word) => `${word}-${(number += 1)}`;

// The error that a call ends with, which must be the client's own kind: an Error with the code in its name.
exports.refused = async (call) => {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    if (error.name !== `FC${error.code}Error`) throw error;
    return error;
  }
  throw new Error(`was not refused: ${JSON.stringify(answer && answer.data)}`);
};

exports.eventually = async (value, isIt) => {
  const deadline = Date.now() + 30000;
  for (;;) {
    const found = await value();
    if (isIt(found)) return found;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(found)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
};
