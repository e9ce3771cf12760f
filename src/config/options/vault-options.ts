import { ConfigError } from '../config-error.ts';
import type { AnyOption } from './options.ts';
import { flag, listOf, oneOf, optionalFile, wholeNumber } from '../values.ts';
import { registryHost, registryMirror } from '../registry-values.ts';

/** Images, and the instances of them that run. */
export const vaultOptions: readonly AnyOption[] = [
  {
    field: 'registryHosts',
    name: 'registry-host',
    placeholder: 'HOST',
    default: '',
    isRepeatable: true,
    limits: 'host names, with a port where it is not 443',
    doc: 'Registries from which images may come, and to which they may redirect or ask for tokens.',
    parse: listOf(registryHost, 0),
  },
  {
    field: 'registryMirrors',
    name: 'registry-mirror',
    placeholder: 'HOST=URL',
    default: '',
    isRepeatable: true,
    limits: 'HOST=URL, as us-docker.pkg.dev=http://127.0.0.1:5000; plain HTTP only to loopback',
    doc: 'Where images of a registry come from instead.',
    parse: listOf(registryMirror, 0),
  },
  {
    field: 'registryAuthFile',
    name: 'registry-auth-file',
    placeholder: 'FILE',
    default: '',
    limits: 'a JSON file with auths, as docker login and skopeo login write it',
    doc: 'Credentials for registries; read again when it changes.',
    parse: optionalFile,
  },
  {
    field: 'registryCa',
    name: 'registry-ca',
    placeholder: 'FILE',
    default: '',
    limits: 'a PEM file of certificates',
    doc: "Certificate authorities that registries may have beside the system's.",
    parse: optionalFile,
  },
  {
    field: 'localImages',
    name: 'local-images',
    default: 'false',
    limits: 'true or false',
    doc: 'Lets deployments name images in files of this machine: oci:FOLDER and oci-archive:FILE.',
    parse: flag,
  },
  {
    field: 'vaultDriver',
    name: 'vault-driver',
    placeholder: 'DRIVER',
    default: 'bwrap',
    limits: 'bwrap or runc',
    doc: 'What isolates instances: bubblewrap, or runc.',
    parse: oneOf(['bwrap', 'runc']),
  },
  {
    field: 'vaultRuntimeDir',
    name: 'vault-runtime-dir',
    placeholder: 'DIR',
    default: '',
    limits: 'a directory in a tmpfs',
    doc: 'Where opened images are, in memory only; a directory of its own in /dev/shm unless named.',
    parse: runtimeDirectory,
  },
  {
    field: 'vaultInstancesMax',
    name: 'vault-instances-max',
    placeholder: 'COUNT',
    default: '100',
    limits: '1 to 1000',
    doc: 'Instances that run at a time, of all services.',
    parse: wholeNumber(1, 1_000),
  },
  {
    field: 'vaultIdleSeconds',
    name: 'vault-idle-seconds',
    placeholder: 'SECONDS',
    default: '900',
    limits: '1 to 86400',
    doc: 'How long an instance without requests is kept, beyond the least that its service asks for.',
    parse: wholeNumber(1, 86_400),
  },
  {
    field: 'vaultCheckSeconds',
    name: 'vault-check-seconds',
    placeholder: 'SECONDS',
    default: '60',
    limits: '1 to 3600',
    doc: 'How often the keys of services are tried, give or take a tenth.',
    parse: wholeNumber(1, 3_600),
  },
  {
    field: 'vaultHourMs',
    name: 'vault-hour-ms',
    placeholder: 'MS',
    default: '3600000',
    limits: '100 to 3600000',
    doc: 'For rehearsals: how long an hour of encryption-key-shutdown-hours takes.',
    parse: wholeNumber(100, 3_600_000),
  },
  {
    field: 'vaultLogBytes',
    name: 'vault-log-bytes',
    placeholder: 'BYTES',
    default: '268435456',
    limits: '1048576 to 68719476736',
    doc: 'What the logs of services may take on disk, together; the oldest lines go first.',
    parse: wholeNumber(2 ** 20, 2 ** 36),
  },
];

function runtimeDirectory(text: string): string | null {
  if (text === '') return null;
  if (text.startsWith('/') && !text.includes('\0')) return text;
  throw new ConfigError('must be the absolute path of a directory');
}
