import type { AnyOption } from './options.ts';
import { optionalKeyName, optionalKmsEndpoint, projectNumber, role } from '../role-values.ts';
import { listOf, optionalFile } from '../values.ts';

/** What the server is, and where the keys are if not in it. */
export const roleOptions: readonly AnyOption[] = [
  {
    field: 'roles',
    name: 'roles',
    placeholder: 'ROLES',
    default: 'broker,kms',
    limits: 'broker, kms, vault; vault only with --authentication required, or --insecure',
    doc: 'What this server is; without kms it needs --kms-endpoint. A vault runs code.',
    parse: listOf(role, 1),
  },
  {
    field: 'kmsEndpoint',
    name: 'kms-endpoint',
    placeholder: 'URL',
    default: '',
    limits:
      'http, https, vault+http or vault+https; plain HTTP beyond loopback only with --insecure',
    doc: 'Where the keys of topics are: a Cloud KMS or another Sealpost, or a Vault transit engine.',
    parse: optionalKmsEndpoint,
  },
  {
    field: 'kmsCa',
    name: 'kms-ca',
    placeholder: 'FILE',
    default: '',
    limits: 'a PEM file of certificates',
    doc: "Certificate authorities that the --kms-endpoint may have beside the system's.",
    parse: optionalFile,
  },
  {
    field: 'kmsTokenFile',
    name: 'kms-token-file',
    placeholder: 'FILE',
    default: '',
    limits: 'a file of one line',
    doc: 'The token for the --kms-endpoint; read again when it changes.',
    parse: optionalFile,
  },
  {
    field: 'defaultKey',
    name: 'default-key',
    placeholder: 'NAME',
    default: '',
    limits: 'the full name of a CryptoKey at the --kms-endpoint',
    doc: "The key of topics that name none; the server's own key, under its root key, unless named.",
    parse: optionalKeyName,
  },
  {
    field: 'projectNumbers',
    name: 'project-number',
    placeholder: 'P=N',
    default: '',
    isRepeatable: true,
    limits: 'PROJECT=NUMBER',
    doc: 'Numbers of projects, which name their service agents, where the --kms-endpoint has none.',
    parse: listOf(projectNumber, 0),
  },
];
