import { expect } from 'vitest';

import { CliProcess, runCli, type CliEnded } from './cli-process.ts';
import type { LiveVault } from './live-vault.ts';

/** `sealpost`, as somebody types it who works with a vault in the project `page`. */
export class VaultCli {
  readonly #vault: LiveVault;

  constructor(vault: LiveVault) {
    this.#vault = vault;
  }

  /** `line` without `sealpost`. */
  run(line: string): Promise<CliEnded> {
    return runCli(line.split(' '), this.#variables);
  }

  /** What it printed for people; nothing failed. */
  async said(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    expect(code, `${line}: ${stderr}`).toBe(0);
    return stdout;
  }

  async json(line: string): Promise<unknown> {
    return JSON.parse(await this.said(`${line} --json`));
  }

  /** How it failed: its exit code, and what it said on standard error. */
  async failure(
    line: string,
    server: string = this.#vault.url,
  ): Promise<readonly [number | null, string]> {
    const variables = { ...this.#variables, SEALPOST_SERVER: server };
    const { code, stdout, stderr } = await runCli(line.split(' '), variables);
    expect(stdout).toBe('');
    return [code, stderr];
  }

  /** One that goes on until Ctrl-C gets one as soon as it has said `begun`. */
  async interrupted(line: string, begun: RegExp): Promise<CliEnded> {
    const running = new CliProcess(line.split(' '), this.#variables);
    await running.said('stderr', begun);
    running.child.kill('SIGINT');
    return running.ended;
  }

  /** A key of the region that services of the project may use. */
  async makeKey(name: string): Promise<void> {
    await this.run('keys rings create us-central1/cafe');
    await this.said(`keys create us-central1/cafe/${name}`);
    expect(await this.said(`keys grant us-central1/cafe/${name} --service run`)).toMatch(
      /^Services of page may use \S+: \d+@serverless-robot-prod\.iam\.gserviceaccount\.com is bound/,
    );
  }

  get #variables(): Record<string, string> {
    return { SEALPOST_SERVER: this.#vault.url, SEALPOST_PROJECT: 'page' };
  }
}

/** The cells of a table, row by row, without its titles. */
export function rowsOf(table: string): string[][] {
  return table
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/));
}
