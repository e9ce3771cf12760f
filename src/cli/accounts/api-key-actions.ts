import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { shortId } from '../connection/resource-names.ts';
import { accountNamed, type AccountName } from './account-names.ts';
import { PrivateFile } from './private-file.ts';

const named = ({ arguments: [account = ''] }: Call, { names }: Tools): AccountName =>
  accountNamed(account, names);

export const createApiKey: Action = async (call, tools) => {
  const { name, email } = named(call, tools);
  const displayName = call.flags.text('display-name') ?? '';
  const path = call.flags.text('out');
  const make = (): Promise<Json> => tools.api.post(`${name}/apiKeys`, { displayName });
  if (path === undefined) {
    const key = await make();
    tools.out.note(`This is the only time that the key of ${email} is shown.`);
    tools.out.result(key, [textIn(key, 'keyString')]);
    return;
  }
  const file = new PrivateFile(path);
  await file.fill(async () => Buffer.from(`${textIn(await make(), 'keyString')}\n`));
  tools.out.result({ file: path }, [`The API key of ${email} is in ${path}, and nowhere else.`]);
};

const keyRow = (key: Json): string[] => [
  shortId(textIn(key, 'name')),
  textIn(key, 'displayName'),
  textIn(key, 'createTime'),
];

export const listApiKeys: Action = async (call, tools) => {
  const { name, email } = named(call, tools);
  const keys = ((await tools.api.get(`${name}/apiKeys`))['apiKeys'] ?? []) as Json[];
  if (call.flags.isSet('ids')) {
    for (const key of keys) tools.out.line(shortId(textIn(key, 'name')));
    return;
  }
  const columns = ['KEY', 'NAME', 'SINCE'].map((title) => ({ title }));
  tools.out.list(keys, columns, keyRow, `${email} has no API keys.`);
};

export const deleteApiKey: Action = async (call, tools) => {
  const { name, email } = named(call, tools);
  const answer = await tools.api.delete(`${name}/apiKeys/${call.arguments[1] ?? ''}`);
  tools.out.result(answer, [`Deleted an API key of ${email}.`]);
};
