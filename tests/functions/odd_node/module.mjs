export const handler = async (event) => `module ${event}`;

export const throws = async () => {
  throw new TypeError('oops');
};
