exports.handler = (event, context, callback) => callback(null, require('../index').value.toString());
