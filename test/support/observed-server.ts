import { join } from 'node:path';

import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { startServer, type Server } from '../../src/server.ts';
import { BrokerLoad } from './broker-load.ts';
import { JumpingClock } from './jumping-clock.ts';
import { PrometheusProcess } from './prometheus-process.ts';
import { temporaryFolder } from './server-process.ts';

/** A whole server, a Prometheus that scrapes it, and something for both to do. */
export class ObservedServer {
  readonly load: BrokerLoad;
  readonly prometheus: PrometheusProcess;
  readonly url: string;
  readonly #server: Server;
  readonly #folder: { remove(): void };

  static async start(): Promise<ObservedServer> {
    const folder = temporaryFolder();
    const clock = new JumpingClock();
    const dataDir = join(folder.path, 'data');
    const argv = ['--port', '0', '--data-dir', dataDir, '--drain-seconds', '1'];
    const server = await startServer(parseConfig(argv, {}), { clock, log: silentLogger });
    const observed = new ObservedServer(server, clock, folder);
    await observed.prometheus.start();
    await observed.load.start();
    return observed;
  }

  private constructor(server: Server, clock: JumpingClock, folder: { remove(): void }) {
    this.#server = server;
    this.#folder = folder;
    this.url = server.url;
    this.load = new BrokerLoad(server.port, clock);
    this.prometheus = new PrometheusProcess(`127.0.0.1:${server.port}`);
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.prometheus.stop();
    await this.#server.stop();
    this.#folder.remove();
  }
}
