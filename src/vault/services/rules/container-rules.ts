import { cpuMillisOf, memoryBytesOf } from '../../instances/resource-quantity.ts';
import type { Container, EnvVariable, Probe } from '../service.ts';
import type { Violations } from './violations.ts';

const place = 'spec.template.spec.containers[0]';

/** Set for every instance by the container contract. */
const reservedEnv: ReadonlySet<string> = new Set([
  'PORT',
  'K_SERVICE',
  'K_REVISION',
  'K_CONFIGURATION',
]);

const envMax = 1_000;
const envBytesMax = 32_768;
const memoryMin = 32 * 2 ** 20;
const memoryMax = 32 * 2 ** 30;

export function checkContainer(container: Container, violations: Violations): void {
  const { image, name, port, workingDir } = container;
  if (image.trim() === '') violations.add(`${place}.image`, 'A container image is required.');
  else if (image.length > 1_000 || /\s/.test(image)) {
    violations.add(`${place}.image`, `Invalid image reference '${image.slice(0, 100)}'.`);
  }
  if (name !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
    violations.add(`${place}.name`, `Invalid container name '${name}': must be an RFC 1123 label.`);
  }
  checkPort(port, `${place}.ports[0].containerPort`, violations);
  checkPortName(container.portName, violations);
  if (workingDir !== undefined && workingDir !== '' && !workingDir.startsWith('/')) {
    violations.add(`${place}.workingDir`, 'Must be an absolute path.');
  }
  checkEnv(container.env, violations);
  checkLimits(container.limits, violations);
  checkProbe(container.startupProbe, `${place}.startupProbe`, 240, violations);
  checkProbe(container.livenessProbe, `${place}.livenessProbe`, 3_600, violations);
}

function checkPortName(portName: string | undefined, violations: Violations): void {
  const field = `${place}.ports[0].name`;
  if (portName === 'h2c') violations.refuse(field, 'HTTP/2 (h2c) is');
  else if (portName !== undefined && portName !== '' && portName !== 'http1') {
    violations.add(field, "Must be 'http1' or 'h2c'.");
  }
}

function checkPort(port: number, field: string, violations: Violations): void {
  if (isWithin(port, 1, 65_535)) return;
  violations.add(field, `Invalid value ${port}: must be between 1 and 65535.`);
}

function checkEnv(env: readonly EnvVariable[], violations: Violations): void {
  const reserved = env.map(({ name }) => name).filter((name) => reservedEnv.has(name));
  if (reserved.length > 0) {
    const list = [...new Set(reserved)].join(', ');
    const text = `The following reserved env names were provided: ${list}.`;
    violations.add(`${place}.env`, `${text} These values are automatically set by the system.`);
  }
  if (env.length > envMax) violations.add(`${place}.env`, `At most ${envMax} variables.`);
  const seen = new Set<string>();
  for (const [index, { name, value }] of env.entries()) {
    const field = `${place}.env[${index}]`;
    // A process cannot be given a name with `=`, nor any zero byte.
    if (!/^[^=\0]{1,1000}$/.test(name)) violations.add(`${field}.name`, 'Not a variable name.');
    if (seen.has(name)) violations.add(`${field}.name`, `The variable '${name}' occurs twice.`);
    seen.add(name);
    if (Buffer.byteLength(value) > envBytesMax) {
      violations.add(`${field}.value`, `At most ${envBytesMax} bytes.`);
    }
    if (value.includes('\0')) violations.add(`${field}.value`, 'Must not hold a zero byte.');
  }
}

function checkLimits(limits: Container['limits'], violations: Violations): void {
  for (const [name, quantity] of Object.entries(limits)) {
    const field = `${place}.resources.limits.${name}`;
    if (name === 'memory') checkMemory(quantity, field, violations);
    else if (name === 'cpu') checkCpu(quantity, field, violations);
    else violations.refuse(field, `The resource '${name}' is`);
  }
}

function checkMemory(quantity: string, field: string, violations: Violations): void {
  const bytes = parsed(memoryBytesOf, quantity);
  if (bytes !== null && bytes >= memoryMin && bytes <= memoryMax) return;
  const rule = 'must be a quantity from 32Mi to 32Gi, such as 512Mi';
  violations.add(field, `Invalid value specified for memory. '${quantity}' ${rule}.`);
}

function checkCpu(quantity: string, field: string, violations: Violations): void {
  const millis = parsed(cpuMillisOf, quantity);
  const isPart = millis !== null && isWithin(millis, 80, 999);
  if (isPart || [1_000, 2_000, 4_000, 6_000, 8_000].includes(millis ?? 0)) return;
  const rule = 'Total cpu must be 80m to less than 1, or one of 1, 2, 4, 6, 8';
  violations.add(field, `Invalid value specified for cpu. ${rule}.`);
}

/** What a parser makes of a quantity; null: it is none. */
function parsed(parse: (quantity: string) => number, quantity: string): number | null {
  try {
    return parse(quantity);
  } catch {
    return null;
  }
}

function checkProbe(
  probe: Probe | undefined,
  field: string,
  secondsMax: number,
  violations: Violations,
): void {
  if (probe === undefined) return;
  const { http, tcpPort } = probe;
  if ((http === undefined) === (tcpPort === undefined)) {
    violations.add(field, 'Exactly one of httpGet and tcpSocket must be set.');
  }
  if (tcpPort !== undefined) checkPort(tcpPort, `${field}.tcpSocket.port`, violations);
  if (http !== undefined) checkHttpGet(http, `${field}.httpGet`, violations);
  const bounds = [
    ['initialDelaySeconds', 0, secondsMax],
    ['timeoutSeconds', 1, secondsMax],
    ['periodSeconds', 1, secondsMax],
    ['failureThreshold', 1, 1_000],
  ] as const;
  for (const [name, least, most] of bounds) {
    if (isWithin(probe[name], least, most)) continue;
    violations.add(`${field}.${name}`, `Must be between ${least} and ${most}.`);
  }
  if (probe.timeoutSeconds > probe.periodSeconds) {
    violations.add(`${field}.timeoutSeconds`, 'Must not be greater than periodSeconds.');
  }
}

function checkHttpGet(
  { path, port, headers }: NonNullable<Probe['http']>,
  field: string,
  violations: Violations,
): void {
  if (port !== undefined) checkPort(port, `${field}.port`, violations);
  if (!/^\/[!-~]*$/.test(path)) violations.add(`${field}.path`, 'Must be an absolute path.');
  for (const [index, { name, value }] of headers.entries()) {
    // RFC 9110, 5.1 and 5.5.
    const isField = /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
    if (!isField) violations.add(`${field}.httpHeaders[${index}]`, 'Not a header.');
  }
}

export function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
