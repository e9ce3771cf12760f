/**
 * Who may import whom, as data. `server.ts`, its parts in `server/` and `main.ts` may import
 * everything: they only wire.
 * A folder after `type ` may be imported for its types alone.
 */
export const layers: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  rpc: [],
  config: ['runtime', 'rpc'],
  crypto: ['runtime'],
  storage: ['runtime'],
  verification: ['rpc', 'runtime'],
  backup: ['storage', 'rpc', 'runtime'],
  iam: ['rpc', 'runtime'],
  schemas: ['rpc', 'runtime'],
  transforms: ['rpc', 'runtime'],
  declarative: ['rpc', 'runtime'],
  audit: ['crypto', 'storage', 'rpc', 'runtime', 'type verification'],
  pkcs11: ['runtime'],
  kms: ['audit', 'crypto', 'iam', 'pkcs11', 'storage', 'rpc', 'runtime', 'type verification'],
  envelope: ['crypto', 'kms', 'type storage', 'rpc', 'runtime', 'type verification'],
  broker: ['envelope', 'schemas', 'storage', 'transforms', 'rpc', 'runtime', 'type verification'],
  outgoing: ['rpc', 'runtime'],
  vault: [
    'crypto',
    'envelope',
    'kms',
    'outgoing',
    'storage',
    'rpc',
    'runtime',
    'type verification',
  ],
  'remote-kms': ['crypto', 'kms', 'outgoing', 'proto', 'rpc', 'runtime'],
  identity: ['audit', 'crypto', 'iam', 'kms', 'outgoing', 'storage', 'rpc', 'runtime'],
  client: [],
  metrics: [
    'audit',
    'broker',
    'kms',
    'remote-kms',
    'envelope',
    'vault',
    'type storage',
    'rpc',
    'runtime',
  ],
  api: [
    'audit',
    'broker',
    'declarative',
    'iam',
    'kms',
    'identity',
    'metrics',
    'proto',
    'remote-kms',
    'schemas',
    'transforms',
    'vault',
    'config',
    'rpc',
    'runtime',
    'type backup',
    'type verification',
  ],
  proto: [],
  cli: ['client', 'declarative', 'proto', 'rpc', 'config', 'runtime'],
};

export const roots: readonly string[] = ['server.ts', 'server', 'main.ts'];

/** The folders that may import an npm package. Every other package is refused in src. */
export const packageOwners: Readonly<Record<string, readonly string[]>> = {
  '@noble/ciphers': ['crypto'],
  '@noble/hashes': ['crypto'],
  'sodium-native': ['crypto'],
  lmdb: ['storage'],
  'prom-client': ['metrics'],
  fastify: ['api'],
  '@grpc/grpc-js': ['api', 'cli', 'remote-kms'],
  '@bufbuild/protobuf': ['api', 'cli', 'iam', 'proto', 'remote-kms', 'schemas'],
  koffi: ['pkcs11'],
  ws: ['api'],
  yaml: ['api', 'cli', 'declarative'],
  'quickjs-emscripten-core': ['transforms'],
  '@jitl/quickjs-wasmfile-release-sync': ['transforms'],
  '@bufbuild/cel': ['iam'],
  jose: ['identity'],
  commander: ['cli'],
  pino: ['server'],
};

/**
 * Doors beside a folder's own, for threads: each loads all that its imports load, and a thread that
 * seals layers needs neither the providers of all suites nor the key service and the store.
 */
const threadDoors: readonly string[] = [
  'src/crypto/stream/index.ts',
  'src/envelope/layers/index.ts',
];

/** Whether files of other folders may import this one. */
export function isDoor(file: string): boolean {
  return /^src\/[^/]+\/index\.ts$/.test(file) || threadDoors.includes(file);
}

/** `@noble/ciphers` for `@noble/ciphers/chacha.js`. */
export function packageOf(request: string): string {
  return request
    .split('/')
    .slice(0, request.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Why an import is against the rules, or null. Pure, so that a test can plant violations. */
export function violation(
  from: string,
  to: { readonly folder: string | null; readonly isDoor: boolean; readonly isTypeOnly: boolean },
): string | null {
  if (to.folder === null) return 'code of src imports only src';
  if (to.folder === from) return null;
  if (roots.includes(to.folder)) {
    return roots.includes(from) ? null : 'only main.ts imports the composition root';
  }
  // Generated from proto/, each file for what it says: a door would only repeat them.
  const isOpen = to.isDoor || to.folder === 'proto';
  if (!isOpen) return `other folders import only the door, ${to.folder}/index.ts`;
  if (roots.includes(from)) return null;
  const allowed = layers[from];
  if (allowed === undefined) return `${from} is not in the table of layers`;
  if (allowed.includes(to.folder) || (to.isTypeOnly && allowed.includes(`type ${to.folder}`))) {
    return null;
  }
  return `${from} may import only ${allowed.join(', ') || 'nothing'}`;
}
