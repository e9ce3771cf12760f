import type { Clock } from '../../runtime/index.ts';
import type { ResourceNames } from '../connection/resource-names.ts';
import { shortKey } from '../connection/resource-names.ts';
import { Refusal } from '../connection/refusal.ts';
import { textIn, type RestApi } from '../connection/rest-api.ts';
import { primaryOf } from '../resources/key-actions.ts';
import { parseMetrics } from './prometheus-text.ts';
import { namesIn, sumsOf, type Look } from './snapshot.ts';

/** Keys that are asked for in one look; the state of further ones is not shown. */
const keysMax = 50;
/** Projects that are listed where none was named. */
const projectsMax = 20;

/** Asks the server for its metrics, topics, subscriptions and the states of their keys. */
export async function takeLook(api: RestApi, names: ResourceNames, clock: Clock): Promise<Look> {
  const page = await api.page('metrics');
  const atMs = clock.monotonicMs();
  const sums = sumsOf(parseMetrics(page.text));
  const listed = [...namesIn(sums, 'topics'), ...namesIn(sums, 'subscriptions')];
  const projects = names.hasProject
    ? [names.project()]
    : [...new Set(listed.map((name) => name.split('/')[1]!))].slice(0, projectsMax);
  const topics: Look['topics'] extends ReadonlyMap<string, infer Row> ? Map<string, Row> : never =
    new Map();
  const subscriptions = new Map<string, { topic: string; isDetached: boolean }>();
  const keyNames = new Map<string, string>();
  for (const project of projects) {
    for (const topic of await api.list(`projects/${project}/topics`, 'topics')) {
      keyNames.set(textIn(topic, 'name'), textIn(topic, 'kmsKeyName'));
    }
    for (const each of await api.list(`projects/${project}/subscriptions`, 'subscriptions')) {
      const isDetached = each['detached'] === true;
      subscriptions.set(textIn(each, 'name'), { topic: textIn(each, 'topic'), isDetached });
    }
  }
  const states = await keyStates(api, keyNames.values());
  for (const [topic, name] of keyNames) {
    topics.set(topic, { key: shortKey(name), keyState: states.get(name) ?? '' });
  }
  return { atMs, sums, topics, subscriptions };
}

async function keyStates(api: RestApi, names: Iterable<string>): Promise<Map<string, string>> {
  const distinct = [...new Set(names)].filter((name) => name !== '').slice(0, keysMax);
  const states = await Promise.all(distinct.map((name) => keyState(api, name)));
  return new Map(distinct.map((name, at) => [name, states[at]!]));
}

async function keyState(api: RestApi, name: string): Promise<string> {
  try {
    const { id, state } = primaryOf(await api.get(name));
    return state === '' ? 'NO PRIMARY' : `${state} ${id}`;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}
