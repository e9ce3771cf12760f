// Exit code 0 if the Sealpost of this container answers /readyz, 1 if not: for HEALTHCHECK.
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';

const { SEALPOST_PORT: port = '8085', SEALPOST_TLS_CERT: certificate } = process.env;
const options = {
  host: '127.0.0.1',
  port,
  path: '/readyz',
  timeout: 2_500,
  // Who answers on the container's own loopback is no question: only whether it does.
  rejectUnauthorized: false,
};
const request = (certificate ? getSecure : getPlain)(options, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
);
request.on('timeout', () => process.exit(1));
request.on('error', () => process.exit(1));
