import { RpcError } from '../../rpc/index.ts';
import type { ImageConfig } from '../registry/image-source.ts';
import type { Revision } from '../services/service.ts';
import type { InstanceSpec } from './instance-driver.ts';
import { imageUserOf } from './image-user.ts';

type Command = Pick<InstanceSpec, 'argv' | 'env' | 'cwd' | 'uid' | 'gid'>;

/** Docker's, for images that set none. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * What an instance runs: Knative's rules for command and arguments, Cloud Run's environment, the
 * image's user as its tree knows it.
 *
 * @throws RpcError FAILED_PRECONDITION if there is nothing to run, or nobody to run it as
 */
export function commandOf(revision: Revision, config: ImageConfig, root: string): Command {
  const { container } = revision.template;
  const argv = argumentsOf(container.command, container.args, config);
  if (argv.length === 0) {
    throw new RpcError(
      'FAILED_PRECONDITION',
      'IMAGE_COMMAND_MISSING',
      'The image has neither an entrypoint nor a command, and the service names none.',
    );
  }
  const { uid, gid, home } = imageUserOf(root, config.user);
  const cwd = container.workingDir || config.workingDir || '/';
  return {
    argv: argv.map(withoutNul),
    env: environmentOf(revision, config, home),
    cwd: withoutNul(cwd.startsWith('/') ? cwd : `/${cwd}`),
    uid,
    gid,
  };
}

/** A command replaces the image's entrypoint and, because they belong to it, its arguments. */
function argumentsOf(
  command: readonly string[],
  args: readonly string[],
  { entrypoint, cmd }: ImageConfig,
): string[] {
  if (command.length > 0) return [...command, ...args];
  return [...entrypoint, ...(args.length > 0 ? args : cmd)];
}

function environmentOf(
  { name, template }: Revision,
  config: ImageConfig,
  home: string,
): Record<string, string> {
  const ofImage = config.env.map((line): [string, string] => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  });
  const ofOwner = template.container.env.map((each): [string, string] => [each.name, each.value]);
  const ofService: [string, string][] = [
    ['PORT', String(template.container.port)],
    ['K_SERVICE', name.serviceId],
    ['K_REVISION', name.revisionId],
    ['K_CONFIGURATION', name.serviceId],
  ];
  const all = [['PATH', defaultPath], ['HOME', home], ...ofImage, ...ofOwner, ...ofService];
  return Object.fromEntries(
    all.filter(([name]) => isName(name!)).map(([name, value]) => [name, withoutNul(value!)]),
  );
}

/** Whatever the system can carry; an image may claim anything. */
function isName(name: string): boolean {
  return name !== '' && !name.includes('\0') && !name.includes('=') && name !== '__proto__';
}

/** No program can be given what comes after NUL. */
function withoutNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
