import { describe, expect, test } from 'vitest';
import { readDocument } from './document-reader.ts';
import { documentShape } from '../shapes/document-shape.ts';
import { problemLines } from './problem.ts';
import { documentBytesMax, yamlSource } from './yaml-source.ts';

const read = (text: string): ReturnType<typeof readDocument> =>
  readDocument(yamlSource(text), documentShape);
const linesOf = (text: string): string[] => problemLines('f.yaml', read(text).problems);

describe('a document', () => {
  test('may be empty, and what is left empty has no fields', () => {
    expect(read('').value).toEqual({});
    expect(read('projects: {cafe: {topics: {orders: , dead: {}}}}').value).toEqual({
      projects: { cafe: { topics: { orders: {}, dead: {} } } },
    });
  });

  test('tells every problem at once, with its line and column', () => {
    const text = [
      'projects:',
      '  cafe:',
      '    topics:',
      '      orders:',
      '        messageRetentionDuration: 5s',
      '        lables: {a: b}',
      '    subscriptions:',
      '      kitchen:',
      '        topic: orders',
      '        ackDeadlineSeconds: ten',
      'project: {}',
    ].join('\n');
    expect(linesOf(text)).toEqual([
      'f.yaml:5:35: projects.cafe.topics.orders.messageRetentionDuration: must be from 600s to 2678400s',
      'f.yaml:6:9: projects.cafe.topics.orders.lables: is not known; did you mean labels?',
      'f.yaml:10:29: projects.cafe.subscriptions.kitchen.ackDeadlineSeconds: must be a whole number from 10 to 600',
      'f.yaml:11:1: project: is not known; did you mean projects?',
    ]);
  });

  test('says what may stand where nothing is near', () => {
    expect(linesOf('organization: {bindings: []}')).toEqual([
      'f.yaml:1:16: organization.bindings: is not known; known are iam',
    ]);
  });

  test('may have a name only once', () => {
    const text = 'projects:\n  cafe: {}\n  cafe: {}\n';
    expect(linesOf(text)).toEqual(['f.yaml:3:3: a name may stand here only once']);
  });

  test('with an error of form is not read any further', () => {
    const lines = linesOf('projects:\n  cafe: [\nother: 1\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).not.toContain('is not known');
  });

  test('is one, not several', () => {
    expect(linesOf('projects: {}\n---\nprojects: {}\n')).toHaveLength(1);
  });

  test('has its names read as they are, __proto__ too', () => {
    const { value, problems } = read('projects: {cafe: {topics: {__proto__: {}}}}');
    expect(problems.map(({ path }) => path)).toEqual(['projects.cafe.topics.__proto__']);
    expect(value['projects']).toEqual({ cafe: { topics: {} } });
    expect(linesOf('constructor: {}')[0]).toContain('is not known');
  });

  test('asks for quotes where YAML reads a number', () => {
    const [line] = linesOf('projects: {cafe: {topics: {orders: {labels: {a: 1}}}}}');
    expect(line).toContain('labels.a: must be a text: write "1"');
  });
});

describe('aliases', () => {
  test('stand for what their anchor marks, the last of its name', () => {
    const text = [
      'x-one: &labels {a: b}',
      'x-two: &labels {c: d}',
      'projects: {cafe: {topics: {orders: {labels: *labels}}}}',
    ].join('\n');
    expect(read(text)).toMatchObject({
      value: { projects: { cafe: { topics: { orders: { labels: { c: 'd' } } } } } },
      problems: [],
    });
  });

  test('that multiply end at a number of values', () => {
    const levels = Array.from({ length: 9 }, (_, at) => {
      const below = at === 0 ? 'allUsers' : `*a${at - 1}`;
      return `x-${at}: &a${at} [${Array.from({ length: 10 }, () => below).join(', ')}]`;
    });
    const members = [
      'projects: {cafe: {iam: {bindings: [{role: roles/viewer, members: [',
      Array.from({ length: 1500 }, () => '*binding').join(','),
      ']}]}}}',
    ].join('');
    expect(linesOf(levels.join('\n'))).toEqual([]);
    const wide = `x-b: &binding allUsers\n${members}`;
    expect(linesOf(wide)).toEqual([]);
    const bindings = Array.from({ length: 300 }, () => '*one').join(',');
    const bomb = [
      `x-m: &members [${Array.from({ length: 1000 }, () => 'allUsers').join(',')}]`,
      'x-o: &one {role: roles/viewer, members: *members}',
      `projects: {cafe: {iam: {bindings: [${bindings}]}}}`,
    ].join('\n');
    const lines = linesOf(bomb);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('is more than 250000 values, those behind aliases counted');
  });

  test('of what they are in are refused, not followed', () => {
    expect(linesOf('projects: &a {cafe: *a}')).toEqual([
      'f.yaml:1:15: projects.cafe.cafe: is not known; known are iam, accounts, keyRings, schemas, topics, subscriptions',
    ]);
  });

  test('of nothing, or of what comes later, are told', () => {
    expect(linesOf('projects: *nothing')).toEqual([
      'f.yaml:1:11: projects: has no anchor &nothing before it',
    ]);
    expect(linesOf('projects: *later\nx-later: &later {}')).toHaveLength(1);
  });
});

describe('what is too much', () => {
  test('is refused by its size', () => {
    expect(linesOf(`# ${'a'.repeat(documentBytesMax)}`)).toEqual([
      'f.yaml:1:1: must be at most 10485760 bytes',
    ]);
  });

  test.each(['[', '{a: ', '- '])('is refused by its depth: %s', (opening) => {
    const lines = linesOf(opening.repeat(20_000));
    expect(lines[0]).toMatch(/^f\.yaml:1:1: (?:is nested too deep|must be a mapping)/);
  });

  test('has at most a hundred lines of problems, and says how many more there are', () => {
    const topics = Array.from({ length: 150 }, (_, at) => `topic-${at}: {x: 1}`).join(', ');
    const lines = linesOf(`projects: {cafe: {topics: {${topics}}}}`);
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toBe('… and 50 more');
  });
});
