import { create } from '@bufbuild/protobuf';

import { invalidArgument, type BrokerService, type TransformsOf } from '../../broker/index.ts';
import {
  MessageTransformSchema,
  PubsubMessageSchema,
  TopicSchema,
  type PubsubMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { camelCase, statusTable } from '../../rpc/index.ts';
import type {
  MessageTransform,
  TransformableMessage,
  TransformOutcome,
} from '../../transforms/index.ts';
import type { JsonValue } from '../json.ts';
import { invalidPayload, type JsonObject } from '../json/json-body.ts';
import { excerpt, messageFromJson, messageToJson } from '../json/proto-json.ts';
import { timeOf } from './time-fields.ts';
import { transformFromMessage, transformsFromMessages } from './transform-message.ts';
import { checkSubscriptionName, checkTopicName } from './validation.ts';

/** Body and answer of validateMessageTransform, which is in no public proto. */
export async function validateMessageTransform(
  broker: BrokerService,
  body: JsonObject,
): Promise<JsonValue> {
  checkFields(body, ['message_transform'], '');
  const json = fieldOf(body, 'message_transform');
  if (!isObject(json)) throw invalidArgument('message_transform: must be set');
  const message = messageFromJson(MessageTransformSchema, json);
  await broker.transforms.check(transformFromMessage(message, 'message_transform'));
  return {};
}

/** The same of testMessageTransforms. */
export async function testMessageTransforms(
  broker: BrokerService,
  body: JsonObject,
  project: string,
): Promise<JsonValue> {
  checkFields(body, ['message', 'message_transforms', 'subscription', 'topic'], '');
  const json = fieldOf(body, 'message');
  if (!isObject(json)) throw invalidArgument('message: must be set');
  const given = messageFromJson(PubsubMessageSchema, json);
  const outcomes = await broker.transforms.test(
    transformableOf(given),
    transformsOf(body, project),
  );
  return { transformedMessages: outcomes.map((outcome) => shown(outcome, given)) };
}

function transformableOf(message: PubsubMessage): TransformableMessage {
  const { data, attributes, orderingKey, messageId, publishTime } = message;
  if (data.length === 0 && Object.keys(attributes).length === 0) {
    throw invalidArgument('message: must have non-empty data or at least one attribute');
  }
  const publishTimeMs = publishTime && timeOf('message.publish_time', publishTime);
  return {
    data,
    attributes,
    orderingKey,
    messageId,
    ...(publishTimeMs !== undefined && { publishTimeMs }),
  };
}

/** Exactly one of three; a resource is of the project that was asked, by whom that may be asked. */
function transformsOf(body: JsonObject, project: string): TransformsOf {
  const messageTransforms = fieldOf(body, 'message_transforms');
  const { subscription, topic } = body;
  const given = [messageTransforms, subscription, topic].filter((each) => isGiven(each));
  if (given.length !== 1) {
    throw invalidArgument('message_transforms, subscription, topic: exactly one must be set');
  }
  if (isGiven(topic)) {
    const name = textOf(topic, 'topic');
    checkTopicName(name);
    checkWithin(name, project, 'topic');
    return { topic: name };
  }
  if (isGiven(subscription)) {
    const name = textOf(subscription, 'subscription');
    checkSubscriptionName(name);
    checkWithin(name, project, 'subscription');
    return { subscription: name };
  }
  return { transforms: listedTransforms(messageTransforms) };
}

function checkWithin(name: string, project: string, field: string): void {
  if (!name.startsWith(`${project}/`)) throw invalidArgument(`${field}: must be in ${project}`);
}

const isGiven = (json: JsonValue | undefined): json is Exclude<JsonValue, null | ''> =>
  json !== undefined && json !== null && json !== '';

function textOf(json: JsonValue, field: string): string {
  if (typeof json !== 'string') throw invalidPayload(`Invalid value at '${field}'.`, field);
  return json;
}

/** Read as a topic's, which have the same name and form. */
function listedTransforms(json: JsonValue | undefined): MessageTransform[] {
  const field = 'message_transforms';
  if (!isObject(json)) throw invalidPayload(`Invalid value at '${field}'.`, field);
  checkFields(json, [field], `${field}.`);
  const { messageTransforms } = messageFromJson(TopicSchema, json);
  return transformsFromMessages(messageTransforms, `${field}.${field}`);
}

const isObject = (json: JsonValue | undefined): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** `known`: the names of the fields, of which JSON has two spellings. */
function checkFields(json: JsonObject, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(json)) {
    if (known.some((each) => name === each || name === camelCase(each))) continue;
    const at = prefix === '' ? '' : ` at '${prefix.slice(0, -1)}'`;
    throw invalidPayload(`Unknown name ${JSON.stringify(excerpt(name))}${at}: Cannot find field.`);
  }
}

/** In either spelling. */
const fieldOf = (json: JsonObject, name: string): JsonValue | undefined =>
  json[camelCase(name)] ?? json[name];

/** What the message was then; it keeps all that transforms cannot change. */
function shown(outcome: TransformOutcome, given: PubsubMessage): JsonValue {
  if (outcome.kind === 'filtered') return { filteredMessage: {} };
  if (outcome.kind === 'failed') {
    return {
      failedMessage: {
        error: { code: statusTable.INVALID_ARGUMENT.number, message: outcome.message },
      },
    };
  }
  const { data, attributes } = outcome;
  const message = create(PubsubMessageSchema, { ...given, data, attributes: { ...attributes } });
  return { transformedMessage: messageToJson(PubsubMessageSchema, message) };
}
