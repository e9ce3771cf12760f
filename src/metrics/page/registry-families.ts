import type { Registry } from 'prom-client';
import { boundText, labelText, type Family, type FamilyType, type Page } from './exposition.ts';

interface RegistrySample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly metricName?: string;
}

/** What prom-client gathers, as families of our page: its own writer renames in OpenMetrics. */
export async function registryFamilies(registry: Registry): Promise<Family[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map((metric) => ({
    name: metric.name,
    help: metric.help,
    type: String(metric.type) as FamilyType,
    *write(page: Page): Iterable<void> {
      for (const sample of metric.values as readonly RegistrySample[]) {
        page.sample(sample.metricName ?? metric.name, labelText(canonical(sample)), sample.value);
        yield;
      }
    },
  }));
}

function canonical({ labels }: RegistrySample): RegistrySample['labels'] {
  const { le, ...rest } = labels;
  if (le === undefined) return labels;
  return { ...rest, le: boundText(le === '+Inf' ? Infinity : Number(le)) };
}
