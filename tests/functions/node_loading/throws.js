throw new TypeError('not in the mood');
