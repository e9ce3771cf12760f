import { formatTimestamp, RpcError } from '../../rpc/index.ts';
import type {
  ImageListing,
  ImportReport,
  ServiceName,
  VaultAdministration,
} from '../../vault/index.ts';
import type { JsonObject } from '../json/json-body.ts';
import type { JsonValue } from '../json.ts';
import type { Route } from '../route.ts';
import { JsonFields } from './json-fields.ts';
import { reportView, type VerificationControl } from './verification-routes.ts';

const service = 'sealpost.v1.Vault';
const root = '/sealpost/v1/vault';

/** Upkeep of the vault, as `sealpost vault` asks for. Its answers hold names, paths and numbers. */
export function vaultRoutes(
  vault: VaultAdministration,
  verification: VerificationControl,
): Route[] {
  return [
    {
      rpc: `${service}.ListImages`,
      method: 'GET',
      template: `${root}/images`,
      handle: async () => ({ images: (await vault.images()).map(imageView) }),
    },
    {
      rpc: `${service}.ListFiles`,
      method: 'GET',
      template: `${root}/{service=projects/*/locations/*/services/*}/files`,
      handle: ({ params, query }) => files(vault, params['service'] ?? '', query),
    },
    {
      rpc: `${service}.ListKeys`,
      method: 'GET',
      template: `${root}/keys`,
      handle: () => keys(vault),
    },
    {
      rpc: `${service}.Collect`,
      method: 'POST',
      template: `${root}:collect`,
      handle: async () => ({ ...(await vault.collect()) }),
    },
    {
      rpc: `${service}.Rewrap`,
      method: 'POST',
      template: `${root}:rewrap`,
      handle: async (call) => ({ ...(await vault.rewrap(optionalKey(call.json()))) }),
    },
    {
      rpc: `${service}.Import`,
      method: 'POST',
      template: `${root}:import`,
      handle: (call) => importImage(vault, call.json()),
    },
    {
      rpc: `${service}.ListImports`,
      method: 'GET',
      template: `${root}/imports`,
      handle: () => ({ imports: vault.imports().map(importView) }),
    },
    {
      rpc: `${service}.StartVerification`,
      method: 'POST',
      template: `${root}:verify`,
      handle: () => reportView(verification.start()),
    },
    {
      rpc: `${service}.GetVerification`,
      method: 'GET',
      template: `${root}:verify`,
      handle: () => reportView(verification.report()),
    },
  ];
}

async function files(
  vault: VaultAdministration,
  name: string,
  query: URLSearchParams,
): Promise<JsonValue> {
  const layers = await vault.files(serviceOf(name), query.get('digest') ?? '');
  return {
    layers: layers.map(({ diffId, entries }) => ({
      diffId,
      entries: entries.map((entry) => ({
        path: entry.path,
        type: entry.type,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        size: entry.size,
        ...(entry.linkname === '' ? {} : { linkname: entry.linkname }),
      })),
    })),
  };
}

async function keys(vault: VaultAdministration): Promise<JsonValue> {
  const stored = await vault.layerKeys();
  return {
    keys: vault.keys().map(({ project, key, state }) => ({
      project,
      key,
      condition: state.condition,
      ...(state.cause === undefined ? {} : { cause: state.cause }),
      message: state.message,
      since: formatTimestamp(state.sinceMs),
      checked: formatTimestamp(state.checkedMs),
    })),
    layerKeys: stored.map(({ id, project, serviceUid, key, keyVersion, createdMs }) => ({
      id,
      project,
      serviceUid,
      key,
      keyVersion,
      createTime: formatTimestamp(createdMs),
    })),
    shutdowns: vault.shutdowns().map(({ revision, key, deadlineMs }) => ({
      revision: { ...revision },
      key,
      deadline: formatTimestamp(deadlineMs),
    })),
  };
}

async function importImage(vault: VaultAdministration, body: JsonObject): Promise<JsonValue> {
  const fields = new JsonFields(body, ['service', 'image']);
  const image = fields.text('image') ?? '';
  if (image === '') throw argument('image must be a reference to an image.');
  return importView(await vault.import(serviceOf(fields.text('service') ?? ''), image));
}

function optionalKey(body: JsonObject): string | null {
  return new JsonFields(body, ['key']).text('key') ?? null;
}

function serviceOf(name: string): ServiceName {
  const found = /^projects\/([^/]+)\/locations\/([^/]+)\/services\/([^/]+)$/.exec(name);
  if (found === null) throw argument('service must be projects/P/locations/L/services/S.');
  const [, project = '', location = '', serviceId = ''] = found;
  return { project, location, serviceId };
}

function imageView(image: ImageListing): JsonValue {
  const { owner, reference, digest, keyId, layers, references, importedMs, unpackedBytes } = image;
  return {
    service: owner.serviceName,
    key: owner.key,
    keyId,
    reference,
    digest,
    importTime: formatTimestamp(importedMs),
    unpackedBytes,
    layers: layers.map((layer, index) => ({ ...layer, references: references[index] ?? 0 })),
  };
}

function importView({ startedMs, endedMs, bytes, ...rest }: ImportReport): JsonValue {
  return {
    ...rest,
    startTime: formatTimestamp(startedMs),
    ...(endedMs === null ? {} : { endTime: formatTimestamp(endedMs) }),
    ...(bytes === null ? {} : { bytes: { ...bytes } }),
  };
}

const argument = (message: string): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'VAULT_REQUEST_INVALID', message);
