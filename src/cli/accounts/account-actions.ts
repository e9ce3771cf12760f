import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json, type RestApi } from '../connection/rest-api.ts';
import { shortId } from '../connection/resource-names.ts';
import { fieldLines } from '../output/table.ts';
import { accountNamed, type AccountName } from './account-names.ts';
import { PrivateFile } from './private-file.ts';
import { bindRoles } from './role-bindings.ts';
import { isServerRole, requireRoles } from './role-check.ts';

/** What an administrator of the whole server has. */
const adminRoles: readonly string[] = ['roles/owner', 'roles/sealpost.admin'];

const named = ({ arguments: [account = ''] }: Call, { names }: Tools): AccountName =>
  accountNamed(account, names);

export const createAccount: Action = async (call, tools) => {
  const { api, out } = tools;
  const { flags } = call;
  const { id, project, email, name } = named(call, tools);
  const path = flags.text('out');
  const roles = flags.texts('role') ?? [];
  await requireRoles(api, roles);
  const file = path === undefined ? undefined : new PrivateFile(path);
  const displayName = flags.text('display-name') ?? '';
  let account: Json = {};
  const make = async (): Promise<void> => {
    const body = { accountId: id, serviceAccount: { displayName } };
    account = await api.post(`projects/${project}/serviceAccounts`, body);
    await bindAll(api, { project, email }, roles, flags.isSet('admin'));
  };
  if (file === undefined) await make();
  else {
    await file.fill(async () => {
      await make();
      return await newKey(api, name);
    });
  }
  out.result(account, [`Created ${email}.`, ...nextOf(id, project, path)]);
};

/** Roles of the server's own are bound on the server, all others on the account's project. */
async function bindAll(
  api: RestApi,
  { project, email }: Pick<AccountName, 'project' | 'email'>,
  roles: readonly string[],
  isAdmin: boolean,
): Promise<void> {
  const ofServer = [...roles.filter(isServerRole), ...(isAdmin ? adminRoles : [])];
  const ofProject = roles.filter((role) => !isServerRole(role));
  const member = `serviceAccount:${email}`;
  if (ofProject.length > 0) await bindRoles(api, `projects/${project}`, member, ofProject);
  if (ofServer.length > 0) await bindRoles(api, 'organizations/sealpost', member, ofServer);
}

function nextOf(id: string, project: string, path: string | undefined): string[] {
  if (path !== undefined) {
    return [
      `Its key is in ${path}, and nowhere else: keep the file secret.`,
      `Next: GOOGLE_APPLICATION_CREDENTIALS=${path}`,
    ];
  }
  const where = `--project ${project}`;
  return [`Next, a key for it: sealpost accounts keys create ${id} --out FILE ${where}`];
}

/** A new key's credentials file, which its server does not keep. */
async function newKey(api: RestApi, account: string): Promise<Uint8Array> {
  const key = await api.post(`${account}/keys`, {});
  return Buffer.from(textIn(key, 'privateKeyData'), 'base64');
}

const accountRow = (account: Json): string[] => [
  textIn(account, 'email'),
  textIn(account, 'displayName'),
  account['disabled'] === true ? 'DISABLED' : 'ENABLED',
];

export const listAccounts: Action = async (_call, { api, names, out }) => {
  const project = names.project();
  const accounts = await api.list(`projects/${project}/serviceAccounts`, 'accounts');
  const columns = ['ACCOUNT', 'NAME', 'STATE'].map((title) => ({ title }));
  out.list(accounts, columns, accountRow, `There are no service accounts in ${project}.`);
};

export const describeAccount: Action = async (call, tools) => {
  const account = await tools.api.get(named(call, tools).name);
  const fields = Object.entries(account).map(([field, value]) => [field, String(value)] as const);
  tools.out.result(account, fieldLines(fields));
};

function switched(verb: 'enable' | 'disable', does: string): Action {
  return async (call, tools) => {
    const { email, name } = named(call, tools);
    const answer = await tools.api.post(`${name}:${verb}`, {});
    tools.out.result(answer, [`${email} ${does}.`]);
  };
}

export const enableAccount: Action = switched('enable', 'may call again');

export const disableAccount: Action = switched('disable', 'may call no more, with any of its keys');

export const deleteAccount: Action = async (call, tools) => {
  const { email, name } = named(call, tools);
  const answer = await tools.api.delete(name);
  tools.out.result(answer, [`Deleted ${email}, and all of its keys.`]);
};

export const createKey: Action = async (call, tools) => {
  const { name, email } = named(call, tools);
  const path = call.flags.text('out');
  if (path === undefined) throw usageError('A key needs a file.', 'Add --out FILE.');
  const file = new PrivateFile(path);
  await file.fill(() => newKey(tools.api, name));
  tools.out.result({ file: path }, [
    `The key of ${email} is in ${path}, and nowhere else: keep the file secret.`,
  ]);
};

const keyRow = (key: Json): string[] => [
  shortId(textIn(key, 'name')),
  textIn(key, 'validAfterTime'),
  key['disabled'] === true ? 'DISABLED' : 'ENABLED',
];

export const listKeys: Action = async (call, tools) => {
  const { name, email } = named(call, tools);
  const keys = ((await tools.api.get(`${name}/keys`))['keys'] ?? []) as Json[];
  if (call.flags.isSet('ids')) {
    for (const key of keys) tools.out.line(shortId(textIn(key, 'name')));
    return;
  }
  const columns = ['KEY', 'SINCE', 'STATE'].map((title) => ({ title }));
  tools.out.list(keys, columns, keyRow, `${email} has no keys.`);
};

export const deleteKey: Action = async (call, tools) => {
  const { name, email } = named(call, tools);
  const key = call.arguments[1] ?? '';
  const answer = await tools.api.delete(`${name}/keys/${key}`);
  tools.out.result(answer, [`Deleted a key of ${email}; what it signed opens nothing any more.`]);
};
