import type { KeyUseSource } from '../api/index.ts';
import type { BrokerService } from '../broker/index.ts';
import { RpcError } from '../rpc/index.ts';

type Silent =
  | 'isExactlyOnce'
  | 'giveBack'
  | 'onRevoked'
  | 'streamAcknowledge'
  | 'streamModifyAckDeadline';

const publisher = 'google.pubsub.v1.Publisher';
const subscriber = 'google.pubsub.v1.Subscriber';

/** The method that a client called, by what the API asks the broker for it. */
const rpcNames: Readonly<Record<Exclude<keyof BrokerService, Silent>, string>> = {
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

/** What the API calls where there is no broker: every method is UNIMPLEMENTED, by its name. */
export function absentBroker(): BrokerService {
  const refusals = Object.entries(rpcNames).map(([method, rpc]) => [
    method,
    async () => {
      throw ofBroker(rpc);
    },
  ]);
  const silent: Pick<BrokerService, Silent> = {
    isExactlyOnce: () => false,
    giveBack: () => undefined,
    onRevoked: () => () => undefined,
    streamAcknowledge: () => undefined,
    streamModifyAckDeadline: () => undefined,
  };
  return { ...Object.fromEntries(refusals), ...silent } as BrokerService;
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
