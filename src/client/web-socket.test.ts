import { expect, test } from 'vitest';
import { webSocketUrl } from './web-socket.ts';

test.each([
  ['http://127.0.0.1:8085', 'ws://127.0.0.1:8085/v1/websocket'],
  ['https://broker.example/path', 'wss://broker.example/path'],
])('%s is asked at %s', (url, expected) => {
  expect(webSocketUrl(url)).toBe(expected);
});

test.each([
  ['foo', `The server's URL is "foo", not such as "http://127.0.0.1:8085".`],
  ['127.0.0.1:8085', `The server's URL is "127.0.0.1:8085", not such as "http://127.0.0.1:8085".`],
  [undefined, `The server's URL is undefined, not such as "http://127.0.0.1:8085".`],
  ['ftp://host', `The server's URL begins with ftp:, not with http: or ws:.`],
])('%s is refused by its name', (url, message) => {
  expect(() => webSocketUrl(url as string)).toThrow(new TypeError(message));
});
