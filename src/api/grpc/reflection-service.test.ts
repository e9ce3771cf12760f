import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { Client, credentials, status, type ClientDuplexStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import {
  ExtensionRequestSchema,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ExtensionRequest,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../proto/grpc/reflection/v1/reflection_pb.ts';

type Ask = ServerReflectionRequest['messageRequest'];
type Answer = ServerReflectionResponse['messageResponse'];

let fixture: ApiFixture;
let client: Client;
beforeAll(async () => {
  fixture = await startFixture();
  client = new Client(`127.0.0.1:${fixture.api.port}`, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await fixture.api.drain(200);
});

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const serialise = (messageRequest: Ask): Uint8Array =>
  toBinary(
    ServerReflectionRequestSchema,
    create(ServerReflectionRequestSchema, { host: 'here', messageRequest }),
  );

const extensionOf = (containingType: string, extensionNumber: number): ExtensionRequest =>
  create(ExtensionRequestSchema, { containingType, extensionNumber });

type Version = 'v1' | 'v1alpha';
const open = (version: Version): ClientDuplexStream<Uint8Array, Buffer> =>
  client.makeBidiStreamRequest(
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    asIs,
    asIs,
  );

/** All the answers of one stream, which has to end with OK. */
async function ask(version: Version, ...asked: Ask[]): Promise<ServerReflectionResponse[]> {
  const stream = open(version);
  const answers: ServerReflectionResponse[] = [];
  stream.on('data', (bytes: Buffer) =>
    answers.push(fromBinary(ServerReflectionResponseSchema, bytes)),
  );
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('error', reject);
  });
  for (const each of asked) stream.write(serialise(each));
  stream.end();
  await ended;
  return answers;
}

const askOne = async (version: Version, asked: Ask): Promise<Answer> =>
  (await ask(version, asked))[0]!.messageResponse;

/** The names of the files in an answer. */
function filesOf(answer: Answer): string[] {
  if (answer.case !== 'fileDescriptorResponse') throw new Error(`It answered ${answer.case}.`);
  const files = answer.value.fileDescriptorProto;
  return files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

/** In the order in which a registry takes them. */
function importsFirst(
  files: readonly FileDescriptorProto[],
  file: FileDescriptorProto,
): FileDescriptorProto[] {
  const imported = file.dependency.flatMap((name) =>
    importsFirst(
      files,
      files.find((each) => each.name === name)!,
    ),
  );
  return [...new Set([...imported, file])];
}

describe.each<Version>(['v1', 'v1alpha'])('grpc.reflection.%s', (version) => {
  test('lists the services that are served, itself among them', async () => {
    const answer = await askOne(version, { case: 'listServices', value: '' });
    expect(answer.case).toBe('listServicesResponse');
    const { service } = answer.value as { service: { name: string }[] };
    expect(service.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'google.pubsub.v1.Publisher',
        'google.pubsub.v1.Subscriber',
        'grpc.health.v1.Health',
        `grpc.reflection.${version}.ServerReflection`,
      ]),
    );
  });

  test('a file comes with all that it imports, enough to call a method by', async () => {
    const value = 'google.pubsub.v1.Publisher';
    const answer = await askOne(version, { case: 'fileContainingSymbol', value });
    expect(filesOf(answer)).toEqual(
      expect.arrayContaining([
        'google/pubsub/v1/pubsub.proto',
        'google/api/annotations.proto',
        'google/protobuf/descriptor.proto',
      ]),
    );
    const { fileDescriptorProto } = answer.value as { fileDescriptorProto: Uint8Array[] };
    const file = fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const registry = createFileRegistry(
      create(FileDescriptorSetSchema, { file: importsFirst(file, file[0]!) }),
    );
    const publish = registry.getService(value)?.methods.find(({ name }) => name === 'Publish');
    expect(publish?.input.field['messages']?.message?.typeName).toBe(
      'google.pubsub.v1.PubsubMessage',
    );
  });

  test.each([
    'google.pubsub.v1.Publisher.Publish',
    'google.pubsub.v1.Topic',
    'google.pubsub.v1.Topic.name',
    'google.pubsub.v1.Subscription.State',
    'google.pubsub.v1.Subscription.ACTIVE',
    'google.pubsub.v1.StreamingPullResponse.SubscriptionProperties',
  ])('the file of the symbol %s is pubsub.proto', async (value) => {
    const answer = await askOne(version, { case: 'fileContainingSymbol', value });
    expect(filesOf(answer)[0]).toBe('google/pubsub/v1/pubsub.proto');
  });

  test('a file is found by its name, and by an extension in it', async () => {
    const value = 'google/api/http.proto';
    expect(filesOf(await askOne(version, { case: 'fileByFilename', value }))[0]).toBe(value);
    const extension = extensionOf('google.protobuf.MethodOptions', 72295728);
    const answer = await askOne(version, { case: 'fileContainingExtension', value: extension });
    expect(filesOf(answer)[0]).toBe('google/api/annotations.proto');
  });

  test('the extension numbers of a message, of which there may be none', async () => {
    const numbers = (value: string): Promise<Answer> =>
      askOne(version, { case: 'allExtensionNumbersOfType', value });
    expect(await numbers('google.protobuf.MethodOptions')).toMatchObject({
      case: 'allExtensionNumbersResponse',
      value: { baseTypeName: 'google.protobuf.MethodOptions', extensionNumber: [1051, 72295728] },
    });
    expect(await numbers('google.pubsub.v1.Topic')).toMatchObject({
      case: 'allExtensionNumbersResponse',
      value: { extensionNumber: [] },
    });
  });

  test.each<Ask>([
    { case: 'fileByFilename', value: 'none.proto' },
    { case: 'fileContainingSymbol', value: 'google.pubsub.v1.None' },
    { case: 'fileContainingSymbol', value: 'google.pubsub.v1' },
    { case: 'allExtensionNumbersOfType', value: 'google.pubsub.v1.None' },
    {
      case: 'fileContainingExtension',
      value: extensionOf('google.pubsub.v1.Topic', 5),
    },
  ])('what is not there is NOT_FOUND in an answer: $case $value', async (asked) => {
    expect(await askOne(version, asked)).toMatchObject({
      case: 'errorResponse',
      value: { errorCode: status.NOT_FOUND },
    });
  });

  test('many requests of one stream are answered in their order, with what they asked', async () => {
    const names = Array.from({ length: 200 }, (_, n) =>
      n % 2 === 0 ? 'google/pubsub/v1/pubsub.proto' : `none-${n}.proto`,
    );
    const answers = await ask(
      version,
      ...names.map((value): Ask => ({ case: 'fileByFilename', value })),
    );
    expect(answers.map(({ originalRequest }) => originalRequest?.messageRequest.value)).toEqual(
      names,
    );
    expect(new Set(answers.map(({ validHost }) => validHost))).toEqual(new Set(['here']));
    const cases = answers.map(({ messageResponse }) => messageResponse.case);
    expect(cases.slice(0, 2)).toEqual(['fileDescriptorResponse', 'errorResponse']);
  });

  test('a request that asks for nothing is INVALID_ARGUMENT in an answer', async () => {
    expect(await askOne(version, { case: undefined })).toMatchObject({
      case: 'errorResponse',
      value: { errorCode: status.INVALID_ARGUMENT },
    });
  });

  test('bytes that are no request end the stream', async () => {
    const stream = open(version);
    const code = new Promise((resolve) => {
      stream.on('error', (error: { code: status }) => resolve(error.code));
    });
    stream.write(Buffer.from([0x3a, 0xff]));
    expect(await code).toBe(status.INVALID_ARGUMENT);
  });
});
