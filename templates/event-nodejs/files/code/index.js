'use strict';

// Called once per event. `event` is a Buffer; what the promise resolves to is the answer.
exports.handler = async (event, context) => {
  const { name = 'world' } = JSON.parse(event);
  console.log(`greeting ${name}`);
  return { message: `${process.env.GREETING}, ${name}!` };
};
