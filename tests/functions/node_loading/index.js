exports.handler = (event, context, callback) => callback(null, __filename.split('/').pop());
exports.value = 42;
