import { readFileSync } from 'node:fs';
import { value } from './index.js';

export const handler = async (event) => `${typeof readFileSync} ${value} ${typeof require}`;

export const throws = async () => {
  throw new Error('oops');
};
