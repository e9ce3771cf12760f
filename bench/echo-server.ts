/**
 * What grpc-js, Fastify and ws cost by themselves: every request is answered with its own body.
 *
 * Prints its ports as one JSON line and runs until it is killed.
 */
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import fastify, { type FastifyInstance } from 'fastify';
import { WebSocketServer, type RawData } from 'ws';

const bodyBytesMax = 20 * 1024 * 1024;
const asIs = (bytes: Buffer): Buffer => bytes;

async function startGrpc(): Promise<number> {
  const server = new Server({
    'grpc.max_receive_message_length': bodyBytesMax,
    'grpc-node.flow_control_window': 8 * 1024 * 1024,
  });
  const publish = {
    path: '/google.pubsub.v1.Publisher/Publish',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  server.addService(
    { publish },
    {
      publish: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        done(null, call.request);
      },
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

/** `/json` parses and serialises as Fastify does by default; `/raw` passes the bytes through. */
async function startHttp(): Promise<number> {
  const app = fastify({ bodyLimit: bodyBytesMax, logger: false });
  app.post('/json', (request, reply) => reply.send(request.body));
  await app.register((scope: FastifyInstance, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => {
      parsed(null, body);
    });
    scope.post('/raw', (request, reply) => reply.send(request.body));
    done();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as { port: number }).port;
}

function startWebSocket(): Promise<number> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: false,
    maxPayload: bodyBytesMax,
  });
  server.on('connection', (socket) => {
    socket.on('message', (data: RawData, isBinary: boolean) => {
      socket.send(data as Buffer, { binary: isBinary });
    });
  });
  return new Promise((resolve) => {
    server.on('listening', () => resolve((server.address() as { port: number }).port));
  });
}

console.log(
  JSON.stringify({
    grpc: await startGrpc(),
    http: await startHttp(),
    websocket: await startWebSocket(),
  }),
);
