import { ConfigError } from './config-error.ts';
import type { ServerConfig } from './server-config.ts';
import { vaultOptions } from './options/vault-options.ts';

/** @throws ConfigError where roles and the place of the keys contradict each other */
export function refuseRoles(config: ServerConfig): void {
  const complaint =
    complaintAbout(config) ??
    topicComplaint(config) ??
    secretComplaint(config) ??
    vaultComplaint(config);
  if (complaint !== null) throw new ConfigError(complaint);
}

function complaintAbout(config: ServerConfig): string | null {
  const { roles, kmsEndpoint: endpoint, insecure } = config;
  if (endpoint === null) {
    if (!roles.includes('kms')) {
      const named = roles.join(',');
      return `--roles ${named} has no keys of its own: say with --kms-endpoint where they are.`;
    }
    const stray = strayOption(config);
    return stray === null ? null : `${stray} says nothing without --kms-endpoint.`;
  }
  if (roles.includes('kms')) {
    return (
      '--kms-endpoint goes without the role kms: the keys of this server would be served, and yet ' +
      'not be those that its topics use.'
    );
  }
  if (!endpoint.isPlain || endpoint.isLoopback || insecure) return null;
  return (
    `--kms-endpoint ${endpoint.url} would send unwrapped keys in the clear: use https, or say ` +
    '--insecure if something else protects that network.'
  );
}

/** What is demanded of topics' keys says nothing where no topics are, or no keys. */
function topicComplaint(config: ServerConfig): string | null {
  const { roles, kmsEndpoint, requireCmek, cmekKeyProjects, autoGrant, cmekPropagation } = config;
  const { autoCreateTopics } = config;
  if (autoGrant && kmsEndpoint !== null) {
    return '--auto-grant does not reach a --kms-endpoint: grant the role there.';
  }
  if (roles.includes('broker')) return null;
  if (autoCreateTopics) return '--auto-create-topics says nothing without the role broker.';
  if (requireCmek) return '--require-cmek says nothing without the role broker.';
  if (autoGrant) return '--auto-grant says nothing without the role broker.';
  if (cmekPropagation !== 'instant') {
    return '--cmek-propagation says nothing without the role broker.';
  }
  return cmekKeyProjects.length > 0
    ? '--cmek-key-projects says nothing without the role broker.'
    : null;
}

/** A file for something that was not asked for is a mistake in what was. */
function secretComplaint(config: ServerConfig): string | null {
  const { ekmCa, ekmHosts, rootKeyPassphraseFile, rootKeySource } = config;
  if (ekmCa !== null && ekmHosts.length === 0) return '--ekm-ca says nothing without --ekm-host.';
  const asksNone = rootKeySource !== 'auto' && rootKeySource !== 'passphrase';
  return rootKeyPassphraseFile !== null && asksNone
    ? `--root-key-passphrase-file says nothing with --root-key-source ${rootKeySource}.`
    : null;
}

/** The vault runs what others give it. */
function vaultComplaint(config: ServerConfig): string | null {
  const { roles, insecure, authentication } = config;
  if (roles.includes('vault')) {
    if (insecure || authentication === 'required') return null;
    return (
      '--roles vault runs code for whoever can reach this port: say --authentication required, ' +
      'or --insecure if only those can whom you let.'
    );
  }
  const stray = vaultOptions.find(({ field, parse, default: text }) => {
    return JSON.stringify(config[field]) !== JSON.stringify(parse(text ?? ''));
  });
  return stray === undefined ? null : `--${stray.name} says nothing without the role vault.`;
}

function strayOption({
  kmsCa,
  kmsTokenFile,
  defaultKey,
  projectNumbers,
}: ServerConfig): string | null {
  if (kmsCa !== null) return '--kms-ca';
  if (kmsTokenFile !== null) return '--kms-token-file';
  if (defaultKey !== null) return '--default-key';
  return projectNumbers.length > 0 ? '--project-number' : null;
}
