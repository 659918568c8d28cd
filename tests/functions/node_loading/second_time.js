global.loaded = (global.loaded || 0) + 1;
if (global.loaded < 2) throw new Error('not yet');
exports.handler = (event, context, callback) => callback(null, 'at last');
