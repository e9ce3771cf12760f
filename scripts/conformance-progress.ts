import { basename } from 'node:path';

import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

/** The suites' names and the case's own, as vitest's JSON report and name patterns join them. */
function fullNameOf(testCase: TestCase): string {
  const names = [testCase.name];
  for (let { parent } = testCase; parent.type === 'suite'; { parent } = parent) {
    names.unshift(parent.name);
  }
  return names.join(' ');
}

/**
 * Says which file of cases is begun and which is done, and how many there are; tells of each case
 * that got no answer in its time.
 */
export class ConformanceProgress implements Reporter {
  readonly #fileCount: number;
  readonly #print: (line: string) => void;
  readonly #unanswered: (caseName: string, vitest: Vitest) => void;
  #vitest: Vitest | undefined;
  #begun = 0;
  #done = 0;

  constructor(
    fileCount: number,
    print: (line: string) => void,
    unanswered: (caseName: string, vitest: Vitest) => void,
  ) {
    this.#fileCount = fileCount;
    this.#print = print;
    this.#unanswered = unanswered;
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestModuleStart({ moduleId }: Pick<TestModule, 'moduleId'>): void {
    this.#print(`${++this.#begun} of ${this.#fileCount} begun: ${basename(moduleId)}`);
  }

  onTestCaseResult(testCase: TestCase): void {
    const { errors = [] } = testCase.result();
    if (!errors.some(({ message }) => message.startsWith('Test timed out in '))) return;
    if (this.#vitest !== undefined) this.#unanswered(fullNameOf(testCase), this.#vitest);
  }

  onTestModuleEnd({ moduleId }: Pick<TestModule, 'moduleId'>): void {
    this.#print(`${++this.#done} of ${this.#fileCount} done: ${basename(moduleId)}`);
  }
}
