import type { Action } from '../command/command-spec.ts';
import { shortKey } from '../connection/resource-names.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { ageText } from '../output/plain-text.ts';
import { fieldLines } from '../output/table.ts';
import {
  actionAnnotation,
  annotationOf,
  conditionOf,
  hoursAnnotation,
  idOf,
  keyAnnotation,
  listAll,
  listIn,
  locationOf,
  objectIn,
  serviceName,
} from './knative.ts';

const revisionColumns = ['REVISION', 'AGE', 'KEY', 'TRAFFIC', 'READY', 'DETAIL'].map((title) => ({
  title,
}));

export const listRevisions: Action = async ({ arguments: [id = ''], flags }, tools) => {
  const labels = `serving.knative.dev/service=${id}`;
  const service = await tools.api.get(serviceName(id, flags, tools));
  const found = await listAll(tools, `${locationOf(flags, tools)}/revisions`, labels);
  const revisions = found.toSorted((one, other) => createdMs(other) - createdMs(one));
  const nowMs = tools.clock.wallMs();
  const row = (revision: Json): string[] => {
    const ready = conditionOf(revision, 'Ready');
    return [
      idOf(revision),
      ageText(textIn(objectIn(revision, 'metadata'), 'creationTimestamp'), nowMs),
      shortKey(annotationOf(revision, keyAnnotation)),
      shareOf(service, idOf(revision)),
      textIn(ready, 'status'),
      textIn(ready, 'message'),
    ];
  };
  tools.out.list(revisions, revisionColumns, row, `There are no revisions of ${id}.`);
};

const createdMs = (revision: Json): number =>
  Date.parse(textIn(objectIn(revision, 'metadata'), 'creationTimestamp'));

function shareOf(service: Json, revision: string): string {
  const targets = listIn(service, 'status', 'traffic').filter(
    (target) => target['revisionName'] === revision,
  );
  const percent = targets.reduce((sum, target) => sum + Number(target['percent'] ?? 0), 0);
  return targets.length === 0 ? '' : `${percent} %`;
}

export const describeRevision: Action = async ({ arguments: [id = ''], flags }, tools) => {
  const name = `${locationOf(flags, tools)}/revisions/${id}`;
  const revision = await tools.api.get(name);
  const container = listIn(revision, 'spec', 'containers')[0] ?? {};
  const conditions = listIn(revision, 'status', 'conditions').map((condition, at) => {
    const { type, status } = condition;
    const text = [String(type), String(status), textIn(condition, 'message')].join(' ').trim();
    return [at === 0 ? 'Conditions' : '', text] as const;
  });
  const lines = fieldLines([
    ['Revision', name],
    ['Image', textIn(container, 'image')],
    ['Digest', textIn(objectIn(revision, 'status'), 'imageDigest')],
    ['Key', annotationOf(revision, keyAnnotation) || "the server's own"],
    ['On revocation', annotationOf(revision, actionAnnotation) || 'prevent-new'],
    ['Hours', annotationOf(revision, hoursAnnotation)],
    ...conditions,
  ]);
  tools.out.result(revision, lines);
};

export const deleteRevision: Action = async ({ arguments: [id = ''], flags }, tools) => {
  const name = `${locationOf(flags, tools)}/revisions/${id}`;
  await tools.api.delete(name);
  tools.out.result({ name }, [`Deleted ${name}.`]);
};
