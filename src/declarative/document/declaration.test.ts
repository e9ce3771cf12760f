import { describe, expect, test } from 'vitest';
import { readDeclaration, type Declaration } from './declaration.ts';
import { DocumentError } from './problem.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function declared(text: string, files: Readonly<Record<string, string>> = {}): Declaration {
  return readDeclaration(bytesOf(text), 'f.yaml', {
    read: (path, bytesMax) => {
      const content = files[path];
      if (content === undefined) return null;
      if (content.length > bytesMax) throw new Error(`must be at most ${bytesMax} bytes`);
      return bytesOf(content);
    },
  });
}

function problemsOf(text: string, files: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    declared(text, files);
  } catch (error) {
    if (error instanceof DocumentError) return error.lines;
    throw error;
  }
  return [];
}

describe('names', () => {
  test('of other resources become full ones', () => {
    const { resources } = declared(`
projects:
  cafe:
    keyRings: {us/ring: {keys: {one: }}}
    topics: {orders: {kmsKeyName: us/ring/one}, other: {kmsKeyName: ring/two}}
    subscriptions:
      kitchen: {topic: orders, deadLetterPolicy: {deadLetterTopic: projects/bar/topics/dead}}
`);
    const fields = Object.fromEntries(resources.map(({ name, fields }) => [name, fields]));
    expect(fields).toEqual({
      'projects/cafe/locations/us/keyRings/ring': {},
      'projects/cafe/locations/us/keyRings/ring/cryptoKeys/one': {},
      'projects/cafe/topics/orders': {
        kmsKeyName: 'projects/cafe/locations/us/keyRings/ring/cryptoKeys/one',
      },
      'projects/cafe/topics/other': {
        kmsKeyName: 'projects/cafe/locations/global/keyRings/ring/cryptoKeys/two',
      },
      'projects/cafe/subscriptions/kitchen': {
        topic: 'projects/cafe/topics/orders',
        deadLetterPolicy: { deadLetterTopic: 'projects/bar/topics/dead' },
      },
    });
  });

  test('that mean the same twice are refused', () => {
    expect(
      problemsOf('projects:\n  cafe:\n    keyRings:\n      ring:\n      global/ring:\n'),
    ).toEqual([
      'f.yaml:5:7: projects.cafe.keyRings.global/ring: is projects/cafe/locations/global/keyRings/ring, which is here twice',
    ]);
    const files =
      'projects: {cafe: {accounts: {kitchen: {keyFile: k}, waiter: {keyFile: ./x/../k}}}}';
    expect(problemsOf(files)).toHaveLength(1);
  });
});

describe('members', () => {
  test('are accounts of the project and agents of services, by short names', () => {
    const { policies } = declared(`
projects:
  cafe:
    accounts: {kitchen: {roles: [roles/pubsub.viewer]}}
    iam:
      bindings:
        - {role: roles/pubsub.viewer, members: ["serviceAccount:waiter", "serviceAgent:pubsub@bar"]}
        - {role: roles/pubsub.viewer, members: ["serviceAgent:run"], condition: {title: t, expression: "true"}}
`);
    expect(policies).toMatchObject([
      {
        resource: 'projects/cafe',
        isAuthoritative: false,
        bindings: [
          {
            role: 'roles/pubsub.viewer',
            members: [
              'serviceAccount:waiter@cafe.iam.gserviceaccount.com',
              'serviceAgent:pubsub@bar',
              'serviceAccount:kitchen@cafe.iam.gserviceaccount.com',
            ],
          },
          { members: ['serviceAgent:run@cafe'], condition: { expression: 'true' } },
        ],
      },
    ]);
  });

  test('of the server must name their projects', () => {
    const short = (member: string): string =>
      `organization: {iam: {bindings: [{role: roles/owner, members: ["${member}"]}]}}`;
    expect(problemsOf(short('serviceAccount:kitchen'))).toHaveLength(1);
    expect(problemsOf(short('serviceAgent:pubsub'))).toHaveLength(1);
    expect(problemsOf(short('serviceAgent:pubsub@cafe'))).toEqual([]);
    expect(problemsOf(short('serviceAccount:kitchen@cafe.iam.gserviceaccount.com'))).toEqual([]);
    expect(problemsOf(short('user:eve@example.com'))).toEqual([]);
  });
});

describe('files', () => {
  const text = `
projects:
  cafe:
    schemas: {order: {type: AVRO, definitionFile: order.avsc}}
    topics:
      orders:
        messageTransforms:
          - javascriptUdf: {functionName: f, codeFile: f.js}
`;

  test('that are named stand for their content', () => {
    const { resources } = declared(text, { 'order.avsc': '"string"', 'f.js': 'function f() {}' });
    expect(resources.map(({ fields }) => fields)).toEqual([
      { type: 'AVRO', definition: '"string"' },
      { messageTransforms: [{ javascriptUdf: { functionName: 'f', code: 'function f() {}' } }] },
    ]);
  });

  test('that are absent or too large are told by the line that names them', () => {
    expect(problemsOf(text, { 'f.js': 'x'.repeat(20_001) })).toEqual([
      'f.yaml:4:51: projects.cafe.schemas.order.definitionFile: there is no file order.avsc',
      'f.yaml:8:56: projects.cafe.topics.orders.messageTransforms.0.javascriptUdf.codeFile: f.js must be at most 20000 bytes',
    ]);
  });
});

test('bytes that are no UTF-8 are refused', () => {
  const files = { read: () => null };
  expect(() => readDeclaration(new Uint8Array([0xff, 0xfe, 0x41]), 'f.yaml', files)).toThrow(
    'f.yaml:1:1: is not UTF-8',
  );
});
