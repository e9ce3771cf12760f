import type { RunPolicy } from './run-service.ts';

/** The policies of services as they are stored, in memory, so that a decision waits for nothing. */
export interface ServicePolicies {
  /** Of `projects/P/locations/L/services/S`; undefined if none was ever set. */
  policyOf(service: string): RunPolicy | undefined;
  /** `listener` is told after each change. */
  onChange(listener: () => void): () => void;
}

/** Follows the rows: what a write in doubt has touched grants nothing until it is read again. */
export class PolicyMirror implements ServicePolicies {
  readonly #policies = new Map<string, RunPolicy>();
  readonly #listeners = new Set<() => void>();

  policyOf(service: string): RunPolicy | undefined {
    return this.#policies.get(service);
  }

  onChange(listener: () => void): () => void {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** `place` is `P/L/S`; null: it is gone. */
  set(place: string, policy: RunPolicy | null): void {
    const [project, location, serviceId] = place.split('/');
    const name = `projects/${project}/locations/${location}/services/${serviceId}`;
    if (policy === null) this.#policies.delete(name);
    else this.#policies.set(name, policy);
    for (const listener of this.#listeners) listener();
  }
}
