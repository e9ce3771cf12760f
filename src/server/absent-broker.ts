import type { KeyUseSource } from '../api/index.ts';
import type {
  BacklogViews,
  BrokerService,
  SchemaAdministration,
  TransformAdministration,
} from '../broker/index.ts';
import { RpcError } from '../rpc/index.ts';

type Administrations = 'schemas' | 'transforms' | 'views';

type Silent =
  | 'isExactlyOnce'
  | 'giveBack'
  | 'onRevoked'
  | 'streamAcknowledge'
  | 'streamModifyAckDeadline';

const publisher = 'google.pubsub.v1.Publisher';
const subscriber = 'google.pubsub.v1.Subscriber';
const schemaService = 'google.pubsub.v1.SchemaService';
const projects = 'google.pubsub.v1.Projects';

/** The method that a client called, by what the API asks the broker for it. */
const rpcNames: Readonly<Record<Exclude<keyof BrokerService, Silent | Administrations>, string>> = {
  createTopic: `${publisher}.CreateTopic`,
  getTopic: `${publisher}.GetTopic`,
  updateTopic: `${publisher}.UpdateTopic`,
  deleteTopic: `${publisher}.DeleteTopic`,
  listTopics: `${publisher}.ListTopics`,
  listTopicSubscriptions: `${publisher}.ListTopicSubscriptions`,
  listTopicSnapshots: `${publisher}.ListTopicSnapshots`,
  detachSubscription: `${publisher}.DetachSubscription`,
  publish: `${publisher}.Publish`,
  createSubscription: `${subscriber}.CreateSubscription`,
  getSubscription: `${subscriber}.GetSubscription`,
  updateSubscription: `${subscriber}.UpdateSubscription`,
  deleteSubscription: `${subscriber}.DeleteSubscription`,
  listSubscriptions: `${subscriber}.ListSubscriptions`,
  modifyPushConfig: `${subscriber}.ModifyPushConfig`,
  seek: `${subscriber}.Seek`,
  createSnapshot: `${subscriber}.CreateSnapshot`,
  getSnapshot: `${subscriber}.GetSnapshot`,
  updateSnapshot: `${subscriber}.UpdateSnapshot`,
  deleteSnapshot: `${subscriber}.DeleteSnapshot`,
  listSnapshots: `${subscriber}.ListSnapshots`,
  pull: `${subscriber}.Pull`,
  openStream: `${subscriber}.StreamingPull`,
  acknowledge: `${subscriber}.Acknowledge`,
  acknowledgeEach: `${subscriber}.Acknowledge`,
  modifyAckDeadline: `${subscriber}.ModifyAckDeadline`,
  modifyAckDeadlineEach: `${subscriber}.ModifyAckDeadline`,
  createEphemeralSubscription: 'The subscription of a browser',
  deleteEphemeralSubscription: 'The subscription of a browser',
  diagnoseSubscription: 'The diagnosis of a subscription',
  diagnoseTopic: 'The diagnosis of a topic',
};

const schemaRpcNames: Readonly<Record<keyof SchemaAdministration, string>> = {
  createSchema: `${schemaService}.CreateSchema`,
  getSchema: `${schemaService}.GetSchema`,
  listSchemas: `${schemaService}.ListSchemas`,
  listSchemaRevisions: `${schemaService}.ListSchemaRevisions`,
  commitSchema: `${schemaService}.CommitSchema`,
  rollbackSchema: `${schemaService}.RollbackSchema`,
  deleteSchemaRevision: `${schemaService}.DeleteSchemaRevision`,
  deleteSchema: `${schemaService}.DeleteSchema`,
  validateSchema: `${schemaService}.ValidateSchema`,
  validateMessage: `${schemaService}.ValidateMessage`,
};

const transformRpcNames: Readonly<Record<keyof TransformAdministration, string>> = {
  check: `${projects}.validateMessageTransform`,
  test: `${projects}.testMessageTransforms`,
};

const viewRpcNames: Readonly<Record<keyof BacklogViews, string>> = {
  peek: 'A look into a subscription',
  previewSeek: 'The preview of a seek',
};

/** What the API calls where there is no broker: every method is UNIMPLEMENTED, by its name. */
export function absentBroker(): BrokerService {
  const silent: Pick<BrokerService, Silent> = {
    isExactlyOnce: () => false,
    giveBack: () => undefined,
    onRevoked: () => () => undefined,
    streamAcknowledge: () => undefined,
    streamModifyAckDeadline: () => undefined,
  };
  const schemas = refusals(schemaRpcNames);
  const transforms = refusals(transformRpcNames);
  const views = refusals(viewRpcNames);
  return {
    ...refusals(rpcNames),
    ...silent,
    schemas,
    transforms,
    views,
  } as unknown as BrokerService;
}

/** A method for each name, which throws. */
function refusals(names: Readonly<Record<string, string>>): Record<string, () => Promise<never>> {
  return Object.fromEntries(
    Object.entries(names).map(([method, rpc]) => [
      method,
      async (): Promise<never> => {
        throw ofBroker(rpc);
      },
    ]),
  );
}

/** What depends on keys is known where the DEKs are. */
export function absentKeyUse(): KeyUseSource {
  const rpc = 'sealpost.v1.KeyUse';
  return {
    keyUse: () => Promise.reject(ofBroker(`${rpc}.GetKeyUse`)),
    startRewrap: () => Promise.reject(ofBroker(`${rpc}.StartRewrap`)),
    rewrapProgress: () => {
      throw ofBroker(`${rpc}.GetRewrap`);
    },
  };
}

const ofBroker = (rpc: string): RpcError =>
  notServed(`${rpc} is not served here: this server has --roles kms.`);

/** UNIMPLEMENTED for what another process does. */
export function notServed(message: string): RpcError {
  return new RpcError('UNIMPLEMENTED', 'ROLE_NOT_SERVED', message);
}
