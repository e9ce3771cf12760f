import { isObject, type Json, type JsonObject } from '../json.ts';
import type { Change } from '../normal-form.ts';
import type { Action, Step } from './step.ts';

/** A line of a plan for people; `action` says how to colour it. */
export interface PlanLine {
  readonly action: Action;
  readonly text: string;
}

const marks: Readonly<Record<Action, string>> = { create: '+', update: '~', delete: '-' };
const valueLength = 120;

/** `+ topic projects/p/topics/t` and, below it, its fields. */
export function planLines(steps: readonly Step[]): PlanLine[] {
  return steps.flatMap((step) => {
    const { action, noun, name, changes } = step;
    const head = { action, text: `${marks[action]} ${noun} ${name}` };
    return [head, ...changes.flatMap((change) => changeLines(step, change))];
  });
}

function changeLines({ action, noun }: Step, { path, from, to }: Change): PlanLine[] {
  const field = path.join('.');
  if (action === 'create' || noun === 'key file') {
    return [{ action, text: `    ${field}: ${shown(to)}` }];
  }
  if (noun !== 'policy') {
    return [{ action, text: `    ${field}: ${shown(from)} → ${shown(to)}` }];
  }
  const had = listOf(from);
  const has = listOf(to);
  const gone = had.filter((member) => !has.includes(member));
  const come = has.filter((member) => !had.includes(member));
  return [
    ...gone.map((member): PlanLine => ({ action: 'delete', text: `    - ${field}: ${member}` })),
    ...come.map((member): PlanLine => ({ action: 'create', text: `    + ${field}: ${member}` })),
  ];
}

const listOf = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.map(String) : [];

function shown(value: Json | undefined): string {
  if (value === undefined) return 'not set';
  const text = JSON.stringify(value);
  if (text.length <= valueLength) return text;
  const size = Buffer.byteLength(text);
  return isObject(value) || Array.isArray(value)
    ? `${text.slice(0, valueLength)}… (${size} bytes of JSON)`
    : `${text.slice(0, valueLength)}… (${size} bytes)`;
}

/** `2 to create, 1 to update, 0 to delete`. */
export function planSummary(steps: readonly Step[]): string {
  const counts = actionCounts(steps);
  return `${counts.create} to create, ${counts.update} to update, ${counts.delete} to delete`;
}

export function actionCounts(steps: readonly Step[]): Readonly<Record<Action, number>> {
  const count = (action: Action): number => steps.filter((step) => step.action === action).length;
  return { create: count('create'), update: count('update'), delete: count('delete') };
}

/** A step for programs. */
export function stepJson({ action, noun, name, changes }: Step): JsonObject {
  return {
    action,
    kind: noun,
    name,
    changes: changes.map(({ path, from, to }) => ({
      field: path.join('.'),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    })),
  };
}
