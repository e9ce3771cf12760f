import { pause } from '../../runtime/index.ts';
import { CommandError } from '../command/command-error.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { conditionOf, idOf, keyAnnotation, objectIn, templateAnnotation } from './knative.ts';

const lookMs = 250;

/**
 * Waits until a service's newest specification is ready, or will not be.
 *
 * @throws CommandError with the condition's own message if it failed, and what to try
 */
export async function settled(tools: Tools, name: string): Promise<Json> {
  const stop = tools.terminal.stopSignal();
  const told = new Set<string>();
  for (;;) {
    const service = await tools.api.get(name);
    const ready = conditionOf(service, 'Ready');
    const status = isObserved(service) ? ready['status'] : 'Unknown';
    if (status === 'True') return service;
    if (status === 'False') throw failure(tools, service, ready);
    const message = textIn(ready, 'message');
    if (message !== '' && !told.has(message)) tools.out.note(message);
    told.add(message);
    if (stop.aborted) throw leftAlone(idOf(service));
    await pause(tools.clock, lookMs, stop);
  }
}

const isObserved = (service: Json): boolean =>
  textIn(objectIn(service, 'metadata'), 'generation') ===
  textIn(objectIn(service, 'status'), 'observedGeneration');

function leftAlone(id: string): CommandError {
  return new CommandError('The deployment goes on in the server.', {
    exitCode: exitCodes.interrupted,
    hint: `Look again with: sealpost run services describe ${id}`,
  });
}

function failure(tools: Tools, service: Json, ready: Json): CommandError {
  const message = textIn(ready, 'message');
  const isOfKey = textIn(ready, 'reason').startsWith('EncryptionKey');
  return new CommandError(message, {
    exitCode: isOfKey ? exitCodes.refused : exitCodes.failed,
    hint: hintOf(tools, service, message),
  });
}

/** What the owner of a key does about each sentence that refuses its use. */
const keyHints: readonly (readonly [RegExp, (key: string) => string])[] = [
  [/does not have CMEK decrypter/, (key) => `sealpost keys grant ${key} --service run`],
  [/has been disabled/, (key) => `sealpost keys versions enable ${key} VERSION`],
  [/scheduled for deletion/, (key) => `sealpost keys versions restore ${key} VERSION`],
  [/has been destroyed/, () => 'another key: sealpost run deploy SERVICE --key KEY'],
];

function hintOf({ names }: Tools, service: Json, message: string): string {
  const key = templateAnnotation(service, keyAnnotation);
  const project = names.project();
  const isOwn = key.split('/')[1] === project;
  const shown = isOwn ? shortKey(key) : `${key} --project ${project}`;
  const remedy = keyHints.find(([sentence]) => sentence.test(message))?.[1];
  // Sentences of keys end with a name, which nothing may follow.
  if (remedy !== undefined) return `\nTry: ${remedy(shown)}`;
  return `\nMore of it: sealpost run logs ${idOf(service)}`;
}
