/** The server itself, above all projects. */
export const serverResource = 'organizations/sealpost';

/** Something that permissions are asked on. */
export interface Resource {
  /** As it was named; of a version its own name, of a schema's revision the schema's. */
  readonly name: string;
  /** `cloudkms.googleapis.com/CryptoKey`, as conditions name it. */
  readonly type: string;
  /** `cloudkms.cryptoKeys`: the first two words of its permissions. */
  readonly collection: string;
  /** Those whose policies count: its own, then its parents', the project by id, at last the server. */
  readonly policies: readonly string[];
}

interface Kind {
  readonly pattern: RegExp;
  readonly type: string;
  readonly collection: string;
}

const segment = '[^/]+';
const location = `projects/${segment}/locations/${segment}`;
const ring = `${location}/keyRings/${segment}`;

const kind = (path: string, type: string, collection: string): Kind => ({
  pattern: new RegExp(`^${path}$`),
  type,
  collection,
});

const pubsubKinds = [
  ['topics', 'Topic'],
  ['subscriptions', 'Subscription'],
  ['snapshots', 'Snapshot'],
  ['schemas', 'Schema'],
].map(([name, type]) =>
  kind(`projects/${segment}/${name}/${segment}`, `pubsub.googleapis.com/${type}`, `pubsub.${name}`),
);

const kms = (path: string, type: string, collection: string): Kind =>
  kind(path, `cloudkms.googleapis.com/${type}`, `cloudkms.${collection}`);

const kinds: readonly Kind[] = [
  ...pubsubKinds,
  kms(
    `${ring}/cryptoKeys/${segment}/cryptoKeyVersions/${segment}`,
    'CryptoKeyVersion',
    'cryptoKeyVersions',
  ),
  kms(`${ring}/cryptoKeys/${segment}`, 'CryptoKey', 'cryptoKeys'),
  kms(`${ring}/importJobs/${segment}`, 'ImportJob', 'importJobs'),
  kms(ring, 'KeyRing', 'keyRings'),
  kms(`${location}/ekmConnections/${segment}`, 'EkmConnection', 'ekmConnections'),
  kms(`${location}/ekmConfig`, 'EkmConfig', 'ekmConfigs'),
  kind(`${location}/services/${segment}`, 'run.googleapis.com/Service', 'run.services'),
  kind(`${location}/revisions/${segment}`, 'run.googleapis.com/Revision', 'run.revisions'),
  kms(location, 'Location', 'locations'),
  kind(
    `projects/${segment}/serviceAccounts/${segment}`,
    'iam.googleapis.com/ServiceAccount',
    'iam.serviceAccounts',
  ),
  kind(
    `projects/${segment}`,
    'cloudresourcemanager.googleapis.com/Project',
    'resourcemanager.projects',
  ),
  kind(
    serverResource,
    'cloudresourcemanager.googleapis.com/Organization',
    'resourcemanager.organizations',
  ),
];

const other: Omit<Kind, 'pattern'> = {
  type: 'cloudresourcemanager.googleapis.com/Project',
  collection: 'resourcemanager.projects',
};

const projectPattern = /^projects\/([^/]+)(?:\/|$)/;
const parentPattern = new RegExp(
  `^(${ring})/cryptoKeys/${segment}(/cryptoKeyVersions/${segment})?$`,
);

/**
 * What `name` names, whether it exists or not; what is no name of a resource has the server's
 * policy alone. `projectIdOf` turns a project's number into its id.
 */
export function resourceOf(name: string, projectIdOf: (idOrNumber: string) => string): Resource {
  const whole = name.startsWith('projects/') ? schemaOf(name) : name;
  const found = kinds.find(({ pattern }) => pattern.test(whole)) ?? other;
  const { type, collection } = found;
  return { name: whole, type, collection, policies: policiesOf(whole, projectIdOf) };
}

/** A schema's revision has the schema's policy. */
function schemaOf(name: string): string {
  const [, schema = name] = /^(projects\/[^/]+\/schemas\/[^/@]+)@[^/]*$/.exec(name) ?? [];
  return schema;
}

function policiesOf(name: string, projectIdOf: (idOrNumber: string) => string): readonly string[] {
  const [, project] = projectPattern.exec(name) ?? [];
  if (project === undefined) return [serverResource];
  const projectName = `projects/${projectIdOf(project)}`;
  const above = [projectName, serverResource];
  if (name === `projects/${project}`) return above;
  const [, ringName, version] = parentPattern.exec(name) ?? [];
  if (ringName === undefined) return [name, ...above];
  const own = version === undefined ? name : name.slice(0, -version.length);
  return [own, ringName, ...above];
}

/** `projects/P` of a resource in a project; undefined for what is in none. */
export function projectOf(name: string): string | undefined {
  const [, project] = projectPattern.exec(name) ?? [];
  return project === undefined ? undefined : `projects/${project}`;
}

const accountPattern = /@([a-z0-9-]+(?:\.[a-z0-9.-]+)?)\.iam\.gserviceaccount\.com$/i;
const numberedPattern = /^([0-9]+)-[a-z]+@developer\.gserviceaccount\.com$/i;

/** The resource of a service account by its email; of one that is in no project here, the server. */
export function accountResource(email: string): string {
  const named = email.startsWith('projects/') ? (email.split('/').at(-1) ?? '') : email;
  const project = accountPattern.exec(named)?.[1] ?? numberedPattern.exec(named)?.[1];
  return project === undefined ? serverResource : `projects/${project}/serviceAccounts/${named}`;
}
