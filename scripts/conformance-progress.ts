import { basename } from 'node:path';

import type { Reporter, TestModule } from 'vitest/node';

/** Says which file of cases is begun and which is done, and how many there are. */
export class ConformanceProgress implements Reporter {
  readonly #fileCount: number;
  readonly #print: (line: string) => void;
  #begun = 0;
  #done = 0;

  constructor(fileCount: number, print: (line: string) => void) {
    this.#fileCount = fileCount;
    this.#print = print;
  }

  onTestModuleStart({ moduleId }: Pick<TestModule, 'moduleId'>): void {
    this.#print(`${++this.#begun} of ${this.#fileCount} begun: ${basename(moduleId)}`);
  }

  onTestModuleEnd({ moduleId }: Pick<TestModule, 'moduleId'>): void {
    this.#print(`${++this.#done} of ${this.#fileCount} done: ${basename(moduleId)}`);
  }
}
