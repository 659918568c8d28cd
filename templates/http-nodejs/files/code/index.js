'use strict';

// Called once per request. `event` is the request as JSON; what is returned becomes the response.
exports.handler = async (event, context) => {
  const request = JSON.parse(event);
  let name;
  if (request.requestContext.http.method === 'GET') {
    name = request.queryParameters.name || 'world';
  } else {
    try {
      ({ name } = JSON.parse(bodyOf(request)));
    } catch {
      name = undefined;
    }
    if (!name) {
      return answer(400, { error: 'send JSON such as {"name": "Ada"}' });
    }
  }
  return answer(200, { message: `Hello, ${name}!` });
};

// The body as text: what is not text comes in base64.
function bodyOf({ body = '', isBase64Encoded }) {
  return isBase64Encoded ? Buffer.from(body, 'base64').toString() : body;
}

function answer(statusCode, content) {
  return { statusCode, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(content) };
}
