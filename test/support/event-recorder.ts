import { silentObserver, type BrokerObserver } from '../../src/broker/index.ts';

type Event = keyof BrokerObserver;

/** What a broker reported, in order: the name of each event and what came with it. */
export class EventRecorder {
  readonly events: [Event, ...unknown[]][] = [];

  readonly observer: BrokerObserver = new Proxy(silentObserver, {
    get:
      (_, name: Event) =>
      (...args: unknown[]) =>
        void this.events.push([name, ...args]),
  });

  /** Those of these names since the last call, which forgets all others too. */
  take(...names: readonly Event[]): [Event, ...unknown[]][] {
    return this.events.splice(0).filter(([name]) => names.includes(name));
  }
}
