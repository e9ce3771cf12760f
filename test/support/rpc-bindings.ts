/** How a call travels over REST. */
export interface Binding {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';
  /** Below `/v1/`, encoded. */
  readonly path: string;
  readonly body?: unknown;
}

type Request = Readonly<Record<string, unknown>>;

/** Each segment of a resource's name, percent-encoded. */
export function encodeName(name: unknown): string {
  return String(name).split('/').map(encodeURIComponent).join('/');
}

const create = ({ name, ...body }: Request): Binding => ({
  method: 'PUT',
  path: encodeName(name),
  body,
});

const get =
  (field: string) =>
  (request: Request): Binding => ({ method: 'GET', path: encodeName(request[field]) });

const remove =
  (field: string) =>
  (request: Request): Binding => ({ method: 'DELETE', path: encodeName(request[field]) });

const list =
  (field: string, collection: string) =>
  ({ [field]: parent, ...rest }: Request): Binding => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(rest)) query.set(name, String(value));
    return { method: 'GET', path: `${encodeName(parent)}/${collection}?${query.toString()}` };
  };

const update =
  (field: string) =>
  (request: Request): Binding => {
    const { name } = (request[field] ?? {}) as { name?: string };
    return { method: 'PATCH', path: encodeName(name), body: request };
  };

const custom =
  (field: string, verb: string) =>
  ({ [field]: resource, ...body }: Request): Binding => ({
    method: 'POST',
    path: `${encodeName(resource)}:${verb}`,
    body,
  });

const bodyless =
  (field: string, verb: string) =>
  ({ [field]: resource }: Request): Binding => ({
    method: 'POST',
    path: `${encodeName(resource)}:${verb}`,
  });

const queryOf = (fields: Request): string => {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(
    set.map(([name, value]): [string, string] => [name, String(value)]),
  );
  return query.size === 0 ? '' : `?${query.toString()}`;
};

/** All but the name in the query. */
const queried =
  (method: Binding['method'], verb: string) =>
  ({ name, ...rest }: Request): Binding => ({
    method,
    path: `${encodeName(name)}${verb}${queryOf(rest)}`,
  });

const collection =
  (rest: string) =>
  ({ parent, ...body }: Request): Binding => ({
    method: 'POST',
    path: `${encodeName(parent)}/${rest}`,
    body,
  });

export type Rpc =
  | 'CreateTopic'
  | 'GetTopic'
  | 'ListTopics'
  | 'UpdateTopic'
  | 'DeleteTopic'
  | 'Publish'
  | 'ListTopicSubscriptions'
  | 'CreateSubscription'
  | 'GetSubscription'
  | 'ListSubscriptions'
  | 'UpdateSubscription'
  | 'DeleteSubscription'
  | 'Pull'
  | 'Acknowledge'
  | 'ModifyAckDeadline'
  | 'ModifyPushConfig'
  | 'ListTopicSnapshots'
  | 'DetachSubscription'
  | 'CreateSnapshot'
  | 'GetSnapshot'
  | 'ListSnapshots'
  | 'UpdateSnapshot'
  | 'DeleteSnapshot'
  | 'Seek'
  | 'CreateSchema'
  | 'GetSchema'
  | 'ListSchemas'
  | 'ListSchemaRevisions'
  | 'CommitSchema'
  | 'RollbackSchema'
  | 'DeleteSchemaRevision'
  | 'DeleteSchema'
  | 'ValidateSchema'
  | 'ValidateMessage';

/** pubsub.v1's unary methods, as cloud.google.com/pubsub/docs/reference/rest lists them. */
export const rpcBindings: Readonly<Record<Rpc, (request: Request) => Binding>> = {
  CreateTopic: create,
  GetTopic: get('topic'),
  ListTopics: list('project', 'topics'),
  UpdateTopic: update('topic'),
  DeleteTopic: remove('topic'),
  Publish: custom('topic', 'publish'),
  ListTopicSubscriptions: list('topic', 'subscriptions'),
  CreateSubscription: create,
  GetSubscription: get('subscription'),
  ListSubscriptions: list('project', 'subscriptions'),
  UpdateSubscription: update('subscription'),
  DeleteSubscription: remove('subscription'),
  Pull: custom('subscription', 'pull'),
  Acknowledge: custom('subscription', 'acknowledge'),
  ModifyAckDeadline: custom('subscription', 'modifyAckDeadline'),
  ModifyPushConfig: custom('subscription', 'modifyPushConfig'),
  ListTopicSnapshots: list('topic', 'snapshots'),
  DetachSubscription: bodyless('subscription', 'detach'),
  CreateSnapshot: create,
  GetSnapshot: get('snapshot'),
  ListSnapshots: list('project', 'snapshots'),
  UpdateSnapshot: update('snapshot'),
  DeleteSnapshot: remove('snapshot'),
  Seek: custom('subscription', 'seek'),
  CreateSchema: ({ parent, schemaId, schema }) => ({
    method: 'POST',
    path: `${encodeName(parent)}/schemas${queryOf({ schemaId })}`,
    body: schema,
  }),
  GetSchema: queried('GET', ''),
  ListSchemas: list('parent', 'schemas'),
  ListSchemaRevisions: queried('GET', ':listRevisions'),
  CommitSchema: custom('name', 'commit'),
  RollbackSchema: custom('name', 'rollback'),
  DeleteSchemaRevision: queried('DELETE', ':deleteRevision'),
  DeleteSchema: remove('name'),
  ValidateSchema: collection('schemas:validate'),
  ValidateMessage: collection('schemas:validateMessage'),
};
